"""Assembles a `Gateway` from its configuration: store, keys, nodes, catalog and background tasks."""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from gateway.access.authorize import Authorizer
from gateway.access.key_rotation import lost_keys
from gateway.access.refund_claims import RefundClaims
from gateway.app.announcements import Announcements
from gateway.app.background import BACKGROUND_TIMING, BackgroundTiming, start_alone, start_replica
from gateway.app.data_folder import database_lost, is_used, open_shared
from gateway.app.gateway import Gateway
from gateway.app.metering import Meter, MeteredNode, MeteredStore
from gateway.app.metrics import Metrics
from gateway.app.payouts import assemble_payouts
from gateway.app.readiness import ReadinessCheck
from gateway.app.render_process import ProcessRenderer
from gateway.app.replica_clock import ReplicaClock
from gateway.books.retention import DAY_SECONDS, Purger
from gateway.catalog.catalog import Catalog
from gateway.catalog.items import ItemEditor
from gateway.config import Config
from gateway.events.hub import Hub
from gateway.events.shared_reads import SharedReads
from gateway.limits.client_keys import ClientKeys
from gateway.limits.limits import InvoiceLimits, Limits
from gateway.limits.rate_windows import RateLimit
from gateway.lnaddress.hosts import LnurlHosts
from gateway.lnd.configuration import configured_nodes, connect_nodes, connect_payers, payout_refusal
from gateway.nodes.pool import Nodes
from gateway.outgoing.client import open_outgoing
from gateway.ports.addresses import AddressHosts
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.node import Node
from gateway.ports.payer import Payer
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store
from gateway.rates.history import RateHistory
from gateway.rates.rate import Rates
from gateway.rates.source import ExchangeRates
from gateway.rows import Unresolved
from gateway.sales.challenges import Challenges
from gateway.sales.checkout import Checkout
from gateway.sales.purchase import Sales
from gateway.settlement.recheck import Rechecker
from gateway.settlement.settle import Settler
from gateway.store.engines.database import Database, open_database, replica_notifications
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.newest_position import NewestPosition
from gateway.store.files.content import ContentFolder
from gateway.store.files.keyring import FileKeyRing
from gateway.store.files.lock import lock_data
from gateway.store.files.wallets import read_wallets
from gateway.supervise import Supervisor

log = structlog.get_logger()


@asynccontextmanager
async def open_gateway(
    config: Config,
    *,
    clock: Clock = time.time,
    random_bytes: RandomBytes = secrets.token_bytes,
    nodes: Sequence[Node] | None = None,
    payers: Sequence[Payer] | None = None,
    announcers: Sequence[Announcer] = (),
    rates: Rates | None = None,
    background: bool = True,
    timing: BackgroundTiming = BACKGROUND_TIMING,
) -> AsyncIterator[Gateway]:
    """Open a gateway on its data folder, locking the folder; without `background` nodes are not followed or swept.

    `nodes`, `payers` and `rates` stand in place of those of the configuration. `announcers` receive every announcement
    after the gateway's own parts.

    Raises `Conflict` (`data_in_use`), `Invalid` (configuration), `Unavailable` (keys, database).
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_data(config.data_dir))
        path, shared = sqlite_path(config.database_url), config.shared_folder
        _refuse_lost_database(path, shared)
        store = await open_database(config.database_url)
        stack.push_async_callback(store.close)
        newest = None if path is None else NewestPosition(store, path)
        if newest is not None:
            await newest.check()
        keys, operator_key = await open_shared(store, shared, alone=path is not None)
        for lost in await lost_keys(store, keys):
            log.error("key_lost", detail=lost)
        nodes = _nodes(stack, config, nodes, required=background)
        payers = _payers(stack, config, payers)
        hosts = await _address_hosts(stack, config)
        notifications, replica_clock = replica_notifications(config.database_url), None
        if notifications is not None:
            clock = replica_clock = ReplicaClock(clock, store, system=time.time, steady=time.monotonic)
            await replica_clock.compare()
        source = ExchangeRates(config.rates_url, clock, RateHistory(store))
        parts = (config, clock, random_bytes, store, keys, operator_key, nodes, payers, hosts, announcers)
        given = _Given(*parts, rates or source, timing)
        gateway = await _assemble(given, notify_replicas=notifications.send if notifications else lambda: None)
        stack.callback(gateway.hub.close)
        if background and config.rates_url:
            await stack.enter_async_context(gateway.supervisor.supervise("rates", source.follow, optional=True))
        if background:
            await _warn_of_unconfigured_nodes(store, gateway.nodes)
            _warn_of_refused_payouts(config)
            # Another replica may be writing the newest files of a shared folder.
            age_seconds = 0 if notifications is None else DAY_SECONDS
            await gateway.content.clear_leftovers(before=clock() - age_seconds)
            if newest is not None:
                await start_alone(stack, gateway, newest, timing)
            if notifications is not None and replica_clock is not None:
                await start_replica(stack, gateway, notifications, notifications.serve, replica_clock, timing)
        yield gateway


def _nodes(stack: AsyncExitStack, config: Config, given: Sequence[Node] | None, *, required: bool) -> Sequence[Node]:
    """The given nodes, else those of the configuration, closed at the end."""
    if given is not None:
        return given
    opened = connect_nodes(config, required=required)
    for node in opened:
        stack.push_async_callback(node.close)
    return opened


def _payers(stack: AsyncExitStack, config: Config, given: Sequence[Payer] | None) -> Sequence[Payer]:
    """The given payers, else those of the configuration, closed at the end."""
    if given is not None:
        return given
    opened = connect_payers(config)
    for payer in opened:
        stack.push_async_callback(payer.close)
    return opened


async def _address_hosts(stack: AsyncExitStack, config: Config) -> LnurlHosts:
    outgoing = await stack.enter_async_context(open_outgoing(config.outgoing_allow))
    return LnurlHosts(outgoing, public_url=config.public_url, allow=config.outgoing_allow)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a gateway is assembled from."""

    config: Config
    clock: Clock
    random_bytes: RandomBytes
    database: Database
    keys: FileKeyRing
    operator_key: str
    nodes: Sequence[Node]
    payers: Sequence[Payer]
    hosts: AddressHosts
    announcers: Sequence[Announcer]
    rates: Rates
    timing: BackgroundTiming


