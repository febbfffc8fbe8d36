"""A running `make cluster` as torture and bench aim at it: what it wrote down, its replicas, and who pays there."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from gateway.regtest.node import Credentials
from gateway.regtest.process import Report
from tests.support.clock import until
from tools.bench.nodes import BenchNode, Payable
from tools.bench.replicas import lease_id
from tools.bench.served import Served

FILE = Path(".tuppence/cluster.json")
START_SECONDS = 120.0


class NotRunning(Exception):
    """There is no cluster to aim at; its text says how to start one."""


class ReplicaAddress(msgspec.Struct, frozen=True):
    """One gateway: where it answers, its process of the moment, and the folder that outlives it."""

    url: str
    pid: int
    folder: str


class ClusterAddress(msgspec.Struct, frozen=True):
    """The file that a running cluster writes, and rewrites when a replica gets a new process."""

    front: str
    database_url: str
    shared_dir: str
    replicas: tuple[ReplicaAddress, ...]
    node_name: str
    lnd_target: str
    lnd_tls_cert: str
    lnd_macaroon: str
    payments: str
    """A Unix socket that pays: a line of payment hash and payment request, answered by a line of JSON."""

    def write(self, path: Path) -> None:
        """In one step, so that nobody reads a half."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        draft.replace(path)


class Aim:
    """The cluster of a file."""

    def __init__(self, path: Path = FILE) -> None:
        """Raises `NotRunning`."""
        self._path = path
        if not path.exists():
            raise NotRunning(f"{path} does not exist: start a cluster with `make cluster` and aim again")
        address = self.address
        self.node: BenchNode = DistantNode(address)
        self.replicas = [AimedReplica(self, number) for number in range(len(address.replicas))]

    @property
    def address(self) -> ClusterAddress:
        """The file's present content."""
        return msgspec.json.decode(self._path.read_bytes(), type=ClusterAddress)

    def front(self) -> Served:
        """The load balancer, as a gateway that sells; its process is that of a replica."""
        return self.served(0, self.address.front)

    def served(self, number: int, url: str = "") -> Served:
        """One of the replicas as it is now."""
        address = self.address
        replica = address.replicas[number]
        return Served(
            url=url or replica.url,
            folder=Path(replica.folder),
            shared=Path(address.shared_dir),
            pid=replica.pid,
            started_at=0.0,
            ready_at=0.0,
        )


class AimedReplica:
    """A `Replica` of a cluster that others run: they restart its process when it has ended."""

    def __init__(self, aim: Aim, number: int) -> None:
        self._aim, self._number = aim, number
        self.served = aim.served(number)

    async def start(self) -> Served:
        """Wait for the new process."""

        async def is_new() -> bool:
            return self._aim.served(self._number).pid != self.served.pid

        await until(is_new, patience_seconds=START_SECONDS)
        self.served = self._aim.served(self._number)
        return self.served

    @property
    def lease_id(self) -> str:
        """Whom a lease names that it holds."""
        return lease_id(self.served.folder)


class DistantNode:
    """The cluster's node: its payer lives with the cluster."""

    def __init__(self, address: ClusterAddress) -> None:
        self.name = address.node_name
        self.credentials = Credentials(
            target=address.lnd_target, tls_cert=Path(address.lnd_tls_cert), macaroon=Path(address.lnd_macaroon)
        )
        self._payments = address.payments

    async def pay(self, invoice: Payable) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._payments)
        except OSError as error:
            raise NotRunning(f"nobody pays at {self._payments}: has the cluster ended?") from error
        writer.write(f"{invoice.payment_hash} {invoice.payment_request}\n".encode())
        answer = json.loads(await reader.readline())
        writer.close()
        if "error" in answer:
            raise RuntimeError(answer["error"])

    async def pay_all(self, invoices: Iterable[Payable], report: Report) -> None:
        for number, invoice in enumerate(invoices, 1):
            await self.pay(invoice)
            report(f"{number} paid")


@asynccontextmanager
async def payments_at(path: Path, node: BenchNode) -> AsyncIterator[None]:
    """Pay what is asked for at the Unix socket `path`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        payment_hash, payment_request = (await reader.readline()).decode().split()
        refused: dict[str, str] = {}
        try:
            await node.pay(Payable(payment_hash, payment_request))
        except RuntimeError as error:
            refused = {"error": str(error)}
        writer.write(json.dumps(refused).encode() + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        yield
