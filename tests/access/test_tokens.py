"""Access tokens: which credentials open an item, and what happens to tampered ones."""

from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.macaroon import attenuate, mint, parse
from gateway.access.tokens import check_item, mint_token, read_token
from gateway.errors import Forbidden, PaymentRequired, Refused, Unauthorized
from gateway.rows import Origin
from gateway.store.files.keyring import FileKeyRing
from tests.support.rows import START, an_invoice, preimage_of
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
CONTENT = "/v1/items/welcome/content"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> FileKeyRing:
    return FileKeyRing.open(tmp_path_factory.mktemp("ring") / "keys")


def narrowed(token: bytes, *caveats: str) -> bytes:
    """A token with caveats that its holder added."""
    macaroon = parse(token)
    for caveat in caveats:
        macaroon = attenuate(macaroon, caveat.encode())
    return macaroon.to_bytes()


def bearer(token: bytes) -> dict[str, str]:
    return {"Authorization": f"Bearer {b64encode(token).decode()}"}


def l402(token: bytes, preimage: str) -> dict[str, str]:
    return {"Authorization": f"L402 {b64encode(token).decode()}:{preimage}"}


async def bought(site: Site, **fields: Any) -> tuple[bytes, str]:
    """The token and preimage of a paid text."""
    await site.sell_text(TEXT, **fields)
    invoice, _ = await site.buy("welcome")
    return b64decode(invoice["access_token"]), await site.settle(invoice["payment_hash"])


async def answer_to(site: Site, headers: dict[str, str], path: str = CONTENT) -> tuple[int, str]:
    """The status and the error code of a request for the content; the code is empty when it opens."""
    status, body = await site.call("GET", path, headers=headers)
    assert status == 200 or "paid part" not in str(body)
    return status, body["code"] if status != 200 else ""


# The table -----------------------------------------------------------------------------------------------------------


async def test_a_paid_token_opens_as_bearer_and_with_its_preimage(site: Site) -> None:
    token, preimage = await bought(site)
    assert await answer_to(site, bearer(token)) == (200, "")
    assert await answer_to(site, l402(token, preimage)) == (200, "")


async def test_the_preimage_opens_before_our_row_is_settled(site: Site) -> None:
    await site.sell_text(TEXT)
    invoice, _ = await site.buy("welcome")
    site.core.quirks.drop_events = True
    preimage = site.pay(invoice["payment_hash"])
    assert await answer_to(site, l402(b64decode(invoice["access_token"]), preimage)) == (200, "")


async def test_a_request_without_credentials_is_asked_to_pay(site: Site) -> None:
    await site.sell_text(TEXT)
    assert await answer_to(site, {}) == (402, "payment_required")


async def test_a_token_whose_paid_time_is_over_is_asked_to_pay_again(site: Site) -> None:
    token, preimage = await bought(site, access_seconds=3_600)
    site.clock.advance(3_599)
    assert await answer_to(site, bearer(token)) == (200, "")
    site.clock.advance(1)
    assert await answer_to(site, bearer(token)) == (402, "access_ended")
    assert await answer_to(site, l402(token, preimage)) == (402, "access_ended")


async def test_a_token_of_an_unknown_key_is_asked_to_pay(site: Site) -> None:
    await site.sell_text(TEXT)
    other = FileKeyRing({9: b"k" * 32})
    token = mint_token(other, an_invoice())
    assert await answer_to(site, bearer(token)) == (402, "token_unknown_key")


async def test_an_unpaid_token_is_refused_without_an_invoice(site: Site) -> None:
    await site.sell_text(TEXT)
    invoice, headers = await site.buy("welcome")
    async with site.session.get(f"{site.url}{CONTENT}", headers=headers) as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (401, "not_paid")
        assert response.headers["WWW-Authenticate"] == 'L402 realm="tuppence", error="not_paid"'
    assert invoice["payment_request"] not in str(problem)
    assert len(list(site.core.invoices)) == 1


async def test_a_wrong_preimage_is_refused(site: Site) -> None:
    token, _ = await bought(site)
    for wrong in ("00" * 32, "", "zz", "00" * 31, sha256(b"other").hexdigest()):
        assert await answer_to(site, l402(token, wrong)) == (401, "preimage_wrong")


