"""The supervised background work of a gateway: catalog, retention, and the settlements of its nodes."""

import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.access.key_rotation import follow_keys
from gateway.app.gateway import Gateway
from gateway.app.replica_clock import ReplicaClock
from gateway.events.feed import Feed
from gateway.nodes.pool import NODE_TIMING, NodeTiming, ServingNode
from gateway.ports.node import NodeState
from gateway.ports.store import Notifications
from gateway.settlement.follow import follow
from gateway.settlement.lease import Lease
from gateway.settlement.sweep import Sweeper
from gateway.store.engines.newest_position import NewestPosition
from gateway.store.files.keyring import write_once
from gateway.supervise import BACKOFF, Backoff, Work, every

Works = dict[str, Work]
"""Background work by name; the name of work on one node is `work node_id`."""

PAYOUTS = "payouts"
OPTIONAL = {"notifications", "newest", "purge", PAYOUTS, f"lease {PAYOUTS}"}
"""Work whose failure harms no sale: without notifications the feed reads every second, the others catch up."""
BACKOFF_OF = {"refunded": Backoff(longest_seconds=1.0)}
"""Work that is tried again sooner than other work: what is refunded closes within 2 s."""
CLOCK_EVERY_SECONDS = DRAINED_EVERY_SECONDS = NEWEST_EVERY_SECONDS = REFUNDED_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTiming:
    """How often the background work looks, and how long it waits after a failure."""

    backoff: Backoff = BACKOFF
    nodes: NodeTiming = NODE_TIMING
    catalog_every_seconds: float = 1.0
    keys_every_seconds: float = 1.0
    mint_after_seconds: float = 5.0
    """The wait before a new key mints: by then every other replica has adopted it and verifies its tokens."""
    purge_every_seconds: float = 3_600.0
    payouts_every_seconds: float = 1.0


BACKGROUND_TIMING = BackgroundTiming()


async def start_alone(
    stack: AsyncExitStack, gateway: Gateway, newest: NewestPosition, timing: BackgroundTiming
) -> None:
    """Start the background work of the only process on its database; it ends in reverse order."""
    works: Works = {"newest": every(NEWEST_EVERY_SECONDS, newest.record)}
    for serving in gateway.nodes:
        works |= _settling(gateway, serving)
    await _start(stack, gateway, works | _paying(gateway, timing), timing)


async def start_replica(
    stack: AsyncExitStack,
    gateway: Gateway,
    notifications: Notifications,
    serve_notifications: Work,
    clock: ReplicaClock,
    timing: BackgroundTiming,
) -> None:
    """Start the background work of one of many replicas: each reads the feed, one follows and sweeps a node."""
    feed = Feed(gateway.store, notifications, gateway.announcer)
    await feed.start()
    gateway.metrics.watch_feed(feed)
    works: Works = {
        "notifications": serve_notifications,
        "feed": feed.run,
        "clock": every(CLOCK_EVERY_SECONDS, clock.compare),
    }
    holder = replica_id(gateway.config.data_dir)
    for serving in gateway.nodes:
        lease = Lease(gateway.store, serving.node_id, holder, able=partial(_answers, serving))
        stack.push_async_callback(lease.give_back)
        works |= {name: partial(lease.while_held, work) for name, work in _settling(gateway, serving).items()}
        works[f"lease {serving.node_id}"] = lease.keep
    paying = Lease(gateway.store, PAYOUTS, holder)
    stack.push_async_callback(paying.give_back)
    works |= {name: partial(paying.while_held, work) for name, work in _paying(gateway, timing).items()}
    works[f"lease {PAYOUTS}"] = paying.keep
    await _start(stack, gateway, works, timing)


async def _start(stack: AsyncExitStack, gateway: Gateway, settling: Works, timing: BackgroundTiming) -> None:
    works: Works = {
        "catalog": every(timing.catalog_every_seconds, gateway.catalog.refresh),
        "drained": every(DRAINED_EVERY_SECONDS, gateway.nodes.read_drained),
        "purge": every(timing.purge_every_seconds, gateway.purger.purge),
        "refunded": every(REFUNDED_EVERY_SECONDS, gateway.authorizer.refunded.refresh),
        "keys": partial(
            follow_keys,
            gateway.store,
            gateway.keys,
            every_seconds=timing.keys_every_seconds,
            mint_after_seconds=timing.mint_after_seconds,
        ),
    }
    for serving in gateway.nodes:
        works[f"look {serving.node_id}"] = serving.watch
    for name, work in (works | settling).items():
        optional, backoff = name in OPTIONAL, BACKOFF_OF.get(name)
        await stack.enter_async_context(gateway.supervisor.supervise(name, work, optional=optional, backoff=backoff))
        gateway.metrics.watch_work(name, gateway.supervisor.progress[name])


def _answers(serving: ServingNode) -> bool:
    """Whether this replica reaches the node; another may, when this one does not."""
    return serving.health.state is not NodeState.ABSENT


def _settling(gateway: Gateway, serving: ServingNode) -> Works:
    """The work that books the settlements of one node."""
    settler = gateway.settlers[serving.node_id]
    sweeper = Sweeper(serving.pinned, settler, gateway.store, gateway.clock)
    gateway.metrics.watch_settling(serving.node_id, sweeper)
    return {
        f"sweep {serving.node_id}": sweeper.run,
        f"follow {serving.node_id}": partial(follow, serving.pinned, settler, sweeper),
    }


def _paying(gateway: Gateway, timing: BackgroundTiming) -> Works:
    """The work of payouts and refunds."""
    return {PAYOUTS: partial(gateway.payouts.worker.run, every_seconds=timing.payouts_every_seconds)}


def replica_id(data_dir: Path) -> str:
    """The holder's name in a lease: one per data folder, which one process uses at a time.

    A gateway that crashed and starts again therefore renews its own lease at once.
    """
    path = data_dir / "replica"
    write_once(path, secrets.token_hex(16))
    return path.read_text(encoding="ascii")
