"""A refund is claimed once, by the holder of the whole token: to an invoice, an address, or a wallet's LNURL."""

import asyncio
import io
from base64 import b64decode
from typing import Any

import pytest

from gateway.payouts.refunds import OFFERED_SECONDS
from gateway.wire.lnurl.addresses import read_lnurl
from tests.access.test_tokens import bearer, narrowed
from tests.web.refunds.conftest import CLAIM, Headers, Shop

WITHDRAW = "/v1/refunds/withdraw"


async def claim(shop: Shop, headers: Headers, destination: str) -> tuple[int, Any]:
    """Claim with a token."""
    return await shop.site.call("POST", CLAIM, json={"destination": destination}, headers=headers)


async def refund_of(shop: Shop, headers: Headers) -> Any:
    """The refund on the receipt."""
    status, receipt = await shop.site.call("GET", "/v1/receipt", headers=headers)
    assert status == 200
    return receipt["refund"]


async def k1_of(shop: Shop, headers: Headers) -> str:
    """The secret in the LNURL of the receipt."""
    url = read_lnurl((await refund_of(shop, headers))["lnurl"])
    before, _, k1 = url.partition("?k1=")
    assert before == f"{shop.site.gateway.config.public_url}{WITHDRAW}"
    return k1


async def ask(shop: Shop, path: str, **query: str) -> dict[str, Any]:
    """What LNURL answers: status 200, readable by every page, whatever it says."""
    async with shop.site.session.get(f"{shop.site.url}{path}", params=query) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "no-store"
        return dict(await response.json())


# With the token -------------------------------------------------------------------------------------------------------


async def test_a_payment_that_is_not_refunded_has_nothing_to_claim(shop: Shop) -> None:
    _, headers = await shop.bought()
    assert await refund_of(shop, headers) is None
    status, problem = await claim(shop, headers, shop.invoice())
    assert (status, problem["code"]) == (404, "refund_not_found")


@pytest.mark.parametrize("written", ["{}", "lightning:{}", "LIGHTNING:{}", " {}\n"])
async def test_a_refund_is_paid_to_a_pasted_invoice(shop: Shop, written: str) -> None:
    hash_, headers = await shop.refunded()
    invoice = shop.invoice()
    destination = written.format(invoice.upper() if written.isupper() else invoice)
    status, refund = await claim(shop, headers, destination)
    assert (status, refund["state"], refund["lnurl"]) == (202, "claiming", None)
    await shop.is_in(hash_, "claimed")
    assert shop.received_sat() == 100
    assert (await refund_of(shop, headers))["state"] == "claimed"
    status, problem = await claim(shop, headers, shop.invoice())
    assert (status, problem["code"]) == (409, "refund_claimed")


async def test_a_refund_is_paid_to_a_lightning_address(shop: Shop) -> None:
    hash_, headers = await shop.refunded()
    assert (await claim(shop, headers, f"lightning:{shop.address}"))[0] == 202
    await shop.is_in(hash_, "claimed")
    assert shop.received_sat() == 100


async def test_a_claim_that_could_not_be_paid_can_be_made_again(shop: Shop) -> None:
    hash_, headers = await shop.refunded()
    elsewhere = shop.address.rpartition(":")[0] + ":1"
    status, problem = await claim(shop, headers, elsewhere)
    assert 400 <= status < 500, problem
    assert (await refund_of(shop, headers))["state"] == "offered"
    await claim(shop, headers, shop.invoice())
    await shop.is_in(hash_, "claimed")


@pytest.mark.parametrize(
    ("destination", "code"),
    [("no address", "destination_invalid"), ("lnbc1", "invoice_invalid"), ("lnurl1", "destination_invalid")],
)
async def test_a_destination_that_is_none_is_refused_and_the_refund_stays(
    shop: Shop, destination: str, code: str
) -> None:
    _, headers = await shop.refunded()
    before = shop.site.dump()
    status, problem = await claim(shop, headers, destination)
    assert (status, problem["code"]) == (422, code)
    assert shop.site.dump() == before


@pytest.mark.parametrize("amount_msat", [99_000, 101_000, 100_001, 0])
async def test_an_invoice_of_another_amount_is_refused(shop: Shop, amount_msat: int) -> None:
    _, headers = await shop.refunded()
    k1 = await k1_of(shop, headers)
    status, problem = await claim(shop, headers, shop.invoice(amount_msat))
    assert 400 <= status < 500, problem
    answered = await ask(shop, f"{WITHDRAW}/callback", k1=k1, pr=shop.invoice(amount_msat))
    assert answered["status"] == "ERROR"
    assert (await refund_of(shop, headers))["state"] == "offered"


async def test_an_expired_invoice_and_one_of_our_own_are_refused(shop: Shop) -> None:
    _, headers = await shop.refunded()
    ours, _ = await shop.site.buy("welcome")
    for invoice in (shop.invoice(expiry_seconds=30), ours["payment_request"]):
        status, problem = await claim(shop, headers, invoice)
        assert status == 409, problem
    assert (await refund_of(shop, headers))["state"] == "offered"


