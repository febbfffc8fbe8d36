"""What the host of an address says to a payer: its offer, then an invoice (LUD-06)."""

from hashlib import sha256
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

PLAIN_TEXT = "text/plain"
LONGEST_REASON = 200

T = TypeVar("T", bound=Struct)


class HostRefuses(ValueError):
    """The host answers with an error; what it says is the message."""


class PayRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """An offer to receive from `min_sendable` to `max_sendable` msat; invoices are asked for at `callback`."""

    tag: Literal["payRequest"]
    callback: str
    min_sendable: int
    max_sendable: int
    metadata: str

    @property
    def metadata_hash(self) -> str:
        """SHA-256 (hex) of the metadata as it was delivered; an invoice has it as its description hash."""
        return sha256(self.metadata.encode()).hexdigest()


class OfferedInvoice(Struct, frozen=True, kw_only=True):
    """The answer of a callback."""

    pr: str
    routes: list[Any] = []


def read_pay_request(body: bytes) -> PayRequest:
    """Read an offer. Raises ValueError for what LUD-06 does not allow, `HostRefuses` for an error of the host."""
    offer = _read(body, PayRequest)
    if not 1 <= offer.min_sendable <= offer.max_sendable:
        raise ValueError(f"it takes from {offer.min_sendable} to {offer.max_sendable} msat, which is no range")
    try:
        entries = msgspec.json.decode(offer.metadata, type=list[list[Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("its metadata is no list of lists in JSON") from error
    texts = [entry for entry in entries if entry[:1] == [PLAIN_TEXT]]
    if len(texts) != 1 or len(texts[0]) < 2 or not isinstance(texts[0][1], str):
        raise ValueError(f"its metadata has not one {PLAIN_TEXT}")
    return offer


def read_invoice(body: bytes) -> str:
    """Read the payment request that a callback answers with. Raises as `read_pay_request` does."""
    return _read(body, OfferedInvoice).pr


def with_amount(callback: str, amount_msat: int) -> str:
    """The URL that asks a callback for an invoice of this amount. What it has in its query stays, but no other amount.

    Raises ValueError if the callback is no URL.
    """
    parts = urlsplit(callback)
    others = [part for part in parts.query.split("&") if part and part.partition("=")[0] != "amount"]
    return urlunsplit(parts._replace(query="&".join([*others, f"amount={amount_msat}"]), fragment=""))


class _Status(Struct):
    status: Any = None
    reason: Any = None


def _read(body: bytes, kind: type[T]) -> T:
    """Read an answer, which may be an error, with whatever HTTP status (LUD-01)."""
    try:
        said = msgspec.json.decode(body, type=_Status)
        if str(said.status).upper() == "ERROR":
            raise HostRefuses(_one_line(str(said.reason or "it gives no reason")))
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its answer is not LNURL's: {error}") from error


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:LONGEST_REASON])
