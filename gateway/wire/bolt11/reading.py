"""Reading BOLT 11 payment requests: what a wallet must know before it pays. `signing` tells who signed one.

Source: https://github.com/lightning/bolts/blob/master/11-payment-encoding.md
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.wire.bech32 import open_bech32, to_int, words_to_bytes
from gateway.wire.bolt11.fields import CREATED_AT_WORDS, SIGNATURE_WORDS, split_fields

DEFAULT_EXPIRY_SECONDS = 3600
MSAT_PER_UNIT = {"": 100_000_000_000, "m": 100_000_000, "u": 100_000, "n": 100}

_KNOWN_FEATURES = frozenset({8, 14, 16, 24, 48})
_LENGTHS = {"p": 52, "s": 52, "n": 53, "h": 52, "d": None, "x": None, "9": None}
_HUMAN = re.compile(r"(?P<prefix>ln(?:bcrt|bc|tbs|tb))(?:(?P<number>[1-9][0-9]{0,19})(?P<unit>[munp]?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """The fields of a payment request. `prefix` names the network (`lnbcrt` for regtest); `amount_msat` may be open.

    `description_hash` is 32 bytes, or empty. `signature` is 64 bytes and a recovery id, made over `digest`;
    `named_payee` is the node that the request itself names, 33 bytes, where it names one.
    """

    prefix: str
    amount_msat: int | None
    created_at: int
    expiry_seconds: int
    payment_hash: bytes
    payment_secret: bytes
    description: str
    description_hash: bytes
    digest: bytes
    signature: bytes
    named_payee: bytes | None

    @property
    def expires_at(self) -> int:
        """When the payee stops accepting it, in seconds since 1970."""
        return self.created_at + self.expiry_seconds


def decode(payment_request: str) -> PaymentRequest:
    """Read a payment request of any network and check its checksum, but not its signature.

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
    return PaymentRequest(
        prefix=prefix,
        amount_msat=amount_msat,
        created_at=to_int(signed[:CREATED_AT_WORDS]),
        expiry_seconds=to_int(fields["x"]) if "x" in fields else DEFAULT_EXPIRY_SECONDS,
        payment_hash=words_to_bytes(fields["p"]),
        payment_secret=words_to_bytes(fields["s"]),
        description=words_to_bytes(fields.get("d", [])).decode(errors="replace"),
        description_hash=words_to_bytes(fields.get("h", [])),
        digest=signed_digest(human, signed),
        signature=signature,
        named_payee=words_to_bytes(fields["n"]) if "n" in fields else None,
    )


def only_payment_hash(payment_request: str) -> bytes:
    """The payment hash of a payment request, of which nothing else is checked but its checksum.

    Raises ValueError where there is none, or where there are two: LND pays the first, others the last, and who pays
    must not look for one payment and make another.
    """
    _, words = open_bech32(payment_request)
    fields = _read_fields(words[CREATED_AT_WORDS:-SIGNATURE_WORDS])
    if "p" not in fields:
        msg = "the payment request lacks its payment hash"
        raise ValueError(msg)
    return words_to_bytes(fields["p"])


def signed_digest(human: str, words: Sequence[int]) -> bytes:
    """SHA-256 of the prefix and the data, padded with zeroes to whole bytes."""
    size = (len(words) * 5 + 7) // 8
    data = (to_int(words) << (size * 8 - len(words) * 5)).to_bytes(size)
    return hashlib.sha256(human.encode() + data).digest()


def _read_human(human: str) -> tuple[str, int | None]:
    match = _HUMAN.fullmatch(human)
    if match is None:
        msg = f"{human!r} does not begin a payment request: lnbc, lntb, lntbs or lnbcrt, then an amount"
        raise ValueError(msg)
    if match["number"] is None:
        return match["prefix"], None
    number = int(match["number"])
    if match["unit"] != "p":
        return match["prefix"], number * MSAT_PER_UNIT[match["unit"]]
    if number % 10:
        msg = "the amount is no whole number of millisatoshi"
        raise ValueError(msg)
    return match["prefix"], number // 10


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


def _check_features(features: int) -> None:
    """An unknown even bit is a demand that a payer cannot meet (BOLT 9)."""
    for bit in range(0, features.bit_length(), 2):
        if features >> bit & 1 and bit not in _KNOWN_FEATURES:
            msg = f"the payment request demands feature {bit}, which is not known here"
            raise ValueError(msg)