async def test_a_narrowed_token_reads_of_the_refund_but_cannot_claim_it(shop: Shop) -> None:
    _, headers = await shop.refunded()
    token = bearer(narrowed(b64decode(headers["Authorization"].removeprefix("Bearer ")), "note=mine"))
    refund = await refund_of(shop, token)
    assert (refund["state"], refund["amount_msat"], refund["lnurl"]) == ("offered", 100_000, None)
    status, problem = await claim(shop, token, shop.invoice())
    assert (status, problem["code"]) == (403, "token_narrowed")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
async def test_nobody_claims_without_a_token(shop: Shop, headers: Headers) -> None:
    await shop.refunded()
    assert (await claim(shop, headers, shop.invoice()))[0] == 401


async def test_a_token_of_another_payment_claims_nothing(shop: Shop) -> None:
    hash_, _ = await shop.refunded()
    _, other = await shop.bought()
    assert (await claim(shop, other, shop.invoice()))[0] == 404
    assert (await shop.row(hash_)).state.value == "offered"


# By a wallet ----------------------------------------------------------------------------------------------------------


async def test_a_wallet_withdraws_a_refund(shop: Shop) -> None:
    hash_, headers = await shop.refunded()
    k1 = await k1_of(shop, headers)
    public_url = shop.site.gateway.config.public_url
    assert await ask(shop, WITHDRAW, k1=k1) == {
        "tag": "withdrawRequest",
        "callback": f"{public_url}{WITHDRAW}/callback",
        "k1": k1,
        "defaultDescription": f"Refund · {shop.site.gateway.config.public_host}",
        "minWithdrawable": 100_000,
        "maxWithdrawable": 100_000,
    }
    assert await ask(shop, f"{WITHDRAW}/callback", k1=k1, pr=shop.invoice()) == {"status": "OK"}
    await shop.is_in(hash_, "claimed")
    assert shop.received_sat() == 100
    for path in (WITHDRAW, f"{WITHDRAW}/callback"):
        answered = await ask(shop, path, k1=k1, pr=shop.invoice())
        assert answered == {"status": "ERROR", "reason": "This refund was paid already."}


async def test_of_many_wallets_at_once_one_is_paid(shop: Shop) -> None:
    hash_, headers = await shop.refunded()
    k1 = await k1_of(shop, headers)
    path = f"{WITHDRAW}/callback"
    answers = await asyncio.gather(*(ask(shop, path, k1=k1, pr=shop.invoice()) for _ in range(50)))
    assert sum(answered["status"] == "OK" for answered in answers) == 1
    await shop.is_in(hash_, "claimed")
    assert shop.received_sat() == 100


@pytest.mark.parametrize("k1", ["", "0" * 64, "k1"])
async def test_a_wrong_secret_claims_nothing(shop: Shop, k1: str) -> None:
    hash_, _ = await shop.refunded()
    for path in (WITHDRAW, f"{WITHDRAW}/callback"):
        answered = await ask(shop, path, k1=k1, pr=shop.invoice())
        assert answered == {"status": "ERROR", "reason": "There is no refund of this payment."}
    assert (await shop.row(hash_)).state.value == "offered"


@pytest.mark.parametrize("pr", ["", "reader@wallet.example", "lnurl1xyz", "lnbc1"])
async def test_a_wallet_is_paid_to_an_invoice_only(shop: Shop, pr: str) -> None:
    hash_, headers = await shop.refunded()
    answered = await ask(shop, f"{WITHDRAW}/callback", k1=await k1_of(shop, headers), pr=pr)
    assert answered["status"] == "ERROR"
    assert (await shop.row(hash_)).state.value == "offered"


async def test_a_refund_ends_after_a_year(shop: Shop) -> None:
    _, headers = await shop.refunded()
    k1 = await k1_of(shop, headers)
    shop.site.clock.advance(OFFERED_SECONDS)
    assert (await refund_of(shop, headers))["lnurl"] is None
    for path in (WITHDRAW, f"{WITHDRAW}/callback"):
        answered = await ask(shop, path, k1=k1, pr=shop.invoice())
        assert answered["reason"].startswith("This refund was not claimed within a year")
    status, problem = await claim(shop, headers, shop.invoice())
    assert (status, problem["code"]) == (409, "refund_expired")


async def test_the_secret_stands_in_no_log_and_no_row(shop: Shop, logged: io.StringIO) -> None:
    hash_, headers = await shop.refunded()
    k1 = await k1_of(shop, headers)
    await ask(shop, WITHDRAW, k1=k1)
    invoice = shop.invoice()
    await ask(shop, f"{WITHDRAW}/callback", k1=k1, pr=invoice.replace("lnbc", "lnxy"))
    await ask(shop, f"{WITHDRAW}/callback", k1=k1, pr=invoice)
    await shop.is_in(hash_, "claimed")
    assert "refund_offered" in logged.getvalue()
    assert k1 not in logged.getvalue()
    assert invoice not in logged.getvalue()
    assert k1 not in str(shop.site.dump())
