"""Macaroons of the gateway and the wallet, each limited to the calls of its user, and the env files that name them."""

from pathlib import Path

from lndgrpc.compiled import lightning_pb2

from gateway.regtest.names import NodeName
from gateway.regtest.node import CALL_SECONDS, Credentials, Node, admin_credentials
from gateway.regtest.state import NetworkState, write_env, write_private
from gateway.wire.lnd_macaroon import NEEDED

WALLET_CALLS = (
    "/routerrpc.Router/SendPaymentV2",
    "/routerrpc.Router/TrackPaymentV2",
    "/lnrpc.Lightning/DecodePayReq",
    "/lnrpc.Lightning/ChannelBalance",
    "/lnrpc.Lightning/GetInfo",
)
GATEWAY_ENV = "tuppence.env"
WALLET_ENV = "reader.env"


async def write_credentials(folder: Path, state: NetworkState, *, merchant: Node, reader: Node) -> None:
    """Bake the gateway's macaroon and the wallet's, and write the two env files."""
    await _write(folder, state, merchant, "merchant", calls=NEEDED, prefix="TUPPENCE_LND", env=GATEWAY_ENV)
    await _write(folder, state, reader, "reader", calls=WALLET_CALLS, prefix="READER_LND", env=WALLET_ENV)


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
