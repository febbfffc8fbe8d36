"""The one file that knows everything: a gateway put together from its parts, and served."""

import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from gateway.authorize import Authorizer
from gateway.background import start_alone, start_replica
from gateway.catalog import Catalog
from gateway.challenge import Challenges
from gateway.checkout import Checkout
from gateway.config import Config
from gateway.errors import Conflict, Invalid, Unavailable
from gateway.hub import Hub
from gateway.lnd.client import LndNode
from gateway.lnd.permissions import bake_command, excess
from gateway.node import KnownNode
from gateway.ports import Clock, Node, NodeState, RandomBytes, Store
from gateway.rows import Invoice
from gateway.settlement import Settler
from gateway.store.content import ContentFolder
from gateway.store.database import open_database, replicas_doorbell
from gateway.store.keyring import FileKeyRing, write_once
from gateway.store.lock import lock_data
from gateway.supervise import Supervisor
from gateway.web.docs import show_docs
from gateway.web.edge import edge
from gateway.web.forwarded import forwarded
from gateway.web.gateway import GATEWAY, Gateway
from gateway.web.limits import Limits
from gateway.web.metrics import Metrics
from gateway.web.openapi import serve_document
from gateway.web.rates import Rates
from gateway.web.routes import add_routes

NODE_ID = "lnd"
MOST_BODY_BYTES = 4 * 1024**2
SHUTDOWN_SECONDS = 5.0
MOST_NAMED = 5

log = structlog.get_logger()


@asynccontextmanager
async def open_gateway(
    config: Config,
    *,
    clock: Clock = time.time,
    random_bytes: RandomBytes = secrets.token_bytes,
    node: Node | None = None,
    background: bool = True,
) -> AsyncIterator[Gateway]:
    """A gateway on its data folder, which is locked; without `background` it neither follows nor sweeps its node.

    Raises `Conflict` (`data_in_use`), `Invalid` (configuration), `Unavailable` (keys, database).
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_data(config.data_dir))
        keys = FileKeyRing.open(config.shared_folder / "keys")
        store = await open_database(config.database_url)
        stack.push_async_callback(store.close)
        await _pin_keys(store, keys)
        if node is None:
            node = lnd = connect_node(config, required=background)
            stack.push_async_callback(lnd.close)
        doorbell = replicas_doorbell(config.database_url)
        rung = doorbell.ring if doorbell is not None else lambda: None
        gateway, known = await _assemble(config, clock, random_bytes, store, keys, node, rung)
        stack.callback(gateway.hub.close)
        if background and config.rates_url:
            await stack.enter_async_context(gateway.supervisor.supervise("rates", gateway.rates.follow))
        if background and doorbell is None:
            await start_alone(stack, gateway, known)
        elif background and doorbell is not None:
            await start_replica(stack, gateway, known, doorbell, doorbell.serve)
        yield gateway


def connect_node(config: Config, *, required: bool) -> LndNode:
    """The node of the three LND variables. Raises `Invalid` (`config_invalid`, `macaroon_spends`)."""
    tls_cert, macaroon = config.lnd_tls_cert, config.lnd_macaroon
    if not config.lnd_target or tls_cert is None or macaroon is None:
        if required:
            raise Invalid(
                "config_invalid",
                "Set TUPPENCE_LND_TARGET, TUPPENCE_LND_TLS_CERT and TUPPENCE_LND_MACAROON, or try `tuppence demo`.",
            )
        return LndNode(node_id=NODE_ID, target="127.0.0.1:1", tls_cert=Path("unset"), macaroon=Path("unset"))
    if required:
        _check_macaroon(config, macaroon)
    return LndNode(node_id=NODE_ID, target=config.lnd_target, tls_cert=tls_cert, macaroon=macaroon)


def build_app(gateway: Gateway) -> web.Application:
    """The web application of a gateway."""
    proxies = gateway.config.trusted_proxies
    middlewares = [edge, forwarded(proxies)] if proxies else [edge]
    app = web.Application(middlewares=middlewares, client_max_size=MOST_BODY_BYTES)
    app[GATEWAY] = gateway
    add_routes(app)
    app.router.add_get("/openapi.json", serve_document)
    app.router.add_get("/docs", show_docs)
    return app


@asynccontextmanager
async def serve(app: web.Application, config: Config) -> AsyncIterator[str]:
    """Answer on the listen address and on the admin socket; gives the address as one types it on this machine.

    Raises `Conflict` (`address_in_use`).
    """
    async with serve_admin(app, config) as runner:
        try:
            await web.TCPSite(runner, config.listen_host, config.listen_port).start()
        except OSError as error:
            detail = f"{config.listen} cannot be listened on ({error.strerror}); choose another TUPPENCE_LISTEN."
            raise Conflict("address_in_use", detail) from error
        port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
        yield f"http://{config.listen.rpartition(':')[0]}:{port}"


@asynccontextmanager
async def serve_admin(app: web.Application, config: Config) -> AsyncIterator[web.AppRunner]:
    """Answer on the admin socket alone."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, _bind_admin(config.admin_socket)).start()
        yield runner
    finally:
        # Streams are ended first: a graceful stop would wait for them.
        app[GATEWAY].hub.close()
        await runner.cleanup()
        config.admin_socket.unlink(missing_ok=True)


