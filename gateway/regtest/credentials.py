"""Macaroons of gateway, wallet and payee, each limited to the calls of its user, and the env files that name them."""

from collections.abc import Mapping
from pathlib import Path

from lndgrpc.compiled import lightning_pb2

from gateway.regtest.names import NodeName
from gateway.regtest.node import CALL_SECONDS, Credentials, Node, admin_credentials
from gateway.regtest.process import RegtestError
from gateway.regtest.state import NetworkState, read_env, write_env, write_private
from gateway.wire.lnd_macaroon import NEEDED

WALLET_CALLS = (
    "/routerrpc.Router/SendPaymentV2",
    "/routerrpc.Router/TrackPaymentV2",
    "/lnrpc.Lightning/DecodePayReq",
    "/lnrpc.Lightning/ChannelBalance",
    "/lnrpc.Lightning/GetInfo",
)
PAYEE_CALLS = ("/lnrpc.Lightning/AddInvoice",)
GATEWAY_ENV = "tuppence.env"
WALLET_ENV, WALLET_PREFIX = "reader.env", "READER_LND"
PAYEE_ENV, PAYEE_PREFIX = "creator.env", "CREATOR_LND"


async def write_credentials(folder: Path, state: NetworkState, nodes: Mapping[NodeName, Node]) -> None:
    """Bake the three macaroons, and write the env files."""
    merchant, reader, creator = nodes["merchant"], nodes["reader"], nodes["creator"]
    await _write(folder, state, merchant, "merchant", calls=NEEDED, prefix="TUPPENCE_LND", env=GATEWAY_ENV)
    await _write(folder, state, reader, "reader", calls=WALLET_CALLS, prefix=WALLET_PREFIX, env=WALLET_ENV)
    await _write(folder, state, creator, "creator", calls=PAYEE_CALLS, prefix=PAYEE_PREFIX, env=PAYEE_ENV)


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


async def _write(
    folder: Path, state: NetworkState, node: Node, name: NodeName, *, calls: tuple[str, ...], prefix: str, env: str
) -> None:
    permissions = [lightning_pb2.MacaroonPermission(entity="uri", action=call) for call in calls]
    request = lightning_pb2.BakeMacaroonRequest(permissions=permissions)
    baked = await node.lightning.BakeMacaroon(request, timeout=CALL_SECONDS)
    macaroon = folder / f"{name}.macaroon"
    write_private(macaroon, bytes.fromhex(baked.macaroon))
    admin = admin_credentials(folder, state, name)
    credentials = Credentials(target=admin.target, tls_cert=admin.tls_cert, macaroon=macaroon)
    write_env(
        folder / env,
        {
            f"{prefix}_TARGET": credentials.target,
            f"{prefix}_TLS_CERT": str(credentials.tls_cert),
            f"{prefix}_MACAROON": str(credentials.macaroon),
        },
    )
