"""What an LND macaroon allows, read from the macaroon itself: nothing is asked of the node.

LND bakes binary V2 macaroons whose identifier is the bakery's version byte 3 and a protobuf `lnrpc.MacaroonId`, a list
of operations `entity:action`; `uri:/package.Service/Method` allows that one method (macaroons/service.go). Caveats only
narrow what the operations say, so they are not counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.message import DecodeError
from lndgrpc.compiled.lightning_pb2 import MacaroonId

BAKERY_VERSION = 3
ALLOWED = frozenset(
    {
        "invoices:read",
        "invoices:write",
        "info:read",
        "address:read",
        "address:write",
        "onchain:read",
        "offchain:read",
    }
)
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
        "/lnrpc.Lightning/NewAddress": "address:write",
        "/invoicesrpc.Invoices/CancelInvoice": "invoices:write",
        "/invoicesrpc.Invoices/LookupInvoiceV2": "invoices:write",
        "/invoicesrpc.Invoices/SubscribeSingleInvoice": "invoices:read",
        "/invoicesrpc.Invoices/AddHoldInvoice": "invoices:write",
        "/invoicesrpc.Invoices/SettleInvoice": "invoices:write",
        "/verrpc.Versioner/GetVersion": "info:read",
    }
)
"""The methods that a macaroon may name by uri, and the operation under which LND allows each."""

NEEDED = (
    "/lnrpc.Lightning/AddInvoice",
    "/lnrpc.Lightning/LookupInvoice",
    "/lnrpc.Lightning/ListInvoices",
    "/lnrpc.Lightning/SubscribeInvoices",
    "/lnrpc.Lightning/GetInfo",
    "/lnrpc.Lightning/ChannelBalance",
    "/invoicesrpc.Invoices/CancelInvoice",
)
"""The methods that `LndNode` calls; GetState needs no macaroon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macaroon:
    """The parts of a binary V2 macaroon."""

    identifier: bytes
    caveats: tuple[bytes, ...]
    signature: bytes


def excess(macaroon: bytes) -> list[str]:
    """The operations beyond invoices, info, addresses and the reading of balances; empty for a good macaroon.

    Raises ValueError when these bytes are no LND macaroon.
    """
    return [operation for operation in operations(macaroon) if not _is_allowed(operation)]


def missing(macaroon: bytes) -> list[str]:
    """The methods that the gateway calls and this macaroon does not allow. Raises ValueError as `excess` does."""
    held = set(operations(macaroon))
    return [method for method in NEEDED if not held & {METHODS[method], f"uri:{method}"}]


def bake_command(save_to: str = "tuppence.macaroon") -> str:
    """The command that bakes a macaroon with the least that the gateway needs."""
    return " ".join([f"lncli bakemacaroon --save_to {save_to}", *[f"uri:{method}" for method in NEEDED]])


def operations(macaroon: bytes) -> list[str]:
    """Everything that a macaroon allows, as `entity:action`, in its own order. Raises ValueError as `excess` does."""
    identifier = parse(macaroon).identifier
    if identifier[:1] != bytes([BAKERY_VERSION]):
        msg = "this macaroon was not baked by LND: its identifier is of another version"
        raise ValueError(msg)
    try:
        baked = MacaroonId.FromString(identifier[1:])
    except DecodeError as error:
        msg = "this macaroon was not baked by LND: its identifier cannot be read"
        raise ValueError(msg) from error
    return [f"{op.entity}:{action}" for op in baked.ops for action in op.actions]


def parse(macaroon: bytes) -> Macaroon:
    """Take a binary V2 macaroon apart (gopkg.in/macaroon.v2, marshal-v2.go). Raises ValueError when it is none."""
    try:
        return _parse(macaroon)
    except (LookupError, StopIteration) as error:
        msg = "this file is no binary macaroon of version 2: give the path of the .macaroon file that LND wrote"
        raise ValueError(msg) from error


_END, _LOCATION, _IDENTIFIER, _VERIFICATION, _SIGNATURE = 0, 1, 2, 4, 6


def _parse(macaroon: bytes) -> Macaroon:
    if macaroon[0] != 2:
        raise IndexError
    fields = _fields(macaroon[1:])
    identifier = _section(fields)[_IDENTIFIER]
    caveats = []
    while section := _section(fields):
        caveats.append(section[_IDENTIFIER])
    kind, signature = next(fields)
    if kind != _SIGNATURE or len(signature) != 32:
        raise IndexError
    return Macaroon(identifier=identifier, caveats=tuple(caveats), signature=signature)


def _section(fields: Iterator[tuple[int, bytes]]) -> dict[int, bytes]:
    """The fields up to the end of a section, none when there is no further section."""
    section: dict[int, bytes] = {}
    for kind, data in fields:
        if kind == _END:
            return section
        section[kind] = data
    raise IndexError


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        kind, at = _varint(data, at)
        if kind == _END:
            yield _END, b""
            continue
        size, at = _varint(data, at)
        if at + size > len(data):
            raise IndexError
        yield kind, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | data[at] << shift, at + 1


def _is_allowed(operation: str) -> bool:
    entity, _, action = operation.partition(":")
    return METHODS.get(action) in ALLOWED if entity == "uri" else operation in ALLOWED
