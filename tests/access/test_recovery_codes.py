"""Recovery codes: read as people type them, derived from the payment hash, stored only as a hash."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.recovery_codes import code_of, grouped, invoice_of_code, read_code
from gateway.crockford import ALPHABET
from gateway.errors import Invalid, NotFound
from gateway.rows import Invoice
from gateway.store.files.keyring import FileKeyRing
from tests.support.domain import Domain
from tests.support.rows import START, an_invoice

CODES = st.text(ALPHABET, min_size=12, max_size=12)


class Colliding:
    """A key ring that derives the same first code for every payment."""

    def __init__(self, keys: FileKeyRing) -> None:
        self._keys = keys

    def keyed_hash(self, purpose: str, secret: str) -> str:
        first = purpose == "recovery-code" and secret.endswith("\0000")
        return "ab" * 32 if first else self._keys.keyed_hash(purpose, secret)

    def root_key(self, token_id: bytes) -> bytes | None:
        return self._keys.root_key(token_id)

    def new_token_id(self) -> bytes:
        return self._keys.new_token_id()


async def paid(domain: Domain) -> Invoice:
    """A settled invoice."""
    invoice = await domain.sell()
    domain.pay(invoice)
    return await domain.rechecker.recheck(invoice)


@given(code=CODES)
def test_case_dashes_spaces_and_letters_like_digits_are_forgiven(code: str) -> None:
    lookalike = code.replace("1", "I").replace("0", "o")
    wide = code.translate({ord(letter): ord(letter) + 0xFEE0 for letter in ALPHABET})
    for typed in (
        grouped(code),
        grouped(code).lower(),
        lookalike,
        code.replace("1", "l"),
        f" {' '.join(code)}\n",
        wide,
    ):
        assert read_code(typed) == code


@pytest.mark.parametrize(
    "typed",
    ["", "7KQ2-M4XD-9TR", "7KQ2-M4XD-9TRAA", "7KQ2-M4XD-9TRU", "7KQ2-M4XD-9TR!", "7KQ2-M4XD-9TRÄ", "A" * 65, "٠" * 12],
)
def test_anything_else_is_malformed(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_code(typed)
    assert refusal.value.code == "recovery_code_malformed"


async def test_an_invoice_has_one_code_and_the_code_gives_the_invoice(domain: Domain) -> None:
    invoice = await paid(domain)
    code = await code_of(domain.store, domain.keys, invoice, now=START)
    before = domain.dump()
    assert await code_of(domain.store, domain.keys, invoice, now=START + 1) == code
    assert domain.dump() == before
    assert await invoice_of_code(domain.store, domain.keys, read_code(code)) == invoice


async def test_two_purchases_have_two_codes(domain: Domain) -> None:
    codes = {await code_of(domain.store, domain.keys, await paid(domain), now=START) for _ in range(5)}
    assert len(codes) == 5


async def test_the_database_does_not_reveal_a_code(domain: Domain) -> None:
    code = await code_of(domain.store, domain.keys, await paid(domain), now=START)
    kept = str(domain.dump())
    assert len(domain.dump()["recoveries"]) == 1
    assert code not in kept
    assert read_code(code) not in kept


async def test_without_the_keys_a_code_of_the_same_database_opens_nothing(domain: Domain, tmp_path: Path) -> None:
    code = await code_of(domain.store, domain.keys, await paid(domain), now=START)
    foreign = FileKeyRing.open(tmp_path / "foreign")
    with pytest.raises(NotFound, match="opens nothing"):
        await invoice_of_code(domain.store, foreign, read_code(code))


async def test_two_purchases_that_derive_the_same_code_get_different_ones(domain: Domain) -> None:
    keys = Colliding(domain.keys)
    invoices = [await paid(domain) for _ in range(3)]
    codes = [await code_of(domain.store, keys, invoice, now=START) for invoice in invoices]
    assert len({*codes}) == 3
    for invoice, code in zip(invoices, codes, strict=True):
        assert await code_of(domain.store, keys, invoice, now=START) == code
        assert await invoice_of_code(domain.store, keys, read_code(code)) == invoice


async def test_a_code_survives_a_new_key(domain: Domain, tmp_path: Path) -> None:
    invoice = await paid(domain)
    code = await code_of(domain.store, domain.keys, invoice, now=START)
    (tmp_path / "keys" / "1.key").write_text(secrets.token_hex(32))
    rotated = FileKeyRing.open(tmp_path / "keys")
    assert await code_of(domain.store, rotated, invoice, now=START) == code
    assert await invoice_of_code(domain.store, rotated, read_code(code)) == invoice


async def test_the_code_of_an_unpaid_invoice_is_unknown(domain: Domain) -> None:
    invoice = await domain.sell()
    pinned = domain.keys.keyed_hash("recovery", "0" * 12)
    await domain.store.write(lambda tx: tx.recoveries.pin(pinned, invoice.payment_hash, now=START))
    for code in ("0" * 12, "1" * 12):
        with pytest.raises(NotFound) as refusal:
            await invoice_of_code(domain.store, domain.keys, code)
        assert refusal.value.code == "recovery_unknown"
    # The gateway never stores a code before payment, and the audit of the books would report one.
    domain.pay(invoice)
    await domain.sweeper.sweep()
    assert (await invoice_of_code(domain.store, domain.keys, "0" * 12)).payment_hash == invoice.payment_hash


def test_an_unpaid_invoice_has_no_code() -> None:
    with pytest.raises(AssertionError):
        code_of(None, None, replace(an_invoice()), now=START).send(None)  # type: ignore[arg-type]  # it ends before it needs them
