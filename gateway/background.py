"""What goes on behind the requests: the catalog, the node's settlements, and what other replicas booked."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from functools import partial

from gateway.catalog import Catalog
from gateway.follow import follow
from gateway.hear import Ear
from gateway.lease import Lease
from gateway.node import KnownNode
from gateway.ports import Doorbell
from gateway.supervise import Progress, Work
from gateway.sweep import Sweeper
from gateway.web.gateway import Gateway

CATALOG_EVERY_SECONDS = 1.0


async def start_alone(stack: AsyncExitStack, gateway: Gateway, known: KnownNode) -> None:
    """The background of the only process on its database, ended in reverse order."""
    sweeper = Sweeper(known, gateway.settler, gateway.store, gateway.clock)
    supervise = gateway.supervisor.supervise
    await stack.enter_async_context(supervise("catalog", partial(_follow_catalog, gateway.catalog)))
    await stack.enter_async_context(supervise("purge", gateway.purger.run))
    await stack.enter_async_context(supervise("sweep", sweeper.run))
    await stack.enter_async_context(supervise("follow", partial(follow, known, gateway.settler, sweeper)))


async def start_replica(
    stack: AsyncExitStack,
    gateway: Gateway,
    known: KnownNode,
    doorbell: Doorbell,
    serve_doorbell: Work,
) -> None:
    """The background of one of many: all hear of every settlement, one follows and sweeps the node."""
    sweeper = Sweeper(known, gateway.settler, gateway.store, gateway.clock)
    lease = Lease(gateway.store, gateway.node.node_id, secrets.token_hex(16))
    ear = Ear(gateway.store, doorbell, gateway.tell)
    await ear.begin()
    following = partial(follow, known, gateway.settler, sweeper)
    stack.push_async_callback(lease.give_back)
    for name, work in (
        ("catalog", partial(_follow_catalog, gateway.catalog)),
        ("purge", gateway.purger.run),
        ("doorbell", serve_doorbell),
        ("hear", ear.listen),
        ("sweep", partial(lease.while_held, sweeper.run)),
        ("follow", partial(lease.while_held, following)),
        ("lease", lease.keep),
    ):
        await stack.enter_async_context(gateway.supervisor.supervise(name, work))


async def _follow_catalog(catalog: Catalog, progress: Progress) -> None:
    while True:
        await catalog.refresh()
        progress.made()
        await asyncio.sleep(CATALOG_EVERY_SECONDS)