async def test_a_forged_token_is_refused(site: Site) -> None:
    token, preimage = await bought(site)
    forged = mint(b"r" * 32, parse(token).identifier, (b"item=welcome", b"proof=settled")).to_bytes()
    for headers in (bearer(forged), l402(forged, preimage)):
        assert await answer_to(site, headers) == (401, "token_forged")


async def test_another_items_token_is_refused_even_paid(site: Site) -> None:
    token, preimage = await bought(site)
    await site.sell_text(TEXT, item_id="other")
    for headers in (bearer(token), l402(token, preimage)):
        assert await answer_to(site, headers, "/v1/items/other/content") == (403, "token_of_another_item")


async def test_a_tips_token_opens_no_item(site: Site) -> None:
    await site.sell_text(TEXT)
    _, tip = await site.call("POST", "/v1/creators/alice/tips", json={"amount_msat": 1_000_000})
    preimage = await site.settle(tip["payment_hash"])
    token = b64decode(tip["access_token"])
    assert await answer_to(site, bearer(token)) == (403, "token_of_another_item")
    assert await answer_to(site, l402(narrowed(token, "item=welcome"), preimage)) == (403, "token_widened")


async def test_one_good_credential_among_bad_ones_opens(site: Site) -> None:
    token, preimage = await bought(site)
    good, bad = b64encode(token).decode(), b64encode(narrowed(token, "item=other")).decode()
    assert await answer_to(site, {"Authorization": f"L402 {bad},AAAA,{good}:{preimage}"}) == (200, "")
    assert await answer_to(site, {"Authorization": f"LSAT {good}:{preimage.upper()}"}) == (200, "")
    assert await answer_to(site, {"Authorization": f"l402 {good.rstrip('=')}:{preimage}"}) == (200, "")


async def test_402_comes_last_among_refusals(site: Site) -> None:
    token, _ = await bought(site, access_seconds=60)
    site.clock.advance(61)
    ended = b64encode(token).decode()
    assert await answer_to(site, {"Authorization": f"Bearer {ended}"}) == (402, "access_ended")
    both = f"L402 {ended},{ended}:{'00' * 32}"
    assert await answer_to(site, {"Authorization": both}) == (401, "preimage_wrong")


# Attacks -------------------------------------------------------------------------------------------------------------


async def test_a13_a_preimage_without_its_macaroon_opens_nothing(site: Site) -> None:
    _, preimage = await bought(site)
    for line in (f"L402 :{preimage}", f"L402 {preimage}", f"Bearer {preimage}", f"LSAT :{preimage}"):
        assert await answer_to(site, {"Authorization": line}) == (401, "token_malformed")
    assert await answer_to(site, {"Authorization": f"Basic {preimage}"}) == (402, "payment_required")
    assert await answer_to(site, {"X-Preimage": preimage, "Cookie": f"preimage={preimage}"}) == (
        402,
        "payment_required",
    )


async def test_a13_a_claim_of_payment_in_the_query_or_body_is_ignored(site: Site) -> None:
    await site.sell_text(TEXT)
    _, headers = await site.buy("welcome")
    paid, _ = await site.buy("welcome")
    preimage = await site.settle(paid["payment_hash"])
    tampered = f"{CONTENT}?payment_hash={paid['payment_hash']}&preimage={preimage}&token={paid['access_token']}"
    assert await answer_to(site, headers, tampered) == (401, "not_paid")
    assert await answer_to(site, {}, tampered) == (402, "payment_required")


@pytest.mark.parametrize(
    "caveat",
    ["item=other", "item=", "tip=alice", "valid_until=99999999999", "valid_until=", "valid_until=-1", "proof=none"],
)
async def test_a14_a_widened_caveat_is_refused(site: Site, caveat: str) -> None:
    token, preimage = await bought(site, access_seconds=60)
    wider = narrowed(token, caveat)
    for headers in (bearer(wider), l402(wider, preimage)):
        assert await answer_to(site, headers) == (403, "token_widened")


async def test_a14_a_challenges_token_never_becomes_a_bearers(site: Site) -> None:
    await site.sell_text(TEXT)
    _, challenge = await site.call("GET", CONTENT)
    token = b64decode(challenge["macaroon"])
    preimage = await site.settle(challenge["paymentHash"])
    assert await answer_to(site, bearer(token)) == (401, "proof_missing")
    assert await answer_to(site, bearer(narrowed(token, "proof=settled"))) == (403, "token_widened")
    assert await answer_to(site, l402(token, preimage)) == (200, "")