async def _assemble(
    config: Config,
    clock: Clock,
    random_bytes: RandomBytes,
    store: Store,
    keys: FileKeyRing,
    node: Node,
    ring: Callable[[], None],
) -> tuple[Gateway, KnownNode]:
    catalog = Catalog(store)
    await catalog.refresh()
    hub = Hub(most=config.waiters, most_per_invoice=config.waiters_per_invoice)
    metrics, challenges, supervisor = Metrics(), Challenges(clock), Supervisor()
    metrics.waiters.set_function(lambda: hub.count)
    known = KnownNode(node, store)

    def on_settled(invoices: Sequence[Invoice], arrived_at: float) -> None:
        for invoice in invoices:
            gateway.tell(invoice.payment_hash)
        ring()
        metrics.observe_settled(invoices, credited_seconds=max(0.0, clock() - arrived_at))

    settler = Settler(node, store, clock, on_settled=[on_settled])
    open_invoices = await store.read(
        lambda tx: tx.invoices.unresolved(node.node_id, due_at=None, after_add_index=0, limit=config.open_invoices)
    )
    content = ContentFolder(config.shared_folder / "content")
    limits = Limits(config, clock, random_bytes, open_invoices=open_invoices)
    gateway = Gateway(
        config=config,
        clock=clock,
        random_bytes=random_bytes,
        store=store,
        node=node,
        catalog=catalog,
        checkout=Checkout(
            node,
            known,
            store,
            keys,
            clock,
            random_bytes,
            public_host=config.public_host,
            expiry_seconds=config.invoice_expiry_seconds,
        ),
        challenges=challenges,
        settler=settler,
        authorizer=Authorizer(keys, store, settler, clock),
        hub=hub,
        keys=keys,
        content=content,
        limits=limits,
        metrics=metrics,
        rates=Rates(config.rates_url, clock),
        supervisor=supervisor,
        operator_key=_operator_key(config.shared_folder / "operator.key"),
        ready=partial(_what_is_wrong, node, store, keys, supervisor, partial(_lost_content, catalog, content, set())),
    )
    return gateway, known


async def _what_is_wrong(
    node: Node, store: Store, keys: FileKeyRing, supervisor: Supervisor, lost_content: Callable[[], list[str]]
) -> list[str]:
    wrong = [*(f"{name} has ended" for name in supervisor.dead()), *lost_content()]
    try:
        wrong += await _lost_keys(store, keys)
        status = await node.status()
    except Unavailable as error:
        return [*wrong, error.detail]
    if status.state is not NodeState.READY:
        wrong.append(f"the node is {status.state}: {status.detail}")
    wrong += [f"{name}: {p.last_error}" for name, p in supervisor.progress.items() if p.last_error]
    return wrong


async def _pin_keys(store: Store, keys: FileKeyRing) -> None:
    for number, fingerprint in keys.fingerprints().items():
        pinned = await store.write(lambda tx, n=number, f=fingerprint: tx.identities.pin("key", n, f))  # type: ignore[misc]  # bound in the loop
        if pinned != fingerprint:
            raise Unavailable(
                "keys_changed", f"keys/{number}.key is not the key that this database knows; restore it from a backup."
            )
    for lost in await _lost_keys(store, keys):
        log.error("key_lost", detail=lost)


async def _lost_keys(store: Store, keys: FileKeyRing) -> Sequence[str]:
    pinned = await store.read(lambda tx: tx.identities.list("key"))
    return [
        f"keys/{number}.key is lost: what was sold with it stays closed until it is restored"
        for number, _ in pinned
        if number not in keys.fingerprints()
    ]


def _lost_content(catalog: Catalog, content: ContentFolder, found: set[str]) -> list[str]:
    """Items whose bytes are not here; `found` are the digests that were, and stay."""
    lost = []
    for item in catalog.items():
        if item.byte_size and item.digest not in found:
            if content.path(item.digest).is_file():
                found.add(item.digest)
            else:
                lost.append(f"the content of {item.id} is not in this gateway's folder")
    return lost[:MOST_NAMED]


def _check_macaroon(config: Config, path: Path) -> None:
    try:
        more = excess(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Invalid("config_invalid", f"TUPPENCE_LND_MACAROON: {path} is no readable macaroon ({error}).") from error
    if more and not config.allow_spending_macaroon:
        raise Invalid(
            "macaroon_spends",
            f"{path} can do more than is needed ({', '.join(more[:4])}…). Bake a smaller one:\n{bake_command()}\n"
            "or set TUPPENCE_ALLOW_SPENDING_MACAROON=true.",
        )


def _operator_key(path: Path) -> str:
    write_once(path, f"tpo_{secrets.token_urlsafe(32)}\n")
    return path.read_text().strip()


def _bind_admin(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    path.chmod(0o600)
    return bound
