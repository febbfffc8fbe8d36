"""BOLT 11, against the specification's own examples and against another implementation."""

import subprocess
import sys
from contextlib import suppress

import bolt11 as other_implementation
import pytest
from bech32 import CHARSET
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.bolt11.reading import decode, only_payment_hash
from gateway.wire.bolt11.signing import encode, payee_of
from tests.wire.payment_requests import KEY, write

PAYEE = "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad"
HASH = "0001020304050607080900010203040506070809000102030405060708090102"
COFFEE_BEANS = (
    "lnbc25m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5vdhkven9v5sxyetpdeessp5zyg3zyg3zyg3zyg3z"
    "yg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs9q5sqqqqqqqqqqqqqqqpqsq67gye39hfg3zd8rgc80k32tvy9xk2xunwm5lzexnvpx6fd77en8qaq4"
    "24dxgt56cag2dpt359k3ssyhetktkpqh24jqnjyw6uqd08sgptq44qu"
)
INVALID = {
    "demands feature 100": COFFEE_BEANS.partition("9q5")[0]
    + "9q4psqqqqqqqqqqqqqqqpqsqq40wa3khl49yue3zsgm26jrepqr2eghqlx86rttutve3ugd05em86nsefzh4pfurpd9ek9w2vp95zxqnfe2u7ck"
    "udyahsa52q66tgzcp6t2dyk",
    "checksum does not fit": COFFEE_BEANS[:-1] + "t",
    "characters are not those of bech32": COFFEE_BEANS.replace("1", ""),
    "its characters are not those": "LNBC" + COFFEE_BEANS[4:],
    "does not begin a payment request": (
        "lnbc2500x1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpujr6jxr9gq9"
        "pv6g46y7d20jfkegkg4gljz2ea2a3m9lmvvr95tq2s0kvu70u3axgelz3kyvtp2ywwt0y8hkx2869zq5dll9nelr83zzqqpgl2zg"
    ),
    "no whole number of millisatoshi": (
        "lnbc2500000001p1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu7hqt"
        "k93pkf7sw55rdv4k9z2vj050rxdr6za9ekfs3nlt5lr89jqpdmxsmlj9urqumg0h9wzpqecw7th56tdms40p2ny9q4ddvjsedzcplva53s"
    ),
    "cut short": (
        "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6na"
        "6hlh"
    ),
    "lacks": (
        "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3"
        "kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp"
    ),
}


@pytest.mark.parametrize("text", [COFFEE_BEANS, COFFEE_BEANS.upper()])
def test_the_examples_of_the_specification_read_as_it_says(text: str) -> None:
    invoice = decode(text)
    assert payee_of(invoice).hex() == PAYEE
    assert invoice.payment_hash.hex() == HASH
    assert invoice.payment_secret == b"\x11" * 32
    assert (invoice.prefix, invoice.amount_msat, invoice.description) == ("lnbc", 2_500_000_000, "coffee beans")
    assert (invoice.created_at, invoice.expires_at) == (1496314658, 1496314658 + 3600)


