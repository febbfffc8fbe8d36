"""Invoices over HTTP: what a reader gets, when it is the same again, and what happens while the node is away."""

import asyncio
from base64 import b64decode

import pytest

from gateway.access.tokens import read_token
from gateway.ports.node import NodeState
from gateway.simulator.refusals import PaymentRefused
from gateway.web.http.problems import NODE_AWAY_DETAIL
from gateway.wire.bolt11.reading import decode
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES, TIPS, CONTENT = "/v1/items/welcome/invoices", "/v1/creators/alice/tips", "/v1/items/welcome/content"
KEY = {"Idempotency-Key": "A" * 22}


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


def issued(site: Site) -> int:
    """How many invoices the node was asked for."""
    return len(list(site.core.invoices))


async def change(site: Site, **fields: object) -> None:
    status, _ = await site.call("PATCH", "/v1/admin/items/welcome", json=fields, headers=site.operator)
    assert status == 200


async def test_an_invoice_says_everything_that_a_reader_needs(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    decoded = decode(invoice["payment_request"])
    assert decoded.payment_hash.hex() == invoice["payment_hash"]
    assert (decoded.amount_msat, decoded.description) == (100_000, "Alice · 127.0.0.1:8402")
    token = read_token(shop.gateway.keys, b64decode(invoice["access_token"]))
    assert (token.payment_hash, token.item_id) == (invoice["payment_hash"], "welcome")
    base = "http://127.0.0.1:8402"
    checked = {"payment_hash", "payment_request", "access_token"}
    assert {name: value for name, value in invoice.items() if name not in checked} == {
        "amount_msat": 100_000,
        "state": "open",
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-01-15T08:10:00Z",
        "pay_url": f"{base}/i/welcome",
        "qr_url": f"{base}/v1/invoices/{invoice['payment_hash']}/qr.svg",
        "events_url": f"{base}/v1/invoices/{invoice['payment_hash']}/events",
        "item_id": "welcome",
    }  # fmt: skip


async def test_the_token_is_in_no_later_answer(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    _, again = await shop.call("GET", f"/v1/invoices/{invoice['payment_hash']}", headers=headers)
    assert again == {name: value for name, value in invoice.items() if name != "access_token"}


@pytest.mark.parametrize(("seconds", "state"), [(0, "open"), (599, "open"), (600, "expired"), (90_000, "expired")])
async def test_expired_is_derived_from_the_clock(shop: Site, seconds: int, state: str) -> None:
    invoice, _ = await shop.buy("welcome")
    shop.core.quirks.watch_expiry = False
    shop.clock.advance(seconds)
    _, now = await shop.call("GET", f"/v1/invoices/{invoice['payment_hash']}")
    assert now["state"] == state


async def test_a_reader_who_comes_back_never_waits_for_a_stream(shop: Site) -> None:
    shop.core.quirks.drop_events = True
    invoice, headers = await shop.buy("welcome")
    shop.pay(invoice["payment_hash"])
    _, now = await shop.call("GET", f"/v1/invoices/{invoice['payment_hash']}")
    assert (now["state"], now["paid_msat"], now["settled_at"]) == ("settled", 100_000, "2027-01-15T08:00:00Z")
    assert (await shop.call("GET", CONTENT, headers=headers))[0] == 200


async def test_a_repeated_key_gives_the_same_invoice_and_a_fresh_token(shop: Site) -> None:
    _, first = await shop.call("POST", INVOICES, headers=KEY)
    status, second = await shop.call("POST", INVOICES, headers=KEY)
    assert status == 201
    assert second.pop("access_token") != first.pop("access_token")
    assert (second, issued(shop)) == (first, 1)


@pytest.mark.both_databases
async def test_fifty_requests_at_once_with_one_key_sell_one_invoice(shop: Site) -> None:
    answers = await asyncio.gather(*(shop.call("POST", INVOICES, headers=KEY) for _ in range(50)))
    sold = {answer["payment_hash"] for status, answer in answers if status == 201}
    assert len(sold) == 1
    assert {status for status, _ in answers} <= {201, 429}
    assert len(shop.dump()["invoices"]) == 1
    assert (await shop.call("POST", INVOICES, headers=KEY))[1]["payment_hash"] in sold


async def test_a_key_is_of_one_item_or_tip_page(shop: Site) -> None:
    await shop.sell_text(TEXT, item_id="other")
    paths = ((INVOICES, None), ("/v1/items/other/invoices", None), (TIPS, {"amount_msat": 1_000}))
    sold = [(await shop.call("POST", path, headers=KEY, json=body))[1]["payment_hash"] for path, body in paths]
    assert len(set(sold)) == 3


async def test_a_key_outlives_a_new_price(shop: Site) -> None:
    _, first = await shop.call("POST", INVOICES, headers=KEY)
    await change(shop, price_msat=200_000)
    _, second = await shop.call("POST", INVOICES, headers=KEY)
    assert (second["payment_hash"], second["amount_msat"]) == (first["payment_hash"], 100_000)


async def test_a_presented_token_gives_its_own_open_invoice_again(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    status, again = await shop.call("POST", INVOICES, headers=headers)
    assert (status, again) == (201, invoice)
    assert issued(shop) == 1


async def test_a_presented_token_that_opens_the_item_sells_nothing_new(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    await change(shop, price_msat=200_000)
    _, again = await shop.call("POST", INVOICES, headers=headers)
    assert (again["payment_hash"], again["state"]) == (invoice["payment_hash"], "settled")


async def test_a_new_price_is_asked_for_in_a_new_invoice(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    await change(shop, price_msat=200_000)
    _, again = await shop.call("POST", INVOICES, headers=headers)
    assert (again["payment_hash"] != invoice["payment_hash"], again["amount_msat"]) == (True, 200_000)
    with pytest.raises(PaymentRefused):
        shop.core.pay(bytes.fromhex(invoice["payment_hash"]))
    _, outdated = await shop.call("GET", f"/v1/invoices/{invoice['payment_hash']}")
    assert outdated["state"] == "canceled"


async def test_an_invoice_that_nobody_asked_anew_keeps_its_price(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    await change(shop, price_msat=200_000)
    await shop.settle(invoice["payment_hash"])
    assert (await shop.call("GET", CONTENT, headers=headers))[0] == 200


async def test_an_expired_invoice_is_not_shown_again(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    shop.clock.advance(600)
    _, again = await shop.call("POST", INVOICES, headers=headers)
    assert again["payment_hash"] != invoice["payment_hash"]


async def test_access_that_has_ended_is_sold_again_to_the_same_token(shop: Site) -> None:
    await change(shop, access_seconds=60)
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    shop.clock.advance(60)
    _, again = await shop.call("POST", INVOICES, headers=headers)
    assert again["payment_hash"] != invoice["payment_hash"]
    await shop.settle(again["payment_hash"])
    renewed = {"Authorization": f"Bearer {again['access_token']}"}
    assert (await shop.call("GET", CONTENT, headers=renewed))[0] == 200


async def test_a_token_of_something_else_is_passed_over(shop: Site) -> None:
    await shop.sell_text(TEXT, item_id="other")
    other, headers = await shop.buy("other")
    _, invoice = await shop.call("POST", INVOICES, headers=headers)
    assert (invoice["item_id"], invoice["payment_hash"] != other["payment_hash"]) == ("welcome", True)
    for line in ("Bearer nonsense", "L402 :", "Basic YTpi"):
        assert (await shop.call("POST", INVOICES, headers={"Authorization": line}))[0] == 201


async def test_a_challenges_invoice_is_never_a_readers(shop: Site) -> None:
    _, challenge = await shop.call("GET", CONTENT)
    headers = {"Authorization": f"Bearer {challenge['macaroon']}"}
    _, invoice = await shop.call("POST", INVOICES, headers=headers)
    assert invoice["payment_hash"] != challenge["paymentHash"]


async def test_a_paid_tip_is_not_returned_for_a_second_one(shop: Site) -> None:
    tip = {"amount_msat": 21_000, "message": "again"}
    _, first = await shop.call("POST", TIPS, json=tip)
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    await shop.settle(first["payment_hash"])
    _, second = await shop.call("POST", TIPS, json=tip, headers=headers)
    assert second["payment_hash"] != first["payment_hash"]


async def test_two_paid_invoices_of_one_reader_are_both_booked(shop: Site) -> None:
    for _ in range(2):
        invoice, _ = await shop.buy("welcome")
        await shop.settle(invoice["payment_hash"])
    _, balances = await shop.call("GET", "/v1/admin/balances", headers=shop.operator)
    assert {each["creator"]: each["balance_msat"] for each in balances} == {"alice": 140_000, "bob": 60_000}


async def test_the_memo_is_the_creators_and_never_the_readers(shop: Site) -> None:
    tip = {"amount_msat": 21_000, "message": "from me", "name": "a reader"}
    _, invoice = await shop.call("POST", TIPS, json=tip)
    assert decode(invoice["payment_request"]).description == "Alice · 127.0.0.1:8402"
    await change(shop, memo="ü" * 319)
    invoice, _ = await shop.buy("welcome")
    assert decode(invoice["payment_request"]).description == "ü" * 319


AWAY = [(NodeState.ABSENT, "node_away"), (NodeState.LOCKED, "node_locked"), (NodeState.STARTING, "node_starting")]


@pytest.mark.parametrize(("state", "code"), AWAY)
async def test_a_node_that_is_away_is_said_at_once_while_what_was_paid_keeps_opening(
    shop: Site, state: NodeState, code: str
) -> None:
    paid, opens = await shop.buy("welcome")
    preimage = await shop.settle(paid["payment_hash"])
    unpaid, _ = await shop.buy("welcome")
    shop.core.state = state
    for method, path, body in (
        ("POST", INVOICES, None),
        ("GET", CONTENT, None),
        ("POST", TIPS, {"amount_msat": 1_000}),
    ):
        async with shop.session.request(method, f"{shop.url}{path}", json=body) as response:
            problem = await response.json(content_type=None)
            assert (response.status, problem["code"], problem["detail"]) == (503, code, NODE_AWAY_DETAIL)
            assert int(response.headers["Retry-After"]) >= 1
    l402 = {"Authorization": f"L402 {paid['access_token']}:{preimage}"}
    assert [(await shop.call("GET", CONTENT, headers=headers))[0] for headers in (opens, l402)] == [200, 200]
    assert (await shop.call("GET", "/v1/items/welcome"))[0] == 200
    _, still = await shop.call("GET", f"/v1/invoices/{unpaid['payment_hash']}")
    assert still["state"] == "open"
    _, receipt = await shop.call("GET", "/v1/receipt", headers=opens)
    assert (receipt["state"], receipt["preimage"]) == ("settled", None)


async def test_invoices_that_an_outage_prevented_do_not_count(shop: Site) -> None:
    shop.core.state = NodeState.ABSENT
    for _ in range(25):
        assert (await shop.call("POST", INVOICES))[0] == 503
    shop.core.state = NodeState.READY
    assert (await shop.call("POST", INVOICES))[0] == 201


async def test_an_answer_that_was_lost_is_no_invoice_and_is_told_so(shop: Site) -> None:
    shop.core.quirks.lose_answers = 1
    async with shop.session.post(f"{shop.url}{INVOICES}") as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (503, "node_outcome_unknown")
        assert int(response.headers["Retry-After"]) >= 1
    assert shop.dump()["invoices"] == []
    assert (await shop.call("POST", INVOICES))[0] == 201


async def test_a_qr_code_is_drawn_here(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with shop.session.get(f"{shop.url}/v1/invoices/{invoice['payment_hash']}/qr.svg") as response:
        svg = await response.text()
        assert (response.status, response.content_type) == (200, "image/svg+xml")
        assert svg.startswith("<svg")
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
