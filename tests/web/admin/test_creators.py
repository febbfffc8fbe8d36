"""The creators' API: who may do what, and what is refused without a trace."""

from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Engine, event

from gateway.web.routes import API, Route
from gateway.web.serve import build_app, serve
from tests.support.site import Site
from tests.web.admin.owed import KNOWN, UNHEARD, WAITING, owe

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
ITEMS, ITEM, CONTENT = "/v1/admin/items", "/v1/admin/items/welcome", "/v1/admin/items/welcome/content"
NEW = {"creator": "alice", "price_msat": 1_000, "title": "T", "markdown": "Some words."}
ADMIN = [route for route in API if route.path.startswith("/v1/admin/")]
FOR_THE_OPERATOR = {
    ("GET", "/v1/admin/creators"),
    ("POST", "/v1/admin/creators"),
    ("GET", "/v1/admin/nodes"),
    ("PATCH", "/v1/admin/nodes/lnd"),
    ("GET", "/v1/admin/nodes/lnd/audit"),
    ("POST", "/v1/admin/suspense"),
    ("POST", "/v1/admin/purges"),
    ("PUT", "/v1/admin/creators/alice/payout-rule"),
    ("DELETE", "/v1/admin/creators/alice/payout-rule"),
    ("POST", "/v1/admin/payout-records"),
    ("POST", "/v1/admin/refund-records"),
    ("PUT", "/v1/admin/payout-pause"),
    ("POST", "/v1/admin/payout-pause/end"),
    ("GET", "/v1/admin/payout-pause/lacking"),
    ("GET", "/v1/admin/refunds"),
    ("PUT", "/v1/admin/payments/PAYMENT/refund"),
    ("GET", "/v1/admin/nodes/lnd/payouts"),
    *(("POST", f"/v1/admin/payouts/PAYOUT/{decision}") for decision in ("cancel", "retry", "resolve")),
}
NOT_SEEN_BY_OTHERS = {("GET", "/v1/admin/payouts/PAYOUT")}
LACKING = b"s" * 32
FOR_EVERY_CREATOR = {
    ("GET", ITEMS),
    ("GET", "/v1/admin/payments"),
    ("GET", "/v1/admin/balances"),
    ("GET", "/v1/admin/payouts"),
}

Keys = dict[str, dict[str, str]]


@pytest.fixture
async def keys(site: Site) -> Keys:
    """Headers by who asks; `welcome` is alice's, shared with bob."""
    await site.sell_text(TEXT)
    created = {name: await rotate(site, name) for name in ("alice", "bob")}
    stale = created["bob"]
    created["bob"] = await rotate(site, "bob")
    headers = {name: {"Authorization": f"Bearer {key}"} for name, key in created.items()}
    token = (await site.buy("welcome"))[1]
    lacking = site.core.add_invoice(preimage=LACKING, amount_msat=1_000, memo="", expiry_seconds=60)
    site.core.pay(lacking.payment_hash)
    return headers | {
        "nobody": {},
        "nonsense": {"Authorization": "Bearer nonsense"},
        "a stale key": {"Authorization": f"Bearer {stale}"},
        "a wrong secret": {"Authorization": f"Bearer {created['alice'][:-4]}AAAA"},
        "basic": {"Authorization": f"Basic {site.gateway.operator_key}"},
        "a reader": token,
        "operator": site.operator,
    }


async def rotate(site: Site, name: str) -> str:
    """A new key of a creator."""
    status, creator = await site.call("POST", f"/v1/admin/creators/{name}/key", headers=site.operator)
    assert status == 200
    return str(creator["api_key"])


