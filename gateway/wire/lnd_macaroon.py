"""The permissions of an LND macaroon, read from its bytes without asking the node.

LND bakes binary V2 macaroons. The identifier is a version byte, 3, and a protobuf `lnrpc.MacaroonId` with a list of
operations `entity:action`; `uri:/package.Service/Method` allows one method (lnd, macaroons/service.go). Caveats can
only narrow the operations, so they are ignored here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from gateway.access.macaroon import MalformedMacaroon, parse

BAKERY_VERSION = 3
# Numbers of the fields of `MacaroonId` and `Op`, and protobuf's wire types.
_OPS, _ENTITY, _ACTIONS = 3, 1, 2
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_BYTES = MappingProxyType({_VARINT: 0, 1: 8, 5: 4})
METHODS = MappingProxyType(
    {
        "/lnrpc.Lightning/AddInvoice": "invoices:write",
        "/lnrpc.Lightning/LookupInvoice": "invoices:read",
        "/lnrpc.Lightning/ListInvoices": "invoices:read",
        "/lnrpc.Lightning/SubscribeInvoices": "invoices:read",
        "/lnrpc.Lightning/GetInfo": "info:read",
        "/lnrpc.Lightning/ChannelBalance": "offchain:read",
        "/lnrpc.Lightning/WalletBalance": "onchain:read",
        "/lnrpc.Lightning/DecodePayReq": "offchain:read",
        "/lnrpc.Lightning/ListPayments": "offchain:read",
        "/lnrpc.Lightning/NewAddress": "address:write",
        "/invoicesrpc.Invoices/CancelInvoice": "invoices:write",
        "/invoicesrpc.Invoices/LookupInvoiceV2": "invoices:write",
        "/invoicesrpc.Invoices/SubscribeSingleInvoice": "invoices:read",
        "/invoicesrpc.Invoices/AddHoldInvoice": "invoices:write",
        "/invoicesrpc.Invoices/SettleInvoice": "invoices:write",
        "/routerrpc.Router/SendPaymentV2": "offchain:write",
        "/routerrpc.Router/TrackPaymentV2": "offchain:read",
        "/verrpc.Versioner/GetVersion": "info:read",
    }
)
"""The methods that a macaroon of ours may allow by `uri:`, each with the operation that also allows it in LND."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What the gateway uses a macaroon for: the methods that it calls, and the operations that it may allow besides.

    `is_exact`: a macaroon that allows more is not used at all.
    """

    file_name: str
    needed: tuple[str, ...]
    harmless: frozenset[str]
    is_exact: bool

    def missing(self, macaroon: bytes) -> list[str]:
        """The methods that the gateway calls and this macaroon does not allow. Raises ValueError as `operations`."""
        allowed = set(operations(macaroon))
        return [method for method in self.needed if not allowed & {METHODS[method], f"uri:{method}"}]

    def excess(self, macaroon: bytes) -> list[str]:
        """The operations that the purpose has no use for. Raises ValueError as `operations`."""
        return [operation for operation in operations(macaroon) if not self._has_use_for(operation)]

    def bake_command(self) -> str:
        """The `lncli` command that bakes a macaroon for exactly the methods that the gateway calls."""
        methods = [f"uri:{method}" for method in self.needed]
        return " ".join([f"lncli bakemacaroon --save_to {self.file_name}", *methods])

    def refusal(self, macaroon: bytes) -> str:
        """What is wrong with a macaroon and what to do, or an empty text."""
        try:
            less, more = self.missing(macaroon), self.excess(macaroon)
        except ValueError as error:
            return str(error)
        if less:
            return f"it does not allow {', '.join(less)}; bake another: {self.bake_command()}"
        if more:
            return f"it also allows {', '.join(more)}; bake a smaller one: {self.bake_command()}"
        return ""

    def _has_use_for(self, operation: str) -> bool:
        entity, _, method = operation.partition(":")
        if entity == "uri":
            return method in self.needed or METHODS.get(method) in self.harmless
        return operation in self.harmless


SALES = Purpose(
    file_name="tuppence.macaroon",
    needed=(
        "/lnrpc.Lightning/AddInvoice",
        "/lnrpc.Lightning/LookupInvoice",
        "/lnrpc.Lightning/ListInvoices",
        "/lnrpc.Lightning/SubscribeInvoices",
        "/lnrpc.Lightning/GetInfo",
        "/lnrpc.Lightning/ChannelBalance",
        "/invoicesrpc.Invoices/CancelInvoice",
    ),
    harmless=frozenset(
        {
            "invoices:read",
            "invoices:write",
            "info:read",
            "address:read",
            "address:write",
            "onchain:read",
            "offchain:read",
        }
    ),
    is_exact=False,
)
"""Invoices, and the state and balance of the node. GetState needs no macaroon."""

PAYOUTS = Purpose(
    file_name="payout.macaroon",
    needed=(
        "/routerrpc.Router/SendPaymentV2",
        "/routerrpc.Router/TrackPaymentV2",
        "/lnrpc.Lightning/ListPayments",
        "/lnrpc.Lightning/DecodePayReq",
        "/lnrpc.Lightning/GetInfo",
        "/lnrpc.Lightning/ChannelBalance",
    ),
    harmless=frozenset(),
    is_exact=True,
)
"""Payments over channels, and nothing else: neither the wallet on the chain, nor channels, nor other macaroons."""


def operations(macaroon: bytes) -> list[str]:
    """The operations of a macaroon, as `entity:action`, in order.

    Raises ValueError, with what to do, when the bytes are not an LND macaroon.
    """
    try:
        identifier = parse(macaroon).identifier
    except MalformedMacaroon as error:
        msg = "this file is no binary macaroon of version 2: give the path of the .macaroon file that LND wrote"
        raise ValueError(msg) from error
    if identifier[:1] != bytes([BAKERY_VERSION]):
        msg = "this macaroon was not baked by LND: its identifier is of another version"
        raise ValueError(msg)
    try:
        return [f"{entity}:{action}" for entity, actions in _ops(identifier[1:]) for action in actions]
    except (LookupError, UnicodeDecodeError) as error:
        msg = "this macaroon was not baked by LND: its identifier cannot be read"
        raise ValueError(msg) from error


def _ops(macaroon_id: bytes) -> Iterator[tuple[str, list[str]]]:
    """The entity and actions of each `lnrpc.Op` in a `lnrpc.MacaroonId` (lightning.proto)."""
    for op in _fields(macaroon_id, _OPS):
        entities = _fields(op, _ENTITY)
        yield entities[-1].decode() if entities else "", [action.decode() for action in _fields(op, _ACTIONS)]


def _fields(message: bytes, number: int) -> list[bytes]:
    """The length-delimited fields of one number in a protobuf message; others are skipped. Raises LookupError."""
    found: list[bytes] = []
    at = value = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, wire_type = tag >> 3, tag & 7
        if wire_type in {_VARINT, _LENGTH_DELIMITED}:
            value, at = _varint(message, at)
        size = value if wire_type == _LENGTH_DELIMITED else _FIXED_BYTES[wire_type]
        if field == 0 or at + size > len(message):
            raise IndexError
        if field == number and wire_type == _LENGTH_DELIMITED:
            found.append(message[at : at + size])
        at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A protobuf varint and the position after it. Raises IndexError where the data ends within it."""
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | data[at] << shift, at + 1
