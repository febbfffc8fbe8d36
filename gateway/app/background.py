"""What goes on behind the requests: the catalog, the nodes' settlements, and what other replicas booked."""

import secrets
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from gateway.access.key_rotation import follow_keys
from gateway.app.gateway import Gateway
from gateway.events.feed import Ear
from gateway.nodes.pool import ServingNode
from gateway.ports.node import NodeState
from gateway.ports.store import Doorbell
from gateway.settlement.follow import follow
from gateway.settlement.lease import Lease
from gateway.settlement.sweep import Sweeper
from gateway.store.engines.newest_position import Newest
from gateway.store.files.keyring import write_once
from gateway.supervise import Work, every

Works = dict[str, Work]
"""By name; what is about one node is called `work node_id`."""

OPTIONAL = {"doorbell", "newest", "purge"}
"""No sale is harmed: the feed looks every second without its doorbell, the others catch up."""
CATALOG_EVERY_SECONDS = CLOCK_EVERY_SECONDS = DRAINED_EVERY_SECONDS = NEWEST_EVERY_SECONDS = 1.0


async def start_alone(stack: AsyncExitStack, gateway: Gateway, newest: Newest) -> None:
    """The background of the only process on its database, ended in reverse order."""
    work: Works = {"newest": every(NEWEST_EVERY_SECONDS, newest.note)}
    for serving in gateway.nodes:
        work |= _settling(gateway, serving)
    await _begin(stack, gateway, work)


async def start_replica(stack: AsyncExitStack, gateway: Gateway, doorbell: Doorbell, serve_doorbell: Work) -> None:
    """The background of one of many: all hear of every settlement, one follows and sweeps a node."""
    ear = Ear(gateway.store, doorbell, gateway.announcer)
    await ear.begin()
    gateway.metrics.watch_ear(lambda: ear.position)
    work: Works = {"doorbell": serve_doorbell, "hear": ear.listen}
    if gateway.watchman.clock is not None:
        work["clock"] = every(CLOCK_EVERY_SECONDS, gateway.watchman.clock.compare)
    holder = replica_id(gateway.config.data_dir)
    for serving in gateway.nodes:
        lease = Lease(gateway.store, serving.node_id, holder, able=partial(_reaches, serving))
        stack.push_async_callback(lease.give_back)
        settling = _settling(gateway, serving)
        work |= {name: partial(lease.while_held, each) for name, each in settling.items()}
        work[f"lease {serving.node_id}"] = lease.keep
    await _begin(stack, gateway, work)


async def _begin(stack: AsyncExitStack, gateway: Gateway, settling: Works) -> None:
    work: Works = {
        "catalog": every(CATALOG_EVERY_SECONDS, gateway.catalog.refresh),
        "drained": every(DRAINED_EVERY_SECONDS, gateway.nodes.read_drained),
        "purge": gateway.purger.run,
        "keys": partial(follow_keys, gateway.store, gateway.keys),
    }
    for serving in gateway.nodes:
        work[f"look {serving.node_id}"] = serving.look
    for name, each in (work | settling).items():
        await stack.enter_async_context(gateway.supervisor.supervise(name, each, optional=name in OPTIONAL))
        gateway.metrics.watch_work(name, gateway.supervisor.progress[name])


def _reaches(serving: ServingNode) -> bool:
    """Whether the node answers here: another replica may reach one that is away from this one."""
    return serving.health.state is not NodeState.ABSENT


def _settling(gateway: Gateway, serving: ServingNode) -> Works:
    """What turns a node's settlements into books."""
    settler = gateway.settlers[serving.node_id]
    sweeper = Sweeper(serving.pinned, settler, gateway.store, gateway.clock)
    gateway.metrics.watch_settling(serving.node_id, sweeper)
    return {
        f"sweep {serving.node_id}": sweeper.run,
        f"follow {serving.node_id}": partial(follow, serving.pinned, settler, sweeper),
    }


def replica_id(data_dir: Path) -> str:
    """Who holds a lease: one id per data folder, which one process has at a time.

    So a gateway that crashed and starts again takes its own lease back at once, instead of waiting for its end.
    """
    path = data_dir / "replica"
    write_once(path, secrets.token_hex(16))
    return path.read_text(encoding="ascii")
