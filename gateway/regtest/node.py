"""One LND node of the network: its files, its command line, and a gRPC connection to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc
from lndgrpc.compiled import (
    invoices_pb2_grpc,
    lightning_pb2,
    lightning_pb2_grpc,
    router_pb2_grpc,
    stateservice_pb2,
    stateservice_pb2_grpc,
)

from gateway.regtest.names import CHAIN, NodeName
from gateway.regtest.process import until
from gateway.regtest.state import NetworkState, write_private

CALL_SECONDS = 20.0
READY_SECONDS = 90.0
MESSAGE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Address (host:port), certificate and macaroon of a node, for a client; the latter two are paths."""

    target: str
    tls_cert: Path
    macaroon: Path


class Node:
    """A connection to a node, by its gRPC stubs; close it when done."""

    def __init__(self, credentials: Credentials) -> None:
        """Opens no socket yet. Raises FileNotFoundError while LND has not written its certificate and macaroon."""
        macaroon = credentials.macaroon.read_bytes().hex()
        channel_credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(credentials.tls_cert.read_bytes()),
            grpc.metadata_call_credentials(lambda _, done: done((("macaroon", macaroon),), None)),
        )
        self._channel = grpc.aio.secure_channel(
            credentials.target,
            channel_credentials,
            options=(
                ("grpc.max_receive_message_length", MESSAGE_BYTES),
                # Reconnect quickly after a restart of the node; gRPC's default backoff grows to two minutes.
                ("grpc.max_reconnect_backoff_ms", 500),
                ("grpc.initial_reconnect_backoff_ms", 100),
            ),
        )
        self.lightning: Any = lightning_pb2_grpc.LightningStub(self._channel)
        self.invoices: Any = invoices_pb2_grpc.InvoicesStub(self._channel)
        self.router: Any = router_pb2_grpc.RouterStub(self._channel)
        self._state: Any = stateservice_pb2_grpc.StateStub(self._channel)

    async def __aenter__(self) -> Self:
        """Enter the context, which closes the connection at its end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.close()

    async def close(self) -> None:
        """Close the connection and cancel its calls."""
        await self._channel.close()

    async def has_wallet(self) -> bool:
        """Whether the wallet is open; the node may not be synchronised yet."""
        return await self._state_number() in {stateservice_pb2.RPC_ACTIVE, stateservice_pb2.SERVER_ACTIVE}

    async def is_active(self) -> bool:
        """Whether the node accepts all calls."""
        return await self._state_number() == int(stateservice_pb2.SERVER_ACTIVE)

    async def _state_number(self) -> int | None:
        try:
            answer = await self._state.GetState(stateservice_pb2.GetStateRequest(), timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError:
            return None
        return int(answer.state)

    async def info(self) -> Any:
        """The lnrpc.GetInfoResponse of the node."""
        return await self.lightning.GetInfo(lightning_pb2.GetInfoRequest(), timeout=CALL_SECONDS)

    async def is_synced(self, height: int) -> bool:
        """Whether the node has processed the chain up to this height."""
        try:
            info = await self.info()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return bool(info.block_height >= height and info.synced_to_chain)

    async def new_address(self) -> str:
        """A new on-chain address of the node's wallet."""
        request = lightning_pb2.NewAddressRequest(type=lightning_pb2.NESTED_PUBKEY_HASH)
        answer = await self.lightning.NewAddress(request, timeout=CALL_SECONDS)
        return str(answer.address)


def admin_credentials(folder: Path, state: NetworkState, name: NodeName) -> Credentials:
    """The credentials for all calls of a node, for the network itself and for tests."""
    home = folder / name
    return Credentials(
        target=f"127.0.0.1:{state.ports[name].rpc}",
        tls_cert=home / "tls.cert",
        macaroon=home / "data" / "chain" / "bitcoin" / "regtest" / "admin.macaroon",
    )


async def connect(credentials: Credentials, *, seconds: float = READY_SECONDS) -> Node:
    """Wait until a started node has written its files and accepts calls. Raises RegtestError."""

    async def have_files() -> bool:
        # LND creates a file before it writes its content.
        files = (credentials.tls_cert, credentials.macaroon)
        return all(path.exists() and path.stat().st_size > 0 for path in files)

    await until(have_files, seconds=seconds, what=f"the certificate and macaroon of {credentials.target}")
    return Node(credentials)


def write_node_files(folder: Path, state: NetworkState, name: NodeName) -> None:
    """Write a node's configuration."""
    home = folder / name
    home.mkdir(mode=0o700, exist_ok=True)
    ports = state.ports[name]
    database = "db.backend=sqlite\ndb.use-native-sql=1\n" if state.backend == "sqlite" else "db.backend=bolt\n"
    write_private(
        home / "lnd.conf",
        "[Application Options]\n"
        "noseedbackup=1\n"
        f"alias={name}\n"
        f"listen=127.0.0.1:{ports.peer}\n"
        f"rpclisten=127.0.0.1:{ports.rpc}\n"
        "norest=1\n"
        "nobootstrap=1\n"
        "trickledelay=50\n"
        "maxpendingchannels=20\n"
        # A single payment takes half as long as with LND's default of 50 ms, and many at once take no longer.
        "channel-commit-interval=5ms\n"
        # For tests that send payments without an invoice.
        "accept-keysend=1\n"
        "accept-amp=1\n"
        "logging.file.disable=1\n"
        "debuglevel=info\n"
        # By default LND shuts down when a disk is 90 % full.
        "healthcheck.diskspace.attempts=0\n"
        "[Bitcoin]\n"
        "bitcoin.regtest=1\n"
        "bitcoin.node=btcd\n"
        "[Btcd]\n"
        f"btcd.rpchost=127.0.0.1:{state.ports[CHAIN].rpc}\n"
        f"btcd.rpcuser={state.rpc_user}\n"
        f"btcd.rpcpass={state.rpc_password}\n"
        f"btcd.rpccert={folder / CHAIN / 'rpc.cert'}\n"
        "[gossip]\n"
        "gossip.sub-batch-delay=50ms\n"
        "[db]\n" + database,
    )


def node_command(folder: Path, state: NetworkState, name: NodeName) -> list[str]:
    """The command line of a node with its configuration."""
    home = folder / name
    return [state.binaries.lnd, f"--lnddir={home}", f"--configfile={home / 'lnd.conf'}"]
