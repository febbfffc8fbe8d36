"""What goes on behind the requests: the catalog, the nodes' settlements, and what other replicas booked."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from functools import partial

from gateway.catalog import Catalog
from gateway.fingerprints import follow_keys
from gateway.follow import follow
from gateway.hear import Ear
from gateway.lease import Lease
from gateway.nodes import Member
from gateway.ports import Doorbell
from gateway.supervise import Progress, Work
from gateway.sweep import Sweeper
from gateway.web.gateway import Gateway

Works = dict[str, Work]
"""By name; what is about one node is called `work node_id`."""

CATALOG_EVERY_SECONDS = 1.0


async def start_alone(stack: AsyncExitStack, gateway: Gateway) -> None:
    """The background of the only process on its database, ended in reverse order."""
    work: Works = {}
    for member in gateway.nodes:
        work |= _settling(gateway, member)
    await _begin(stack, gateway, work)


async def start_replica(stack: AsyncExitStack, gateway: Gateway, doorbell: Doorbell, serve_doorbell: Work) -> None:
    """The background of one of many: all hear of every settlement, one follows and sweeps a node."""
    ear = Ear(gateway.store, doorbell, gateway.tell)
    await ear.begin()
    work: Works = {"doorbell": serve_doorbell, "hear": ear.listen}
    for member in gateway.nodes:
        lease = Lease(gateway.store, member.node_id, secrets.token_hex(16))
        stack.push_async_callback(lease.give_back)
        settling = _settling(gateway, member)
        work |= {name: partial(lease.while_held, each) for name, each in settling.items()}
        work[f"lease {member.node_id}"] = lease.keep
    await _begin(stack, gateway, work)


async def _begin(stack: AsyncExitStack, gateway: Gateway, settling: Works) -> None:
    work: Works = {
        "catalog": partial(_follow_catalog, gateway.catalog),
        "drained": gateway.nodes.follow_drained,
        "keys": partial(follow_keys, gateway.store, gateway.keys),
    }
    for member in gateway.nodes:
        work[f"look {member.node_id}"] = member.look
    for name, each in (work | settling).items():
        await stack.enter_async_context(gateway.supervisor.supervise(name, each))


def _settling(gateway: Gateway, member: Member) -> Works:
    """What turns a node's settlements into books."""
    sweeper = Sweeper(member.known, member.settler, gateway.store, gateway.clock)
    return {
        f"sweep {member.node_id}": sweeper.run,
        f"follow {member.node_id}": partial(follow, member.known, member.settler, sweeper),
    }


async def _follow_catalog(catalog: Catalog, progress: Progress) -> None:
    while True:
        await catalog.refresh()
        progress.made()
        await asyncio.sleep(CATALOG_EVERY_SECONDS)
