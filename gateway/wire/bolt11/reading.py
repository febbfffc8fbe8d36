"""BOLT 11 payment requests: signing them, and reading what a wallet must know before it pays.

Source: https://github.com/lightning/bolts/blob/master/11-payment-encoding.md
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from coincurve import PrivateKey, PublicKey

from gateway.wire.bolt11.bech32 import (
    CHARSET,
    CREATED_AT_WORDS,
    SIGNATURE_WORDS,
    bytes_to_words,
    number_to_words,
    open_bech32,
    split_fields,
    to_int,
    to_words,
    words_to_bytes,
    write_bech32,
)

MAX_FIELD_WORDS = 1023
DEFAULT_EXPIRY_SECONDS = 3600

# var_onion_optin and payment_secret required (8, 14), basic_mpp and route blinding optional (17, 25), as in LND's.
_FEATURES = [0b00001, 0b00000, 0b00100, 0b10000, 0b01000, 0b00000]
_KNOWN_FEATURES = frozenset({8, 14, 16, 24, 48})
_LENGTHS = {"p": 52, "s": 52, "n": 53, "d": None, "x": None, "9": None}
_HUMAN = re.compile(r"(?P<prefix>ln(?:bcrt|bc|tbs|tb))(?:(?P<number>[1-9][0-9]{0,19})(?P<unit>[munp]?))?")
_MSAT_PER_UNIT = {"": 100_000_000_000, "m": 100_000_000, "u": 100_000, "n": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bolt11:
    """What a payment request says. `prefix` names the network (`lnbcrt` for regtest); `payee` is 33 bytes."""

    prefix: str
    amount_msat: int | None
    created_at: int
    expiry_seconds: int
    payment_hash: bytes
    payment_secret: bytes
    payee: bytes
    description: str

    @property
    def expires_at(self) -> int:
        """When the payee stops taking it, in seconds since 1970."""
        return self.created_at + self.expiry_seconds


def encode(
    key: PrivateKey,
    *,
    prefix: str,
    amount_msat: int,
    created_at: int,
    expiry_seconds: int,
    payment_hash: bytes,
    payment_secret: bytes,
    description: str,
    min_final_cltv: int,
    hop_hint: bytes = b"",
) -> str:
    """Write and sign a payment request; `amount_msat` 0 leaves the amount to the payer.

    `hop_hint` is one hop of 51 bytes by which an unannounced channel is reached.

    Raises ValueError for a description of more than 639 bytes: its length does not fit.
    """
    text = bytes_to_words(description.encode())
    if len(text) > MAX_FIELD_WORDS:
        # LND's words (zpay32/encode.go).
        msg = f"data length too big to fit within 10 bits: {len(text)}"
        raise ValueError(msg)
    words = to_words(created_at, CREATED_AT_WORDS)
    words += _field("p", bytes_to_words(payment_hash))
    words += _field("d", text)
    words += _field("c", number_to_words(min_final_cltv))
    words += _field("x", number_to_words(expiry_seconds))
    words += _field("s", bytes_to_words(payment_secret))
    words += _field("r", bytes_to_words(hop_hint)) if hop_hint else []
    words += _field("9", _FEATURES)
    human = prefix + _amount(amount_msat)
    words += bytes_to_words(key.sign_recoverable(_signed_digest(human, words), hasher=None))
    return write_bech32(human, words)


def decode(payment_request: str) -> Bolt11:
    """Read a payment request of any network and check its checksum and signature.

    Raises ValueError that says what is wrong. Two payment hashes are refused: payers disagree which one counts.
    """
    human, words = open_bech32(payment_request)
    prefix, amount_msat = _read_human(human)
    if len(words) < CREATED_AT_WORDS + SIGNATURE_WORDS:
        msg = "the payment request is cut short"
        raise ValueError(msg)
    signed, signature = words[:-SIGNATURE_WORDS], words_to_bytes(words[-SIGNATURE_WORDS:])
    fields = _read_fields(signed[CREATED_AT_WORDS:])
    if "p" not in fields or "s" not in fields:
        msg = "the payment request lacks its payment hash or its payment secret"
        raise ValueError(msg)
    _check_features(to_int(fields.get("9", [])))
    return Bolt11(
        prefix=prefix,
        amount_msat=amount_msat,
        created_at=to_int(signed[:CREATED_AT_WORDS]),
        expiry_seconds=to_int(fields["x"]) if "x" in fields else DEFAULT_EXPIRY_SECONDS,
        payment_hash=words_to_bytes(fields["p"]),
        payment_secret=words_to_bytes(fields["s"]),
        payee=_payee(_signed_digest(human, signed), signature, fields.get("n")),
        description=words_to_bytes(fields.get("d", [])).decode(errors="replace"),
    )


# Amounts --------------------------------------------------------------------------------------------------------------


def _amount(amount_msat: int) -> str:
    if amount_msat == 0:
        return ""
    for unit, msat in _MSAT_PER_UNIT.items():
        if amount_msat % msat == 0:
            return f"{amount_msat // msat}{unit}"
    return f"{amount_msat * 10}p"


def _read_human(human: str) -> tuple[str, int | None]:
    match = _HUMAN.fullmatch(human)
    if match is None:
        msg = f"{human!r} does not begin a payment request: lnbc, lntb, lntbs or lnbcrt, then an amount"
        raise ValueError(msg)
    if match["number"] is None:
        return match["prefix"], None
    number = int(match["number"])
    if match["unit"] != "p":
        return match["prefix"], number * _MSAT_PER_UNIT[match["unit"]]
    if number % 10:
        msg = "the amount is no whole number of millisatoshi"
        raise ValueError(msg)
    return match["prefix"], number // 10


# Tagged fields --------------------------------------------------------------------------------------------------------


def _field(tag: str, words: Sequence[int]) -> list[int]:
    return [CHARSET.index(tag), *divmod(len(words), 32), *words]


def _read_fields(words: Sequence[int]) -> dict[str, Sequence[int]]:
    """The fields that a payer needs, by tag; a field of a wrong length is skipped, as the specification asks."""
    fields: dict[str, Sequence[int]] = {}
    for tag, data in split_fields(words):
        if tag not in _LENGTHS or _LENGTHS[tag] not in (None, len(data)):
            continue
        if tag in fields and tag == "p":
            msg = "the payment request has two payment hashes"
            raise ValueError(msg)
        fields.setdefault(tag, data)
    return fields


# Features and signature -----------------------------------------------------------------------------------------------


def _check_features(features: int) -> None:
    """An unknown even bit is a demand that a payer cannot meet (BOLT 9)."""
    for bit in range(0, features.bit_length(), 2):
        if features >> bit & 1 and bit not in _KNOWN_FEATURES:
            msg = f"the payment request demands feature {bit}, which is not known here"
            raise ValueError(msg)


def _signed_digest(human: str, words: Sequence[int]) -> bytes:
    """SHA-256 of the prefix and the data, padded with zeroes to whole bytes."""
    size = (len(words) * 5 + 7) // 8
    data = (to_int(words) << (size * 8 - len(words) * 5)).to_bytes(size)
    return hashlib.sha256(human.encode() + data).digest()


def _payee(digest: bytes, signature: bytes, named: Sequence[int] | None) -> bytes:
    payee = PublicKey.from_signature_and_message(signature, digest, hasher=None).format()
    if named is not None and payee != words_to_bytes(named):
        msg = "the payment request is not signed by the node that it names"
        raise ValueError(msg)
    return payee
