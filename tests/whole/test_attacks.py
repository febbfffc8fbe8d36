"""Attacks of the past on systems of this kind that are not of one module; others stand in its module's tests."""

import asyncio
import re
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_config
from gateway.settlement.settle import Settler
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.simulator.refusals import CallRefused
from gateway.store.engines.database import open_database
from gateway.web.http.qr import payment_qr
from gateway.wire.bolt11.reading import decode
from tests.support.announced import Announced
from tests.support.clock import FakeClock
from tests.support.domain import Domain
from tests.support.rows import NODE_ID, a_creator
from tests.support.site import Site, open_site

# Incidents of the past that other systems had; the tests that show that they cannot happen here are named after them.
ATTACKS = {
    2: "a lock in one process that is meant to hold for all",
    6: "the same hash at another amount, or at another node",
    7: "an invoice with two payment hashes",
    8: "a description hash taken for the payment hash",
    9: "amounts that are negative, nothing, not whole, or too large",
    10: "a price that the buyer names",
    11: "an old rate, or an invoice at an old price",
    12: "a settlement without its amount",
    13: "a proof used elsewhere, or half of one",
    14: "a token that is widened",
    15: "a preimage that can be read before payment",
    16: "an invoice without an amount",
    17: "a code that is not the invoice",
    18: "words that become markup",
    19: "forms and cookies of another site",
    20: "open redirects and frames",
    21: "addresses of others that lead inward",
    22: "a flood of invoices",
    24: "secrets compared byte by byte",
    27: "a stolen macaroon",
    28: "a library that was swapped",
}
TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES, CONTENT, TIPS = "/v1/items/welcome/invoices", "/v1/items/welcome/content", "/v1/creators/alice/tips"
TIP_FORM = {"amount": "21", "name": "", "message": ""}


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


def test_every_attack_has_a_test_named_after_it() -> None:
    texts = [path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py")]
    named = {int(number) for text in texts for number in re.findall(r"def test_a(\d+)_", text)}
    assert named == set(ATTACKS)


async def test_a16_every_invoice_names_its_amount(shop: Site) -> None:
    await shop.call("POST", INVOICES)
    await shop.call("GET", CONTENT)
    await shop.call("POST", TIPS, json={"amount_msat": 1_000})
    await shop.call("POST", "/i/welcome", allow_redirects=False)
    await shop.call("POST", "/t/alice", data=TIP_FORM, allow_redirects=False)
    amounts = [decode(row.payment_request).amount_msat for row in shop.core.invoices]
    assert amounts == [100_000, 100_000, 1_000, 100_000, 21_000]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:8402.evil.example", "file://", "x"]
)
@pytest.mark.parametrize(("path", "form"), [("/i/welcome", {}), ("/t/alice", TIP_FORM)])
async def test_a19_a_form_of_another_site_is_refused(shop: Site, path: str, form: dict[str, str], origin: str) -> None:
    before = shop.dump()
    status, _ = await shop.call("POST", path, data=form, headers={"Origin": origin}, allow_redirects=False)
    assert (status, shop.dump()) == (403, before)
    ours = {"Origin": shop.gateway.config.public_url}
    assert (await shop.call("POST", path, data=form, headers=ours, allow_redirects=False))[0] == 303


