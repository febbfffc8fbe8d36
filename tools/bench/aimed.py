"""The bench of a figure that measures a running cluster (`make cluster`): it starts nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gateway.regtest.process import Report
from gateway.store.engines.database import read_database
from tools.bench.bench import Bench, NodeKind
from tools.bench.nodes import BenchNode
from tools.bench.processes import Loop
from tools.bench.replicas import holders
from tools.bench.served import Served
from tools.running_cluster import Aim

FIGURES = ("told", "content", "told_apart")
"""Those that ask for nothing but addresses and a node."""


class AimedBench(Bench):
    """The gateway is the load balancer, the replicas are those that run."""

    def __init__(self, aim: Aim, folder: Path, *, loop: Loop, report: Report, stack: AsyncExitStack) -> None:
        super().__init__(
            folder, loop=loop, kind="regtest", real_catch_up=False, network=None, report=report, stack=stack
        )
        self._aim = aim

    async def node(self, kind: NodeKind | None = None) -> BenchNode:
        """The cluster's, whatever its kind."""
        del kind
        return self._aim.node

    @asynccontextmanager
    async def gateway(self, name: str, *, kind: NodeKind | None = None) -> AsyncIterator[Served]:
        """The load balancer."""
        del name, kind
        yield self._aim.front()

    @asynccontextmanager
    async def replicas(self, name: str, count: int, *, kind: NodeKind | None = None) -> AsyncIterator[list[Served]]:
        """So many of them, the one that settles first."""
        del name, kind
        settling = await read_database(self._aim.address.database_url, holders)
        replicas = sorted(self._aim.replicas, key=lambda replica: replica.lease_id not in settling)
        yield [replica.served for replica in replicas[:count]]
