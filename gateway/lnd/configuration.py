"""The LND nodes of the configuration: one by three variables, or several in a TOML file.

```toml
[[node]]
id = "north"                       # recorded with every invoice; never changes
target = "10.0.0.5:10009"
tls_cert = "north/tls.cert"        # relative to this file
macaroon = "north/tuppence.macaroon"
payout_macaroon = "north/payout.macaroon"   # only where payouts are made
```
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.config import Config
from gateway.errors import Invalid
from gateway.lnd.client import LndNode
from gateway.lnd.payments import LndPayer
from gateway.wire.lnd_macaroon import PAYOUTS, SALES

ONE_NODE_ID = "lnd"
_VARIABLES = "TUPPENCE_LND_TARGET, TUPPENCE_LND_TLS_CERT and TUPPENCE_LND_MACAROON"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """The address of a node (host:port), and the paths of its certificate and macaroons."""

    node_id: str
    target: str
    tls_cert: Path
    macaroon: Path
    payout_macaroon: Path | None = None


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,64}$")]
    target: Annotated[str, msgspec.Meta(pattern=r"^\S+:[0-9]{1,5}$")]
    tls_cert: str
    macaroon: str
    payout_macaroon: str | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    node: Annotated[list[_Entry], msgspec.Meta(min_length=1)]


def configured_nodes(config: Config) -> Sequence[NodeAddress]:
    """The configured nodes, in the order of the file; empty if none is set. Raises `Invalid` (`config_invalid`)."""
    one = (config.lnd_target, config.lnd_tls_cert, config.lnd_macaroon)
    if config.lnd_nodes is not None:
        if any(one):
            raise Invalid("config_invalid", f"Set either TUPPENCE_LND_NODES or {_VARIABLES}, not both.")
        if config.payout_macaroon is not None:
            path = config.lnd_nodes
            raise Invalid("config_invalid", f"TUPPENCE_PAYOUT_MACAROON: name payout_macaroon of each node in {path}.")
        return _read(config.lnd_nodes)
    if not any((*one, config.payout_macaroon)):
        return []
    target, tls_cert, macaroon = one
    if not target or tls_cert is None or macaroon is None:
        raise Invalid("config_invalid", f"Set all three of {_VARIABLES}.")
    return [
        NodeAddress(
            node_id=ONE_NODE_ID,
            target=target,
            tls_cert=tls_cert,
            macaroon=macaroon,
            payout_macaroon=config.payout_macaroon,
        )
    ]


def connect_nodes(config: Config, *, required: bool) -> list[LndNode]:
    """Clients of the configured nodes, not yet connected. `required`: at least one, and no macaroon that can spend.

    Raises `Invalid` (`config_invalid`, `macaroon_spends`).
    """
    addresses = configured_nodes(config)
    if required and not addresses:
        raise Invalid("config_invalid", f"Set {_VARIABLES}, or TUPPENCE_LND_NODES, or try `tuppence demo`.")
    if required:
        for address in addresses:
            _check_macaroon(address.macaroon, may_spend=config.allow_spending_macaroon)
    return [connect(address) for address in addresses]


def connect(address: NodeAddress) -> LndNode:
    """A client of one node, not yet connected."""
    return LndNode(node_id=address.node_id, target=address.target, tls_cert=address.tls_cert, macaroon=address.macaroon)


def connect_payers(config: Config) -> list[LndPayer]:
    """Clients that pay, not yet connected, of the configured nodes with a payout macaroon. Raises `Invalid`.

    One whose macaroon is not exactly right refuses every call: see `payout_refusal`.
    """
    return [payer for address in configured_nodes(config) if (payer := connect_payer(address)) is not None]


def connect_payer(address: NodeAddress) -> LndPayer | None:
    """A client that pays from one node, not yet connected; None without a payout macaroon."""
    if address.payout_macaroon is None:
        return None
    return LndPayer(
        node_id=address.node_id, target=address.target, tls_cert=address.tls_cert, macaroon=address.payout_macaroon
    )


def payout_refusal(address: NodeAddress) -> str:
    """Why the payout macaroon of a node is not used; empty if it is, or if there is none."""
    if address.payout_macaroon is None:
        return ""
    try:
        why = PAYOUTS.refusal(address.payout_macaroon.read_bytes())
    except OSError as error:
        why = f"it cannot be read ({error.strerror}); bake one: {PAYOUTS.bake_command()}"
    return f"{address.payout_macaroon} is not used: {why}" if why else ""


def _read(path: Path) -> list[NodeAddress]:
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_File).node
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise Invalid("config_invalid", f"TUPPENCE_LND_NODES: {path}: {error}") from error
    for name, values in (("id", [each.id for each in entries]), ("target", [each.target for each in entries])):
        twice = {value for value in values if values.count(value) > 1}
        if twice:
            raise Invalid("config_invalid", f"TUPPENCE_LND_NODES: {path}: two nodes have the {name} {min(twice)}.")
    return [
        NodeAddress(
            node_id=entry.id,
            target=entry.target,
            tls_cert=path.parent / entry.tls_cert,
            macaroon=path.parent / entry.macaroon,
            payout_macaroon=None if entry.payout_macaroon is None else path.parent / entry.payout_macaroon,
        )
        for entry in entries
    ]


def _check_macaroon(path: Path, *, may_spend: bool) -> None:
    try:
        more = SALES.excess(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Invalid("config_invalid", f"The LND macaroon {path} cannot be read ({error}).") from error
    if more and not may_spend:
        raise Invalid(
            "macaroon_spends",
            f"{path} can do more than is needed ({', '.join(more[:4])}…). Bake a smaller one:\n{SALES.bake_command()}\n"
            "or set TUPPENCE_ALLOW_SPENDING_MACAROON=true.",
        )