async def test_a19_a_cookie_opens_nothing_but_its_page(shop: Site) -> None:
    async with shop.session.post(f"{shop.url}/i/welcome", allow_redirects=False) as response:
        cookie = response.cookies["tuppence"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    await shop.settle(next(iter(shop.core.invoices)).payment_hash.hex())
    headers = {"Cookie": f"tuppence={cookie.value}", "Accept": "text/html"}
    status, page = await shop.call("GET", "/i/welcome", headers=headers)
    assert (status, "paid part" in page) == (200, True)
    for method, path in (("GET", CONTENT), ("POST", "/v1/items/welcome/links"), ("GET", "/v1/receipt")):
        status, answer = await shop.call(method, path, headers=headers)
        assert status in {401, 402}
        assert "paid part" not in str(answer)
    operator = {"Cookie": f"Authorization=Bearer {shop.gateway.operator_key}; api_key={shop.gateway.operator_key}"}
    assert (await shop.call("GET", "/v1/admin/items", headers=operator))[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1@evil.example"])
async def test_a20_no_answer_leads_to_another_site(shop: Site, host: str) -> None:
    paths = ["/i/welcome", "/i/welcome?return_url=https://evil.example", "/i/welcome?next=//evil.example", "/t/alice"]
    for path in paths:
        data = TIP_FORM if path == "/t/alice" else {}
        options: dict[str, Any] = {"data": data, "headers": {"Host": host}, "allow_redirects": False}
        async with shop.session.post(f"{shop.url}{path}", **options) as response:
            assert response.status == 303
            assert response.headers["Location"] == path.partition("?")[0]
    invoice, _ = await shop.buy("welcome")
    status, again = await shop.call("GET", f"/v1/invoices/{invoice['payment_hash']}", headers={"Host": host})
    assert (status, "evil" in str(again)) == (200, False)


@pytest.mark.parametrize("path", ["/i/welcome", "/t/alice", "/r", "/docs", CONTENT])
async def test_a20_no_page_can_be_framed_or_load_what_is_not_ours(shop: Site, path: str) -> None:
    async with shop.session.get(f"{shop.url}{path}", headers={"Accept": "text/html"}) as response:
        policy = response.headers["Content-Security-Policy"]
        page = await response.text()
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "<script>" not in page
    assert " onclick" not in page


async def test_a22_a_flood_from_one_network_is_bounded_and_others_are_served(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    config = load_config(data_dir=tmp_path, trusted_proxies="127.0.0.1", invoices_per_client="1000/second")
    async with open_site(config, clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        answers: Counter[int] = Counter()
        for number in range(200):
            attacker = {"X-Forwarded-For": f"203.0.113.{number % 256}"}
            requests = ((INVOICES, "POST", None), (CONTENT, "GET", None), (TIPS, "POST", {"amount_msat": 1_000}))
            path, method, body = requests[number % 3]
            answers[(await site.call(method, path, headers=attacker, json=body))[0]] += 1
        issued = len(list(core.invoices))
        assert issued == config.open_invoices_per_client
        assert answers[429] > 100
        for number in range(20):
            honest = {"X-Forwarded-For": f"198.51.{number}.7"}
            status, invoice = await site.call("POST", INVOICES, headers=honest)
            assert status == 201
            await site.settle(invoice["payment_hash"])


async def test_a22_a_flood_of_tokens_in_one_request_asks_for_little(shop: Site) -> None:
    tokens = [(await shop.buy("welcome"))[0]["access_token"] for _ in range(15)]
    asked = 0
    lookup = shop.gateway.nodes[NODE_ID].node.lookup

    async def counted(payment_hash: str) -> Any:
        nonlocal asked
        asked += 1
        return await lookup(payment_hash)

    shop.gateway.nodes[NODE_ID].node.lookup = counted  # type: ignore[method-assign]  # counted on its way
    headers = [("Authorization", f"Bearer {token}") for token in tokens]
    async with shop.session.get(f"{shop.url}{CONTENT}", headers=headers) as response:
        assert response.status == 401
    assert asked <= 8


async def test_a2_no_lock_in_memory_protects_money(domain: Domain) -> None:
    """Two processes at one database, each with a settler that knows nothing of the other."""
    invoices = await domain.sell_many(20)
    for invoice in invoices:
        domain.pay(invoice)
    other = await open_database(domain.database_url)
    settlers = [Settler(domain.node, store, domain.clock, Announced()) for store in (domain.store, other, other)]
    reports = [await domain.node.lookup(invoice.payment_hash) for invoice in invoices]
    told = [report for report in reports if report is not None]
    booked = await asyncio.gather(*(settler.settle(told) for settler in settlers for _ in range(3)))
    await other.close()
    assert sum(len(each) for each in booked) == len(invoices)
    assert (await domain.balances())["creator:alice"] == 20 * 70_000


async def test_a6_the_same_hash_at_another_amount_or_node_is_no_payment_of_ours(domain: Domain) -> None:
    """What another node, or a cheaper invoice of the same preimage, says of our payment hash settles nothing."""
    invoice = await domain.sell()
    cheap = Simulator(clock=domain.clock, random_bytes=secrets.token_bytes)
    preimage = domain.core.lookup(bytes.fromhex(invoice.payment_hash)).preimage
    cheap.pay(cheap.add_invoice(preimage=preimage, amount_msat=1_000, memo="", expiry_seconds=600).payment_hash)
    elsewhere = InProcessNode(cheap, node_id="elsewhere")
    report = await elsewhere.lookup(invoice.payment_hash)
    assert report is not None
    assert await Settler(elsewhere, domain.store, domain.clock, Announced()).settle([report]) == []
    with pytest.raises(CallRefused, match="already exists"):
        domain.core.add_invoice(preimage=preimage, amount_msat=1_000, memo="", expiry_seconds=600)
    assert await domain.balances() == {}


async def test_a17_the_code_that_is_paid_is_drawn_here_from_what_the_node_issued(shop: Site) -> None:
    async with shop.session.post(f"{shop.url}/i/welcome", allow_redirects=False) as response:
        cookie = response.cookies["tuppence"].value
    row = next(iter(shop.core.invoices))
    headers = {"Cookie": f"tuppence={cookie}", "Accept": "text/html"}
    status, page = await shop.call("GET", "/i/welcome", headers=headers)
    assert (status, row.payment_request.lower() in page.lower()) == (200, True)
    # A first payment is explained with links to wallets, which are no part of paying.
    paid_here = re.sub(r'<details class="help".*?</details>', "", page, flags=re.DOTALL)
    sources = re.findall(r"""(?:src|href|action)=["']([^"']+)""", paid_here)
    assert [source for source in sources if not source.startswith(("/", "?", "#", "lightning:", "data:"))] == []
    _, drawn = await shop.call("GET", f"/v1/invoices/{row.payment_hash.hex()}/qr.svg")
    assert drawn == payment_qr(row.payment_request)