def request_of(route: Route) -> tuple[str, str, dict[str, Any]]:
    """A good request to a route about alice's things."""
    names = {"item_id": "welcome", "name": "alice", "node_id": "lnd", "payout_id": "PAYOUT", "payment_hash": "PAYMENT"}
    path = route.path.format_map(names)
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("POST", "/v1/admin/creators"): {"json": {"name": "carol"}},
        ("POST", ITEMS): {"json": NEW},
        ("PATCH", ITEM): {"json": {"title": "Changed"}},
        ("PUT", CONTENT): {"data": b"Other words."},
        ("PATCH", "/v1/admin/nodes/lnd"): {"json": {"drained": True}},
        ("POST", "/v1/admin/purges"): {"json": {"at_once": True}},
        ("POST", "/v1/admin/suspense"): {"json": {"payment_hash": sha256(LACKING).hexdigest()}},
        ("PUT", "/v1/admin/creators/alice/destination"): {"json": {"address": "alice@other.example"}},
        ("PUT", "/v1/admin/creators/alice/payout-rule"): {"json": {"threshold_msat": 10**6, "interval": "weekly"}},
        ("POST", "/v1/admin/payouts"): {"json": {"creator": "alice", "amount_msat": 500_000}},
        ("POST", "/v1/admin/payouts/PAYOUT/resolve"): {"json": {"paid": False, "note": "asked the host"}},
        ("POST", "/v1/admin/payout-records"): {"json": {"creator": "alice", "amount_msat": 1_000, "note": "cash"}},
        ("POST", "/v1/admin/refund-records"): {"json": {"refund_of": KNOWN.get("REFUNDED"), "note": "cash"}},
        ("PUT", "/v1/admin/payout-pause"): {"json": {}},
        ("POST", "/v1/admin/payout-pause/end"): {"json": {}},
        ("PUT", "/v1/admin/payments/PAYMENT/refund"): {"json": {"operator_pays": True}},
    }
    return route.method, path, bodies.get((route.method, path), {})


def expected_of(route: Route, who: str) -> int:
    """The status that the matrix of keys gives."""
    method, path, _ = request_of(route)
    if who in {"operator", "alice", "bob"}:
        if who != "operator" and (method, path) in FOR_THE_OPERATOR:
            return 403
        if who == "bob" and (method, path) in NOT_SEEN_BY_OTHERS:
            return 404
        if who == "bob" and (method, path) not in FOR_EVERY_CREATOR:
            return 403
        return route.status
    return 401


def found(path: str) -> str:
    """The path with what the fixture has made."""
    payout = UNHEARD if path.endswith("/resolve") else WAITING
    return path.replace("PAYOUT", payout).replace("PAYMENT", KNOWN.get("PAYMENT", ""))


WHO = ["nobody", "nonsense", "a stale key", "a wrong secret", "basic", "a reader", "bob", "alice", "operator"]
ALLOWED = [(route, who) for route in ADMIN for who in WHO if expected_of(route, who) == route.status]


@pytest.mark.parametrize("route", ADMIN, ids=lambda route: f"{route.method} {route.path}")
async def test_a_route_refuses_every_key_that_it_is_not_for_and_changes_nothing(
    site: Site, keys: Keys, route: Route
) -> None:
    await owe(site)
    method, path, options = request_of(route)
    before = site.dump()
    for who in WHO:
        expected = expected_of(route, who)
        if expected != route.status:
            status, body = await site.call(method, found(path), headers=keys[who], **options)
            assert (who, status, "detail" in body) == (who, expected, True)
            assert site.dump() == before


@pytest.mark.parametrize(
    ("route", "who"), ALLOWED, ids=[f"{route.method} {route.path}-{who}" for route, who in ALLOWED]
)
async def test_a_route_answers_every_key_that_it_is_for(site: Site, keys: Keys, route: Route, who: str) -> None:
    await owe(site)
    method, path, options = request_of(route)
    status, body = await site.call(method, found(path), headers=keys[who], **options)
    assert status == route.status, body


