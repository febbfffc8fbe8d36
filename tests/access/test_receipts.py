"""Receipts: only the payer can read one, because it shows the preimage."""

import re
from typing import Any

import pytest

from gateway.books.receipt_numbers import receipt_number
from gateway.ports.node import NodeState
from tests.support.rows import START
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
CONTENT, RECEIPT = "/v1/items/welcome/content", "/v1/receipt"


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def receipt_of(site: Site, headers: dict[str, str]) -> tuple[int, Any]:
    return await site.call("GET", RECEIPT, headers=headers)


async def test_a_receipt_shows_the_amount_and_each_share(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    preimage = shop.pay(invoice["payment_hash"], amount_msat=100_001)
    status, receipt = await receipt_of(shop, headers)
    assert status == 200
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", receipt.pop("recovery_code"))
    assert receipt == {
        "number": receipt_number(invoice["payment_hash"], START),
        "payment_hash": invoice["payment_hash"],
        "item_id": "welcome",
        "tip_to": None,
        "kind": "text",
        "title": "A text",
        "seller": {"creator": "alice", "title": "Alice"},
        "site": shop.gateway.config.public_url,
        "amount_msat": 100_000,
        "state": "settled",
        "paid_msat": 100_001,
        "settled_at": "2027-01-15T08:00:00Z",
        "rate": None,
        "access_ends_at": None,
        "message": "",
        "name": "",
        "preimage": preimage,
        "contact": None,
        "page_url": None,
        "shares": [
            {"creator": "alice", "title": "Alice", "amount_msat": 70_001},
            {"creator": "bob", "title": "Bob", "amount_msat": 30_000},
        ],
        "refund": None,
    }


async def test_an_unpaid_receipt_has_no_preimage_and_shows_the_planned_shares(shop: Site) -> None:
    _, headers = await shop.buy("welcome")
    status, receipt = await receipt_of(shop, headers)
    assert (status, receipt["state"], receipt["preimage"], receipt["paid_msat"]) == (200, "open", None, None)
    assert (receipt["number"], receipt["recovery_code"]) == (None, None)
    assert [share["amount_msat"] for share in receipt["shares"]] == [70_000, 30_000]


async def test_a_tips_receipt_names_its_creator(shop: Site) -> None:
    _, tip = await shop.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 21_000})
    preimage = await shop.settle(tip["payment_hash"])
    _, receipt = await receipt_of(shop, bearer(tip["access_token"]))
    assert (receipt["tip_to"], receipt["title"], receipt["preimage"]) == ("bob", "Bob", preimage)
    assert (receipt["kind"], receipt["seller"]) == ("tip", {"creator": "bob", "title": "Bob"})


async def test_a_tips_receipt_has_its_note_until_the_note_is_deleted(shop: Site) -> None:
    note = {"name": "Ines", "message": "For the map."}
    _, tip = await shop.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 21_000} | note)
    await shop.settle(tip["payment_hash"])
    for kept in (note, {"name": "", "message": ""}):
        receipt = (await receipt_of(shop, bearer(tip["access_token"])))[1]
        assert {name: receipt[name] for name in note} == kept
        await shop.call("POST", "/v1/admin/purges", json={"at_once": True}, headers=shop.operator)


async def test_a_receipt_without_its_node_lacks_only_the_preimage(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    shop.core.state = NodeState.ABSENT
    status, receipt = await receipt_of(shop, headers)
    assert (status, receipt["state"], receipt["preimage"]) == (200, "settled", None)


async def test_a_shared_challenge_shares_neither_access_nor_receipt(shop: Site) -> None:
    (_, paying), (_, watching) = [await shop.call("GET", CONTENT) for _ in range(2)]
    assert paying["paymentHash"] == watching["paymentHash"], "two programs behind one address"
    preimage = await shop.settle(paying["paymentHash"])
    for token in (paying["macaroon"], watching["macaroon"]):
        status, problem = await receipt_of(shop, bearer(token))
        assert (status, problem["code"]) == (401, "proof_missing")
        guess = {"Authorization": f"L402 {token}:{'00' * 32}"}
        status, problem = await receipt_of(shop, guess)
        assert (status, problem["code"]) == (401, "preimage_wrong")
        assert preimage not in str(problem)
    status, receipt = await receipt_of(shop, {"Authorization": f"L402 {paying['macaroon']}:{preimage}"})
    assert (status, receipt["preimage"], receipt["recovery_code"]) == (200, preimage, None)


@pytest.mark.parametrize("path", ["/r", "/i/welcome"])
async def test_a_shared_challenge_in_a_cookie_shows_nothing(shop: Site, path: str) -> None:
    _, challenge = await shop.call("GET", CONTENT)
    preimage = await shop.settle(challenge["paymentHash"])
    token = challenge["macaroon"].rstrip("=").replace("+", "-").replace("/", "_")
    headers = {"Cookie": f"tuppence-i-welcome={token}", "Accept": "text/html"}
    status, page = await shop.call("GET", path, headers=headers)
    assert status == 200
    assert preimage not in page
    assert "paid part" not in page


async def test_a_token_of_another_page_in_the_cookie_is_ignored(shop: Site) -> None:
    await shop.sell_text(TEXT, item_id="other")
    _, tip = await shop.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 21_000})
    other, _ = await shop.buy("other")
    for invoice in (tip, other):
        await shop.settle(invoice["payment_hash"])
        token = invoice["access_token"].rstrip("=").replace("+", "-").replace("/", "_")
        headers = {"Cookie": f"tuppence-i-welcome={token}; tuppence-t-bob={token}", "Accept": "text/html"}
        for path in ("/r", "/i/welcome", "/t/bob"):
            status, page = await shop.call("GET", path, headers=headers)
            assert status == 200
            assert "paid part" not in page


async def test_a_receipt_outlives_the_paid_time(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"access_seconds": 60}, headers=shop.operator)
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    shop.clock.advance(10_000_000)
    receipt = (await receipt_of(shop, headers))[1]
    assert (receipt["state"], receipt["access_ends_at"]) == ("settled", "2027-01-15T08:01:00Z")