@pytest.mark.parametrize("complaint", INVALID)
def test_the_invalid_examples_are_refused_with_a_reason(complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        decode(INVALID[complaint])


def test_a_payment_request_is_read_where_coincurve_is_not_installed() -> None:
    program = (
        "import sys; sys.modules['coincurve'] = None; from gateway.wire.bolt11.reading import decode; "
        f"print(decode('{COFFEE_BEANS}').payment_hash.hex())"
    )
    read = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == HASH


def test_a_signature_that_no_key_can_have_made_is_refused() -> None:
    with pytest.raises(ValueError, match="recover"):
        payee_of(decode(write([("p", bytes.fromhex(HASH)), ("s", bytes(32))], signature=bytes(65))))


@given(
    amount_msat=st.integers(min_value=0, max_value=2_100_000_000_000_000_000),
    description=st.text(max_size=150),
    expiry_seconds=st.integers(min_value=1, max_value=31_536_000),
    created_at=st.integers(min_value=1_500_000_000, max_value=4_000_000_000),
    payment_hash=st.binary(min_size=32, max_size=32),
)
def test_another_implementation_reads_what_is_written(
    amount_msat: int, description: str, expiry_seconds: int, created_at: int, payment_hash: bytes
) -> None:
    text = encode(
        KEY,
        prefix="lnbcrt",
        amount_msat=amount_msat,
        created_at=created_at,
        expiry_seconds=expiry_seconds,
        payment_hash=payment_hash,
        payment_secret=b"s" * 32,
        description=description,
        min_final_cltv=80,
    )
    theirs, ours = other_implementation.decode(text), decode(text)
    assert (theirs.amount_msat or 0) == (ours.amount_msat or 0) == amount_msat
    assert theirs.payment_hash == ours.payment_hash.hex() == payment_hash.hex()
    assert theirs.payee == payee_of(ours).hex() == PAYEE
    assert theirs.expiry == ours.expiry_seconds == expiry_seconds
    assert theirs.date == ours.created_at == created_at
    assert theirs.description == ours.description == description
    assert theirs.payment_secret == (b"s" * 32).hex()
    assert theirs.min_final_cltv_expiry == 80


def test_another_implementation_reads_a_description_hash() -> None:
    text = encode(
        KEY,
        prefix="lnbcrt",
        amount_msat=1000,
        created_at=1_800_000_000,
        expiry_seconds=60,
        payment_hash=bytes(32),
        payment_secret=bytes(32),
        description="stands elsewhere",
        description_hash=b"h" * 32,
        min_final_cltv=80,
    )
    theirs, ours = other_implementation.decode(text), decode(text)
    assert theirs.description_hash == ours.description_hash.hex() == (b"h" * 32).hex()
    assert (theirs.description, ours.description) == (None, "")


def test_a_description_that_does_not_fit_its_length_field_is_refused() -> None:
    with pytest.raises(ValueError, match="10 bits: 1024"):
        encode(
            KEY,
            prefix="lnbcrt",
            amount_msat=1000,
            created_at=0,
            expiry_seconds=60,
            payment_hash=bytes(32),
            payment_secret=bytes(32),
            description="é" * 320,
            min_final_cltv=80,
        )


def test_a7_two_payment_hashes_are_refused_because_payers_disagree_which_one_counts() -> None:
    with pytest.raises(ValueError, match="two payment hashes"):
        decode(write([("p", bytes.fromhex(HASH)), ("p", bytes(32)), ("s", bytes(32))]))


def test_a7_who_pays_looks_for_the_only_payment_hash_or_does_not_pay() -> None:
    hash_field = ("p", bytes.fromhex(HASH))
    assert only_payment_hash(write([("h", bytes(32)), hash_field, ("s", bytes(32))])).hex() == HASH
    for fields, complaint in (([hash_field, ("p", bytes(32))], "two payment hashes"), ([("s", bytes(32))], "lacks")):
        with pytest.raises(ValueError, match=complaint):
            only_payment_hash(write(fields))


def test_a8_a_description_hash_is_never_taken_for_the_payment_hash() -> None:
    other = bytes(range(32))
    for fields in ([("h", other), ("p", bytes.fromhex(HASH))], [("p", bytes.fromhex(HASH)), ("h", other)]):
        assert decode(write([*fields, ("s", bytes(32))])).payment_hash.hex() == HASH
    with pytest.raises(ValueError, match="payment hash"):
        decode(write([("h", other), ("s", bytes(32))]))


@pytest.mark.parametrize("field", [("p", bytes(31)), ("p", bytes(34)), ("s", bytes(31)), ("n", bytes(32)), ("2", b"?")])
def test_fields_of_a_wrong_length_and_unknown_ones_are_skipped(field: tuple[str, bytes]) -> None:
    invoice = decode(write([field, ("p", bytes.fromhex(HASH)), ("s", bytes(32))]))
    assert invoice.payment_hash.hex() == HASH


def test_an_invoice_that_names_another_payee_than_its_signer_is_refused() -> None:
    named = write([("p", bytes.fromhex(HASH)), ("s", bytes(32)), ("n", bytes.fromhex(PAYEE))])
    assert payee_of(decode(named)).hex() == PAYEE
    other_node = PrivateKey(b"\x01" * 32).public_key.format()
    with pytest.raises(ValueError, match="not signed by the node"):
        payee_of(decode(write([("p", bytes.fromhex(HASH)), ("s", bytes(32)), ("n", other_node)])))


@given(st.text(alphabet=CHARSET + "1lnbc", max_size=300))
def test_nonsense_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(ValueError, match=r"payment request|it is damaged|its characters"):
        decode("lnbcrt10u1" + text)


@given(st.lists(st.tuples(st.sampled_from(CHARSET), st.binary(max_size=60)), max_size=6))
def test_any_signed_fields_are_read_or_refused(fields: list[tuple[str, bytes]]) -> None:
    with suppress(ValueError):
        payee_of(decode(write(fields)))