async def test_a14_a_holder_may_narrow_a_token_and_not_widen_it_back(site: Site) -> None:
    token, preimage = await bought(site)
    soon = int(site.clock.now) + 60
    narrower = narrowed(token, f"valid_until={soon}", "proof=preimage", f"valid_until={soon - 30}", "item=welcome")
    assert await answer_to(site, bearer(narrower)) == (401, "proof_missing")
    assert await answer_to(site, l402(narrower, preimage)) == (200, "")
    assert await answer_to(site, l402(narrowed(narrower, f"valid_until={soon}"), preimage)) == (403, "token_widened")
    site.clock.advance(30)
    assert await answer_to(site, l402(narrower, preimage)) == (402, "access_ended")


async def test_a14_unknown_caveats_are_skipped(site: Site) -> None:
    token, preimage = await bought(site)
    with_unknown = narrowed(
        token, "service=tuppence:0", "item", "Item=other", " item=other", "capabilities=read=write", "="
    )
    for headers in (bearer(with_unknown), l402(with_unknown, preimage)):
        assert await answer_to(site, headers) == (200, "")


async def test_a_caveat_of_a_thousand_digits_is_refused_like_any_other(site: Site) -> None:
    token, _ = await bought(site)
    for value in ("9" * 5_000, "1" * 13, "١٢", "1_0", "+1", "0x10"):
        assert await answer_to(site, bearer(narrowed(token, f"valid_until={value}"))) == (403, "token_widened")


CAVEATS = st.sampled_from(
    ["item=welcome", "item=other", "tip=alice", "valid_until=1", "valid_until=1800000300", "valid_until=1900000000",
     "proof=settled", "proof=preimage", "unknown=1", "item", ""]
)  # fmt: skip


@given(added=st.lists(CAVEATS, max_size=6), access_seconds=st.sampled_from([None, 60]))
def test_a14_whatever_a_holder_adds_only_narrows(
    keys: FileKeyRing, added: list[str], access_seconds: int | None
) -> None:
    invoice = an_invoice(access_seconds=access_seconds)
    own = read_token(keys, mint_token(keys, invoice))
    try:
        token = read_token(keys, narrowed(mint_token(keys, invoice), *added))
    except Forbidden:
        return
    assert (token.payment_hash, token.item_id, token.tip_to) == (own.payment_hash, own.item_id, own.tip_to)
    assert own.valid_until is None or (token.valid_until is not None and token.valid_until <= own.valid_until)
    assert token.preimage_only or not own.preimage_only


@given(position=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_token_with_any_bit_changed_opens_nothing(keys: FileKeyRing, position: int, bit: int) -> None:
    token = bytearray(mint_token(keys, an_invoice(access_seconds=60)))
    token[position % len(token)] ^= 1 << bit
    with pytest.raises((Unauthorized, PaymentRequired)):
        check_item(read_token(keys, bytes(token)), "welcome", now=START)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_and_never_crash(keys: FileKeyRing, data: bytes) -> None:
    with pytest.raises(Refused):
        read_token(keys, data)


def test_two_tokens_of_one_invoice_share_nothing_but_the_invoice(keys: FileKeyRing) -> None:
    one, other = (parse(mint_token(keys, an_invoice())) for _ in range(2))
    assert one.identifier[:34] == other.identifier[:34]
    assert one.identifier[34:] != other.identifier[34:]
    assert one.signature != other.signature


def test_a_token_of_another_version_or_length_is_malformed(keys: FileKeyRing) -> None:
    macaroon = parse(mint_token(keys, an_invoice()))
    for identifier in (b"\0\1" + macaroon.identifier[2:], macaroon.identifier[:-1], b"", macaroon.identifier + b"\0"):
        with pytest.raises(Unauthorized, match="not one of this gateway") as refusal:
            read_token(keys, replace(macaroon, identifier=identifier).to_bytes())
        assert refusal.value.code == "token_malformed"


def test_a_challenges_token_says_that_it_needs_its_preimage(keys: FileKeyRing) -> None:
    token = read_token(keys, mint_token(keys, an_invoice(origin=Origin.CHALLENGE)))
    assert token.preimage_only
    assert not read_token(keys, mint_token(keys, an_invoice())).preimage_only
    assert token.payment_hash == sha256(preimage_of(1)).hexdigest()
