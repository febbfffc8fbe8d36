"""Narrowed tokens: at every endpoint, a token to which its holder added caveats can do no more than they allow."""

import random
from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.tokens import check_payer, mint_token, read_token
from gateway.errors import Forbidden, PaymentRequired, Unauthorized
from gateway.rows import Origin
from gateway.store.files.keyring import FileKeyRing
from tests.access.test_tokens import bearer, l402, narrowed
from tests.support.rows import START, an_invoice, preimage_of
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
CONTENT, INVOICES, LINKS = (f"/v1/items/welcome/{what}" for what in ("content", "invoices", "links"))
SOON = st.integers(START, START + 1_000)
CAVEATS = st.one_of(
    st.sampled_from(["item=welcome", "proof=settled", "proof=preimage", "valid_until=1800000300", "x=1", "", "="]),
    st.text(max_size=20),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> FileKeyRing:
    return FileKeyRing.open(tmp_path_factory.mktemp("ring") / "keys")


def cookie(token: bytes) -> dict[str, str]:
    return {"Cookie": f"tuppence-i-welcome={urlsafe_b64encode(token).decode().rstrip('=')}"}


async def bought(site: Site, **fields: Any) -> tuple[bytes, str, str]:
    """The token, preimage and recovery code of a paid text."""
    await site.sell_text(TEXT, **fields)
    invoice, headers = await site.buy("welcome")
    preimage = await site.settle(invoice["payment_hash"])
    _, receipt = await site.call("GET", "/v1/receipt", headers=headers)
    assert receipt["preimage"] == preimage
    return b64decode(invoice["access_token"]), preimage, receipt["recovery_code"]


@given(
    added=st.lists(CAVEATS, max_size=4),
    access_seconds=st.sampled_from([None, 60]),
    origin=st.sampled_from([Origin.CHECKOUT, Origin.CHALLENGE]),
)
def test_only_a_token_without_an_added_caveat_is_as_it_was_minted(
    keys: FileKeyRing, added: list[str], access_seconds: int | None, origin: Origin
) -> None:
    minted = mint_token(keys, an_invoice(access_seconds=access_seconds, origin=origin))
    try:
        token = read_token(keys, narrowed(minted, *added))
    except Forbidden:
        return
    assert token.as_minted == (not added)
    assert token.timed == (access_seconds is not None)


@given(
    limits=st.lists(st.integers(START, START + 1_000), min_size=1, max_size=3), now=st.integers(START, START + 1_000)
)
def test_a_receipt_ends_with_the_limit_that_was_added(keys: FileKeyRing, limits: list[int], now: int) -> None:
    limits = sorted(limits, reverse=True)
    token = read_token(keys, narrowed(mint_token(keys, an_invoice()), *(f"valid_until={limit}" for limit in limits)))
    try:
        check_payer(token, None, now=now)
    except PaymentRequired:
        assert now >= limits[-1]
    else:
        assert now < limits[-1]


def test_a_receipt_outlives_the_paid_time_of_a_token_as_it_was_minted(keys: FileKeyRing) -> None:
    token = read_token(keys, mint_token(keys, an_invoice(access_seconds=60)))
    check_payer(token, None, now=START + 10**9)
    narrower = read_token(keys, narrowed(mint_token(keys, an_invoice()), "proof=preimage"))
    check_payer(narrower, preimage_of(1), now=START + 10**9)
    with pytest.raises(Unauthorized):
        check_payer(narrower, None, now=START)


@pytest.mark.parametrize("access_seconds", [None, 3_600])
async def test_a_narrowed_token_never_gets_a_wider_one(site: Site, access_seconds: int | None) -> None:
    token, preimage, code = await bought(site, access_seconds=access_seconds)
    dice = random.Random(access_seconds)
    ends_at = int(site.clock.now) + 2
    choices = [f"valid_until={ends_at}", "item=welcome", "proof=settled", "proof=preimage", "other=1", "x"]
    for _ in range(12):
        narrower = narrowed(token, *sorted(dice.sample(choices, dice.randint(1, 3)), reverse=True))
        for headers in (bearer(narrower), l402(narrower, preimage), cookie(narrower)):
            for path in ("/v1/receipt", "/r", "/i/welcome"):
                _, body = await site.call("GET", path, headers=headers)
                assert code not in str(body)
                assert preimage not in str(body)
                assert b64encode(token).decode() not in str(body)
        status, invoice = await site.call("POST", INVOICES, headers=bearer(narrower))
        if status == 201 and invoice["state"] == "settled":
            assert b64decode(invoice["access_token"]) == narrower


async def test_the_links_and_the_receipt_of_a_narrowed_token_end_with_it(site: Site) -> None:
    token, preimage, _ = await bought(site)
    narrower = narrowed(token, f"valid_until={int(site.clock.now) + 2}")
    for headers in (bearer(narrower), l402(narrower, preimage)):
        status, link = await site.call("POST", LINKS, headers=headers)
        assert (status, link["expires_at"]) == (200, "2027-01-15T08:00:02Z")
    path = link["url"].removeprefix(site.gateway.config.public_url)
    assert (await site.call("GET", path))[0] == 200
    site.clock.advance(2)
    assert (await site.call("GET", path))[0] == 403
    for headers in (bearer(narrower), l402(narrower, preimage)):
        for method, address in (("GET", "/v1/receipt"), ("POST", LINKS), ("GET", CONTENT)):
            status, problem = await site.call(method, address, headers=headers)
            assert (status, problem["code"]) == (402, "access_ended")
        assert (await site.call("GET", "/r", headers=headers))[0] == 402
    assert "free part" in (await site.call("GET", "/i/welcome", headers=cookie(narrower)))[1]
    assert (await site.call("GET", CONTENT, headers=bearer(token)))[0] == 200


async def test_a_narrowed_tokens_receipt_has_no_message_of_its_payer(site: Site) -> None:
    await site.sell_text(TEXT)
    sent = {"amount_msat": 21_000, "name": "Ines", "message": "For the map."}
    _, tip = await site.call("POST", "/v1/creators/bob/tips", json=sent)
    await site.settle(tip["payment_hash"])
    for token, name in (
        (b64decode(tip["access_token"]), "Ines"),
        (narrowed(b64decode(tip["access_token"]), "x=1"), ""),
    ):
        assert (await site.call("GET", "/v1/receipt", headers=bearer(token)))[1]["name"] == name
        assert ("For the map." in (await site.call("GET", "/r", headers=bearer(token)))[1]) == bool(name)


async def test_a_narrowed_token_that_has_ended_gets_a_new_invoice(site: Site) -> None:
    token, _, _ = await bought(site)
    narrower = narrowed(token, f"valid_until={int(site.clock.now) + 2}")
    _, again = await site.call("POST", INVOICES, headers=bearer(narrower))
    assert (again["state"], b64decode(again["access_token"])) == ("settled", narrower)
    site.clock.advance(2)
    status, fresh = await site.call("POST", INVOICES, headers=bearer(narrower))
    assert (status, fresh["state"]) == (201, "open")


async def test_a_narrowed_token_cancels_no_invoice(site: Site) -> None:
    await site.sell_text(TEXT)
    invoice, _ = await site.buy("welcome")
    narrower = narrowed(b64decode(invoice["access_token"]), "other=1")
    price = {"price_msat": 200_000}
    assert (await site.call("PATCH", "/v1/admin/items/welcome", json=price, headers=site.operator))[0] == 200
    assert (await site.call("POST", INVOICES, headers=bearer(narrower)))[0] == 201
    origin = {"Origin": site.gateway.config.public_url}
    async with site.session.post(f"{site.url}/i/welcome", headers=cookie(narrower) | origin, allow_redirects=False):
        pass
    assert (await site.call("GET", f"/v1/invoices/{invoice['payment_hash']}"))[1]["state"] == "open"
