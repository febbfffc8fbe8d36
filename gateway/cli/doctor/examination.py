"""The checks of `tuppence doctor`: everything that a payment depends on, and what to do about what is wrong."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection

from gateway.app.shared_clock import TOLERATED_SECONDS
from gateway.cli.doctor.books import (
    Books,
    compare_content,
    compare_identity,
    compare_keys,
    compare_nodes,
    read_books,
)
from gateway.cli.doctor.check_result import Sign, show
from gateway.cli.doctor.public_address import look_at_public_address
from gateway.cli.doctor.running_server import look_at_server
from gateway.config import Config
from gateway.errors import NotFound, TuppenceError
from gateway.lnd.channel import certificate_expires_at
from gateway.lnd.configuration import NodeAddress, configured_nodes, connect
from gateway.ports.node import Node, NodeState
from gateway.store.engines.database import read_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.migration import HEAD, revision_of
from gateway.store.tables.invoices import newest_canceled
from gateway.store.tables.leases import database_now_ms
from gateway.terminal import say
from gateway.wire.lnd_macaroon import bake_command, excess, missing

SAFE_SQLITE = (3, 51, 3)
LOW_INBOUND_SAT = 10_000
CERTIFICATE_DAYS = 30
CLOCK_SECONDS = 7_200
GARBAGE_FLAGS = "gc-canceled-invoices-on-the-fly=true and gc-canceled-invoices-on-startup=true"


async def examine(config: Config) -> bool:
    """Print every check of this gateway and of what it depends on; True if one of them is bad."""
    bad = False
    async for sign in _signs(config):
        show(sign)
        bad = bad or sign.health == "bad"
    running, found = await look_at_server(config)
    reached, address = await look_at_public_address(config, running=running)
    for sign in (*found, *address):
        show(sign)
        bad = bad or sign.health == "bad"
    if not bad and (running or reached):
        say(("Ready to sell.", "green"))
    elif not bad:
        say("Nothing here keeps it from selling. No server runs yet: `tuppence serve` starts it.")
    return bad


async def _signs(config: Config) -> AsyncIterator[Sign]:
    yield await _database(config)
    yield _folder_of_keys(config)
    try:
        books = await read_database(config.database_url, read_books)
    except TuppenceError as error:
        books = None
        if error.code != "database_missing":
            yield Sign("bad", "the books cannot be read", error.detail)
    if books is not None:
        for sign in compare_keys(config.shared_folder / "keys", books):
            yield sign
        yield await asyncio.to_thread(compare_content, config.shared_folder / "content", books)
    for sign in (_public_url(config), _proxies(config)):
        yield sign
    async for sign in _nodes(config, books):
        yield sign


async def _nodes(config: Config, books: Books | None) -> AsyncIterator[Sign]:
    try:
        addresses = configured_nodes(config)
    except TuppenceError as error:
        yield Sign("bad", "the nodes of the configuration cannot be used", error.detail)
        return
    if not addresses:
        hint = "Set TUPPENCE_LND_TARGET, TUPPENCE_LND_TLS_CERT and TUPPENCE_LND_MACAROON; bake the last with\n"
        yield Sign("bad", "no LND node is configured", f"{hint}{bake_command()}")
    for address in addresses:
        name = f"{address.node_id}: " if len(addresses) > 1 else ""
        async for sign in _look_at(config, address, books):
            yield replace(sign, what=f"{name}{sign.what}")
    if books is not None:
        for sign in compare_nodes([address.node_id for address in addresses], books):
            yield sign


async def _look_at(config: Config, address: NodeAddress, books: Books | None) -> AsyncIterator[Sign]:
    macaroon = _macaroon(address.macaroon, may_spend=config.allow_spending_macaroon)
    yield macaroon
    if macaroon.health != "bad":
        yield _certificate(address.tls_cert)
        async for sign in _node(config, address, books):
            yield sign


async def _database(config: Config) -> Sign:
    path = sqlite_path(config.database_url)
    if path is None:
        return await _postgres(config)
    if not path.exists():
        hint = "`tuppence serve` makes it at its first start; for another folder set TUPPENCE_DATA_DIR."
        return Sign("bad", f"there is no gateway here yet: {path.absolute()} does not exist", hint)
    if path.stat().st_mode & 0o077:
        return Sign("bad", f"{path} can be read by other users", f"chmod 600 {path}")
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        version = ".".join(map(str, SAFE_SQLITE))
        return Sign(
            "warning",
            f"database {path}; SQLite {sqlite3.sqlite_version} can corrupt a WAL that two writers reset",
            f"Tuppence writes from one connection only; no other program may write. Fixed in {version}.",
        )
    return Sign("good", f"database {path}")


async def _postgres(config: Config) -> Sign:
    try:
        revision = await read_database(config.database_url, revision_of)
        now_ms = await read_database(config.database_url, database_now_ms)
        fsync = await read_database(config.database_url, lambda c: str(c.exec_driver_sql("SHOW fsync").scalar_one()))
    except TuppenceError as error:
        return Sign("bad", "the database cannot be read", error.detail)
    off_seconds = time.time() - now_ms / 1_000
    if abs(off_seconds) > TOLERATED_SECONDS:
        what = f"this machine's clock is {off_seconds:+.0f} s from the database's"
        return Sign("bad", what, "Set both by NTP: replicas that disagree end paid access at different times.")
    if fsync != "on":
        return Sign("bad", "PostgreSQL runs with fsync off: a power cut loses payments", "Set fsync = on.")
    if revision != HEAD:
        return Sign("warning", "the database has an older schema", "`tuppence migrate` or the next start renews it.")
    return Sign("good", "database on PostgreSQL, durable")


def _folder_of_keys(config: Config) -> Sign:
    folder = config.shared_folder / "keys"
    if not folder.exists():
        return Sign("warning", f"no keys in {folder} yet", "`tuppence serve` makes one at its first start; back it up.")
    if folder.stat().st_mode & 0o077:
        return Sign("bad", f"{folder} can be read by other users", f"chmod 700 {folder}")
    return Sign("good", f"keys in {folder}; without them nothing sold opens again: back them up")


def _public_url(config: Config) -> Sign:
    parts = urlsplit(config.public_url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return Sign("good", f"public address {config.public_url}")
    if host == "localhost" or host.endswith(".onion") or _is_loopback(host):
        return Sign("good", f"public address {config.public_url}, for this machine")
    return Sign(
        "bad", f"{config.public_url} is not encrypted", "Put a proxy with TLS in front; set TUPPENCE_PUBLIC_URL."
    )


def _proxies(config: Config) -> Sign:
    local = _is_loopback(config.listen_host)
    if local and urlsplit(config.public_url).scheme == "https" and not config.trusted_proxies:
        hint = "Set TUPPENCE_TRUSTED_PROXIES=127.0.0.1 (your proxy), or all readers share one limit."
        return Sign("warning", "behind a proxy all readers come from one address", hint)
    return Sign("good", "limits hold per reader's network")


def _macaroon(path: Path, *, may_spend: bool) -> Sign:
    try:
        data = path.read_bytes()
        more, less = excess(data), missing(data)
    except (OSError, ValueError) as error:
        return Sign("bad", f"{path} is no readable macaroon: {error}", f"Bake one:\n{bake_command()}")
    if less:
        return Sign("bad", f"the macaroon cannot {', '.join(less)}", f"Bake another:\n{bake_command()}")
    if more:
        health = "warning" if may_spend else "bad"
        return Sign(health, f"the macaroon can also {', '.join(more)}", f"Bake a smaller one:\n{bake_command()}")
    return Sign("good", "the macaroon can do what is needed, and no more")


def _certificate(path: Path) -> Sign:
    try:
        days = int((certificate_expires_at(path) - time.time()) // 86_400)
    except (OSError, ValueError) as error:
        return Sign("bad", f"{path} is no readable certificate: {error}", "Copy LND's tls.cert there.")
    hint = "Let LND renew it (tlsautorefresh=1), or delete tls.cert and tls.key and restart LND; then copy it."
    if days < 0:
        return Sign("bad", f"the node's certificate expired {-days} days ago", hint)
    if days < CERTIFICATE_DAYS:
        return Sign("warning", f"the node's certificate expires in {days} days", hint)
    return Sign("good", f"the node's certificate is good for {days} days")


async def _node(config: Config, address: NodeAddress, books: Books | None) -> AsyncIterator[Sign]:
    node = connect(address)
    try:
        status = await node.status()
        if status.state is not NodeState.READY:
            yield Sign("bad", f"the node at {address.target} is {status.state}", status.detail)
            return
        name = f"{status.alias} {status.identity_pubkey[:16]}…"
        yield Sign("good", f"node {name} on {status.network}, LND {status.version}, block {status.block_height}")
        if books is not None:
            yield compare_identity(address.node_id, status.identity_pubkey, books)
        skew = abs(time.time() - status.best_header_at)
        if status.network == "mainnet" and skew > CLOCK_SECONDS:
            yield Sign(
                "warning", f"the newest block is {int(skew / 60)} min away from this clock", "Check the time (NTP)."
            )
        else:
            yield Sign("good", "clock")
        liquidity = await node.liquidity()
        inbound_sat = liquidity.inbound_msat // 1000
        if inbound_sat < LOW_INBOUND_SAT:
            hint = "Readers cannot pay more than that: open a channel towards you, or buy inbound liquidity."
            yield Sign("warning" if inbound_sat else "bad", f"{inbound_sat:,} sat can be received", hint)
        else:
            yield Sign("good", f"{inbound_sat:,} sat can be received")
        yield await _garbage(config, node)
    except TuppenceError as error:
        yield Sign("bad", f"the node at {address.target} refused", error.detail)
    finally:
        await asyncio.shield(node.close())


async def _garbage(config: Config, node: Node) -> Sign:
    """Whether the node deletes what nobody paid; without that a flood of invoices stays in its database for ever."""

    def look(connection: Connection) -> str | None:
        return newest_canceled(connection, node.node_id) if revision_of(connection) == HEAD else None

    hint = f"In lnd.conf: {GARBAGE_FLAGS}. Settled ones are never deleted."
    try:
        canceled = await read_database(config.database_url, look)
    except NotFound:
        canceled = None
    if canceled is None:
        return Sign("good", "no invoice was canceled yet, to see whether the node deletes them", hint)
    if await node.lookup(canceled) is not None:
        return Sign("warning", "the node keeps canceled invoices for ever", hint)
    return Sign("good", "the node deletes canceled invoices")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