@pytest.mark.parametrize("route", ADMIN, ids=lambda route: f"{route.method} {route.path}")
async def test_the_unix_socket_is_the_operators(site: Site, keys: Keys, route: Route) -> None:
    assert keys
    await owe(site)
    method, path, options = request_of(route)
    config = site.gateway.config.model_copy(update={"listen": "127.0.0.1:0"})
    async with serve(build_app(site.gateway), config):
        assert oct(config.admin_socket.stat().st_mode)[-3:] == "600"
        connector = aiohttp.UnixConnector(path=str(config.admin_socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://gateway{found(path)}", **options) as response,
        ):
            assert response.status == route.status


async def test_a_new_key_by_the_operator_names_the_change_of_destination_that_it_drops(site: Site, keys: Keys) -> None:
    path = "/v1/admin/creators/alice"
    stolen = {"json": {"address": "alice@thief.example"}, "headers": keys["alice"]}
    assert (await site.call("PUT", f"{path}/destination", **stolen))[0] == 200
    dropped = [(await site.call("POST", f"{path}/key", headers=site.operator))[1]["dropped_destination"] for _ in "12"]
    assert dropped == ["alice@thief.example", None]


@pytest.mark.parametrize("path", [f"{ITEMS}/nothing", "/v1/admin/creators/nobody/key"])
async def test_what_is_there_is_told_to_nobody_without_a_key(site: Site, path: str) -> None:
    method = "POST" if path.endswith("key") else "GET"
    assert (await site.call(method, path))[0] == 401
    assert (await site.call(method, path, headers=site.operator))[0] == 404


async def test_a_new_creator_gets_a_key_that_is_shown_once_and_stored_hashed(site: Site) -> None:
    status, carol = await site.call(
        "POST", "/v1/admin/creators", json={"name": "carol", "title": "Carol"}, headers=site.operator
    )
    assert status == 201
    _, listed = await site.call("GET", "/v1/admin/creators", headers=site.operator)
    assert [creator["api_key"] for creator in listed] == [None] * 3
    assert carol["api_key"].split("_", 2)[2] not in str(site.dump())
    headers = {"Authorization": f"Bearer {carol['api_key']}"}
    assert await site.call("GET", ITEMS, headers=headers) == (200, [])


async def test_a_creator_sees_their_own_items_payments_and_balance(site: Site, keys: Keys) -> None:
    await site.sell_text(TEXT, item_id="alone", creator="bob", shares=[{"creator": "bob", "weight": 1}])
    for item_id in ("welcome", "alone"):
        invoice, _ = await site.buy(item_id)
        await site.settle(invoice["payment_hash"])
    seen = {
        who: [
            [item["id"] for item in (await site.call("GET", ITEMS, headers=keys[who]))[1]],
            [paid["item_id"] for paid in (await site.call("GET", "/v1/admin/payments", headers=keys[who]))[1]],
            [b["balance_msat"] for b in (await site.call("GET", "/v1/admin/balances", headers=keys[who]))[1]],
        ]
        for who in ("alice", "bob", "operator")
    }
    assert seen == {
        "alice": [["welcome"], ["welcome"], [70_000]],
        "bob": [["alone"], ["welcome", "alone"], [130_000]],
        "operator": [["alone", "welcome"], ["welcome", "alone"], [70_000, 130_000]],
    }


@pytest.mark.parametrize("path", ["/v1/admin/payments?limit=500", "/v1/admin/balances"])
async def test_a_page_of_any_length_costs_the_database_the_same_number_of_questions(
    site: Site, keys: Keys, path: str
) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "transfers" in statement or "accounts" in statement:
            asked.append(statement)

    counts = []
    event.listen(Engine, "before_cursor_execute", note)
    for _ in range(2):
        for _ in range(3):
            invoice, _ = await site.buy("welcome")
            await site.settle(invoice["payment_hash"])
        asked.clear()
        status, rows = await site.call("GET", path, headers=keys["operator"])
        assert (status, bool(rows)) == (200, True)
        counts.append(len(asked))
    event.remove(Engine, "before_cursor_execute", note)
    assert counts == [1, 1]


async def test_payments_are_paged_by_position(site: Site, keys: Keys) -> None:
    for _ in range(3):
        invoice, _ = await site.buy("welcome")
        await site.settle(invoice["payment_hash"])
    pages = [
        [paid["position"] for paid in (await site.call("GET", f"/v1/admin/payments?{query}", headers=keys["bob"]))[1]]
        for query in ("limit=2", "after=2", "after=3", "limit=0")
    ]
    assert pages == [[1, 2], [3], [], []]
