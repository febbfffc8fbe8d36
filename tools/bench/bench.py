"""The bench that every figure gets: a folder, the event loop, nodes on demand, and progress reports."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

from gateway.regtest.process import Report
from tests.support.postgres_server import Cluster, open_cluster
from tools.bench.nodes import BenchNode, open_regtest, open_simulator, settings_of
from tools.bench.processes import Child, Loop, open_child
from tools.bench.replicas import open_replicas
from tools.bench.served import Served, put_on_sale, serve

NodeKind = Literal["regtest", "simulated"]


class Bench:
    """One run; what it opens ends with `stack`."""

    def __init__(
        self,
        folder: Path,
        *,
        loop: Loop,
        kind: NodeKind,
        real_catch_up: bool,
        network: Path | None,
        report: Report,
        stack: AsyncExitStack,
    ) -> None:
        self.folder, self.loop, self.kind, self.real_catch_up = folder, loop, kind, real_catch_up
        self.report = report
        self._network, self._stack = network, stack
        self._opened: dict[NodeKind, BenchNode] = {}
        self._cluster: Cluster | None = None
        self._databases: set[str] = set()

    async def node(self, kind: NodeKind | None = None) -> BenchNode:
        """The run's node, or one of another kind; opened once."""
        kind = kind or self.kind
        if kind not in self._opened:
            self.report(f"starting a {kind} node")
            self._opened[kind] = await self._stack.enter_async_context(
                open_simulator(self.folder / "simulator")
                if kind == "simulated"
                else open_regtest(
                    self._network or self.folder / "regtest", keep=self._network is not None, report=self.report
                )
            )
        return self._opened[kind]

    @asynccontextmanager
    async def gateway(self, name: str, *, kind: NodeKind | None = None) -> AsyncIterator[Served]:
        """A gateway of its own on the folder `name`, with an article for sale."""
        node = await self.node(kind)
        self.report("starting the gateway")
        is_new = not (self.folder / name / "data").exists()
        async with serve(self.folder / name, settings_of(node), loop=self.loop) as served:
            if is_new:
                await put_on_sale(served)
            yield served

    async def cluster(self) -> Cluster:
        """A PostgreSQL server that keeps what it commits; opened once."""
        if self._cluster is None:
            self.report("starting PostgreSQL")
            self._cluster = self._stack.enter_context(open_cluster({"max_connections": "200"}))
        return self._cluster

    @asynccontextmanager
    async def replicas(self, name: str, count: int, *, kind: NodeKind | None = None) -> AsyncIterator[list[Served]]:
        """So many gateways on the database `name`, with an article for sale."""
        node, cluster = await self.node(kind), await self.cluster()
        if name not in self._databases:
            await cluster.execute(f"CREATE DATABASE {name}")
            self._databases.add(name)
        urls = [cluster.url(name)] * count
        async with open_replicas(self.folder / name, settings_of(node), urls, loop=self.loop) as replicas:
            yield [replica.served for replica in replicas]

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Child]:
        """A process that asks, `load.py`."""
        async with self.child("tools.bench.load") as child:
            yield child

    @asynccontextmanager
    async def child(self, module: str) -> AsyncIterator[Child]:
        """A process that runs a module's `main` on the run's event loop."""
        code = f"from {module} import main; main()"
        async with open_child(code, loop=self.loop, cwd=self.folder, log=self.folder / "children.log") as child:
            yield child
