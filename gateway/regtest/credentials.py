"""Macaroons of gateway, wallet and payee, each limited to the calls of its user, and the env files that name them."""

from collections.abc import Mapping
from pathlib import Path

from lndgrpc.compiled import lightning_pb2

from gateway.regtest.names import NodeName
from gateway.regtest.node import CALL_SECONDS, Credentials, Node, admin_credentials
from gateway.regtest.process import RegtestError
from gateway.regtest.state import NetworkState, read_env, write_env, write_private
from gateway.wire.lnd_macaroon import PAYOUTS, SALES

WALLET_CALLS = (
    "/routerrpc.Router/SendPaymentV2",
    "/routerrpc.Router/TrackPaymentV2",
    "/lnrpc.Lightning/DecodePayReq",
    "/lnrpc.Lightning/ChannelBalance",
    "/lnrpc.Lightning/GetInfo",
)
PAYEE_CALLS = ("/lnrpc.Lightning/AddInvoice",)
GATEWAY_ENV, GATEWAY_PREFIX, PAYOUT_VARIABLE = "tuppence.env", "TUPPENCE_LND", "TUPPENCE_PAYOUT_MACAROON"
WALLET_ENV, WALLET_PREFIX = "reader.env", "READER_LND"
PAYEE_ENV, PAYEE_PREFIX = "creator.env", "CREATOR_LND"


async def write_credentials(folder: Path, state: NetworkState, nodes: Mapping[NodeName, Node]) -> None:
    """Bake the macaroons, one for each user and two for the gateway, and write the env files."""
    merchant, reader, creator = nodes["merchant"], nodes["reader"], nodes["creator"]
    payouts = await bake(merchant, PAYOUTS.needed, folder / PAYOUTS.file_name)
    gateway = await _credentials(folder, state, merchant, "merchant", SALES.needed)
    wallet = await _credentials(folder, state, reader, "reader", WALLET_CALLS)
    payee = await _credentials(folder, state, creator, "creator", PAYEE_CALLS)
    write_env(folder / GATEWAY_ENV, {**_variables(GATEWAY_PREFIX, gateway), PAYOUT_VARIABLE: str(payouts)})
    write_env(folder / WALLET_ENV, _variables(WALLET_PREFIX, wallet))
    write_env(folder / PAYEE_ENV, _variables(PAYEE_PREFIX, payee))


def read_credentials(path: Path, prefix: str) -> Credentials:
    """The credentials that an env file names. Raises RegtestError if it does not."""
    variables = read_env(path)
    try:
        return Credentials(
            target=variables[f"{prefix}_TARGET"],
            tls_cert=Path(variables[f"{prefix}_TLS_CERT"]),
            macaroon=Path(variables[f"{prefix}_MACAROON"]),
        )
    except KeyError as error:
        raise RegtestError(
            f"{path} does not name {error}. Write it anew: tuppence regtest down --delete, then up"
        ) from error


async def bake(node: Node, calls: tuple[str, ...], path: Path) -> Path:
    """Write a macaroon that allows these calls; returns its path."""
    permissions = [lightning_pb2.MacaroonPermission(entity="uri", action=call) for call in calls]
    request = lightning_pb2.BakeMacaroonRequest(permissions=permissions)
    baked = await node.lightning.BakeMacaroon(request, timeout=CALL_SECONDS)
    write_private(path, bytes.fromhex(baked.macaroon))
    return path


async def _credentials(
    folder: Path, state: NetworkState, node: Node, name: NodeName, calls: tuple[str, ...]
) -> Credentials:
    admin = admin_credentials(folder, state, name)
    macaroon = await bake(node, calls, folder / f"{name}.macaroon")
    return Credentials(target=admin.target, tls_cert=admin.tls_cert, macaroon=macaroon)


def _variables(prefix: str, credentials: Credentials) -> dict[str, str]:
    return {
        f"{prefix}_TARGET": credentials.target,
        f"{prefix}_TLS_CERT": str(credentials.tls_cert),
        f"{prefix}_MACAROON": str(credentials.macaroon),
    }
