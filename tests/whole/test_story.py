"""One payment from the price to the books, as a reader and as a program meet it."""

import pytest

from tests.support.clock import until
from tests.support.site import Site

pytestmark = pytest.mark.both_databases

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part, worth a hundred sats."
PAID_PART = "worth a hundred sats"


async def test_a_reader_pays_and_the_text_opens_and_both_creators_are_credited(site: Site) -> None:
    await site.sell_text(TEXT)

    status, item = await site.call("GET", "/v1/items/welcome")
    assert (status, item["price_msat"]) == (200, 100_000)
    assert "free part" in item["preview_html"]
    assert PAID_PART not in str(item)

    invoice, token = await site.buy("welcome")
    assert (invoice["state"], invoice["amount_msat"]) == ("open", 100_000)
    status, refusal = await site.call("GET", "/v1/items/welcome/content", headers=token)
    assert (status, refusal["code"]) == (401, "not_paid")

    site.pay(invoice["payment_hash"])
    await until(lambda: is_settled(site, invoice["payment_hash"]))

    status, content = await site.call("GET", "/v1/items/welcome/content", headers=token)
    assert status == 200
    assert PAID_PART in content
    _, balances = await site.call("GET", "/v1/admin/balances", headers=site.operator)
    assert {each["creator"]: each["balance_msat"] for each in balances} == {"alice": 70_000, "bob": 30_000}
    _, payments = await site.call("GET", "/v1/admin/payments", headers=site.operator)
    assert [(p["position"], p["item_id"], p["paid_msat"]) for p in payments] == [(1, "welcome", 100_000)]


async def test_a_program_buys_the_same_item_with_its_preimage(site: Site) -> None:
    await site.sell_text(TEXT)

    async with site.session.get(f"{site.url}/v1/items/welcome/content") as response:
        challenge = await response.json(content_type=None)
        assert response.status == 402
        expected = f'L402 macaroon="{challenge["macaroon"]}", invoice="{challenge["invoice"]}", '
        assert response.headers["WWW-Authenticate"].startswith(expected)

    preimage = site.pay(challenge["paymentHash"])
    authorization = {"Authorization": f"L402 {challenge['macaroon']}:{preimage}"}
    status, content = await site.call("GET", "/v1/items/welcome/content", headers=authorization)
    assert status == 200
    assert PAID_PART in content


async def test_a_tip_reaches_its_creator_with_its_words(site: Site) -> None:
    tip = {"amount_msat": 21_000, "message": "thank you", "name": "a reader"}
    status, invoice = await site.call("POST", "/v1/creators/bob/tips", json=tip)
    assert status == 201
    site.pay(invoice["payment_hash"])
    await until(lambda: is_settled(site, invoice["payment_hash"]))

    _, payments = await site.call("GET", "/v1/admin/payments", headers=site.operator)
    assert [(p["tip_to"], p["message"], p["name"]) for p in payments] == [("bob", "thank you", "a reader")]


async def is_settled(site: Site, payment_hash: str) -> bool:
    _, invoice = await site.call("GET", f"/v1/invoices/{payment_hash}")
    return bool(invoice["state"] == "settled")