async def _assemble(given: _Given, *, notify_replicas: Callable[[], None]) -> Gateway:
    config, clock, random_bytes, keys = given.config, given.clock, given.random_bytes, given.keys
    metrics = Metrics(config)
    store = MeteredStore(given.database, Meter(metrics.database_took, metrics.database_refused))
    catalog = Catalog(store)
    await catalog.refresh()
    hub = Hub(most=config.waiters, most_per_invoice=config.waiters_per_invoice)
    challenges, supervisor = Challenges(clock), Supervisor(given.timing.backoff)
    metrics.waiters.set_function(lambda: hub.count)
    limits = Limits(_invoice_limits(config), clock, open_invoices=await _open_invoices(store, given.nodes, config))
    announcer = Announcements(
        hub, challenges, limits, metrics, clock, notify_replicas=notify_replicas, others=given.announcers
    )
    nodes = Nodes([_metered(node, metrics) for node in given.nodes], store, timing=given.timing.nodes)
    await nodes.read_drained()
    for serving in nodes:
        metrics.watch(serving)
    settlers = {serving.node_id: Settler(serving.node, store, clock, announcer) for serving in nodes}
    rechecker = Rechecker(nodes, settlers, store, clock)
    content = ContentFolder(config.shared_folder / "content", database=sqlite_path(config.database_url))
    checkout = _checkout(config, nodes, rechecker, store, keys, clock, random_bytes, content)
    authorizer = Authorizer(keys, store, rechecker, clock)
    await authorizer.refunded.refresh()
    replica_clock = clock if isinstance(clock, ReplicaClock) else None
    payouts = assemble_payouts(config, store, keys, clock, random_bytes, given.payers, given.hosts, announcer)
    return Gateway(
        config=config,
        clock=clock,
        random_bytes=random_bytes,
        store=store,
        reads=SharedReads(store),
        nodes=nodes,
        settlers=settlers,
        rechecker=rechecker,
        catalog=catalog,
        items=ItemEditor(catalog, ProcessRenderer(), content, clock, random_bytes),
        sales=Sales(checkout, challenges, authorizer, limits, keys, clock, announcer, public_host=config.public_host),
        purger=Purger(store, clock, given.database.compact, note_seconds=config.tip_note_days * DAY_SECONDS),
        authorizer=authorizer,
        hub=hub,
        keys=keys,
        content=content,
        client_keys=ClientKeys(clock, random_bytes),
        limits=limits,
        metrics=metrics,
        announcer=announcer,
        rates=given.rates,
        wallets=read_wallets(config.wallets),
        payouts=payouts,
        refund_claims=RefundClaims(payouts.refunds, limits),
        supervisor=supervisor,
        operator_key=given.operator_key,
        readiness=ReadinessCheck(nodes, store, keys, catalog, content, supervisor, replica_clock),
    )


def _invoice_limits(config: Config) -> InvoiceLimits:
    return InvoiceLimits(
        invoices_per_client=RateLimit.parse(config.invoices_per_client),
        invoices_per_item=RateLimit.parse(config.invoices_per_item),
        invoices_overall=RateLimit.parse(config.invoices_overall),
        open_invoices_per_client=config.open_invoices_per_client,
        open_invoices=config.open_invoices,
        invoice_expiry_seconds=config.invoice_expiry_seconds,
    )


def _checkout(
    config: Config,
    nodes: Nodes,
    rechecker: Rechecker,
    store: Store,
    keys: FileKeyRing,
    clock: Clock,
    random_bytes: RandomBytes,
    content: ContentFolder,
) -> Checkout:
    return Checkout(
        nodes,
        rechecker,
        store,
        keys,
        clock,
        random_bytes,
        expiry_seconds=config.invoice_expiry_seconds,
        contents=content,
    )


def _metered(node: Node, metrics: Metrics) -> Node:
    return MeteredNode(
        node, Meter(partial(metrics.node_took, node.node_id), partial(metrics.node_refused, node.node_id))
    )


async def _warn_of_unconfigured_nodes(store: Store, nodes: Nodes) -> None:
    configured = {serving.node_id for serving in nodes}
    for node_id, count in (await store.read(lambda tx: tx.invoices.count_open())).items():
        if node_id not in configured:
            log.warning("node_not_configured", node_id=node_id, open_invoices=count)


def _warn_of_refused_payouts(config: Config) -> None:
    for address in configured_nodes(config):
        if why := payout_refusal(address):
            log.error("payouts_refused", node_id=address.node_id, detail=why)


async def _open_invoices(store: Store, nodes: Sequence[Node], config: Config) -> list[Unresolved]:
    """The open invoices of all nodes."""
    most = config.open_invoices
    return [
        row
        for node in nodes
        for row in await store.read(
            lambda tx, n=node: tx.invoices.unresolved(n.node_id, due_at=None, after_add_index=0, limit=most)  # type: ignore[misc]  # bound in the loop
        )
    ]


def _refuse_lost_database(path: Path | None, shared: Path) -> None:
    if path is not None and is_used(shared) and not (path.is_file() and path.stat().st_size):
        raise database_lost(f"{path} is missing or empty", shared)
