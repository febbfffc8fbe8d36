"""Checks of the LND nodes that the configuration names."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from gateway.cli.doctor.books import Books, compare_identity, compare_nodes
from gateway.cli.doctor.check_result import CheckResult
from gateway.cli.doctor.payouts import check_payouts, how_to_pay_out
from gateway.config import Config
from gateway.errors import NotFound, TuppenceError
from gateway.lnd.channel import certificate_expires_at
from gateway.lnd.configuration import NodeAddress, configured_nodes, connect
from gateway.ports.node import Node, NodeState
from gateway.store.engines.database import read_database
from gateway.store.engines.migration import HEAD, revision_of
from gateway.store.tables.invoices import newest_canceled
from gateway.wire.lnd_macaroon import SALES

LOW_INBOUND_SAT = 10_000
CERTIFICATE_DAYS = 30
CLOCK_SECONDS = 7_200
LEAST_LND = (0, 21, 3)
GARBAGE_FLAGS = "gc-canceled-invoices-on-the-fly=true and gc-canceled-invoices-on-startup=true"


async def check_nodes(config: Config, books: Books | None) -> AsyncIterator[CheckResult]:
    """Every configured LND node: its macaroon, certificate, state, identity and liquidity."""
    try:
        addresses = configured_nodes(config)
    except TuppenceError as error:
        yield CheckResult("bad", "the nodes of the configuration cannot be used", error.detail)
        return
    if not addresses:
        hint = "Set TUPPENCE_LND_TARGET, TUPPENCE_LND_TLS_CERT and TUPPENCE_LND_MACAROON; bake the last with\n"
        yield CheckResult("bad", "no LND node is configured", f"{hint}{SALES.bake_command()}")
    for address in addresses:
        name = f"{address.node_id}: " if len(addresses) > 1 else ""
        async for result in _check_node(config, address, books):
            yield replace(result, what=f"{name}{result.what}")
    if addresses and not any(address.payout_macaroon for address in addresses):
        yield how_to_pay_out(several=len(addresses) > 1)
    if books is not None:
        for result in compare_nodes([address.node_id for address in addresses], books):
            yield result


async def _check_node(config: Config, address: NodeAddress, books: Books | None) -> AsyncIterator[CheckResult]:
    macaroon = _macaroon(address.macaroon, may_spend=config.allow_spending_macaroon)
    yield macaroon
    if macaroon.status != "bad":
        yield _certificate(address.tls_cert)
        async for result in _check_answers(config, address, books):
            yield result


def _macaroon(path: Path, *, may_spend: bool) -> CheckResult:
    try:
        data = path.read_bytes()
        more, less = SALES.excess(data), SALES.missing(data)
    except (OSError, ValueError) as error:
        return CheckResult("bad", f"{path} is not a readable macaroon: {error}", f"Bake one:\n{SALES.bake_command()}")
    if less:
        return CheckResult(
            "bad", f"the macaroon does not allow {', '.join(less)}", f"Bake another:\n{SALES.bake_command()}"
        )
    if more:
        status = "warning" if may_spend else "bad"
        return CheckResult(
            status, f"the macaroon also allows {', '.join(more)}", f"Bake a smaller one:\n{SALES.bake_command()}"
        )
    return CheckResult("good", "the macaroon allows what is needed, and no more")


def _certificate(path: Path) -> CheckResult:
    try:
        days = int((certificate_expires_at(path) - time.time()) // 86_400)
    except (OSError, ValueError) as error:
        return CheckResult("bad", f"{path} is not a readable certificate: {error}", "Copy LND's tls.cert there.")
    hint = "Let LND renew it (tlsautorefresh=1), or delete tls.cert and tls.key and restart LND; then copy it."
    if days < 0:
        return CheckResult("bad", f"the node's certificate expired {-days} days ago", hint)
    if days < CERTIFICATE_DAYS:
        return CheckResult("warning", f"the node's certificate expires in {days} days", hint)
    return CheckResult("good", f"the node's certificate is valid for {days} days")


async def _check_answers(config: Config, address: NodeAddress, books: Books | None) -> AsyncIterator[CheckResult]:
    node = connect(address)
    try:
        status = await node.status()
        if status.state is not NodeState.READY:
            yield CheckResult("bad", f"the node at {address.target} is {status.state}", status.detail)
            return
        name = f"{status.alias} {status.identity_pubkey[:16]}…"
        yield CheckResult("good", f"node {name} on {status.network}, LND {status.version}, block {status.block_height}")
        if is_old(status.version):
            hint = "Upgrade LND: older ones lose updates of invoices, or lack fixes of their security."
            yield CheckResult("warning", f"LND {status.version} is older than {'.'.join(map(str, LEAST_LND))}", hint)
        if books is not None:
            yield compare_identity(address.node_id, status.identity_pubkey, books)
        skew = abs(time.time() - status.best_header_at)
        if status.network == "mainnet" and skew > CLOCK_SECONDS:
            yield CheckResult(
                "warning", f"the newest block is {int(skew / 60)} min away from this clock", "Check the time (NTP)."
            )
        else:
            yield CheckResult("good", "this machine's clock is right")
        liquidity = await node.liquidity()
        inbound_sat = liquidity.inbound_msat // 1000
        if inbound_sat < LOW_INBOUND_SAT:
            hint = "Readers cannot pay more than that: open a channel towards you, or buy inbound liquidity."
            yield CheckResult("warning" if inbound_sat else "bad", f"{inbound_sat:,} sat can be received", hint)
        else:
            yield CheckResult("good", f"{inbound_sat:,} sat can be received")
        yield await _garbage(config, node)
        async for result in check_payouts(address, status.identity_pubkey):
            yield result
    except TuppenceError as error:
        yield CheckResult("bad", f"the node at {address.target} refused", error.detail)
    finally:
        await asyncio.shield(node.close())


def is_old(version: str) -> bool:
    """Whether a version of LND, such as `0.21.3-beta commit=v0.21.3-beta`, is older than what this gateway supports."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return match is not None and tuple(map(int, match.groups())) < LEAST_LND


async def _garbage(config: Config, node: Node) -> CheckResult:
    """Whether the node deletes canceled invoices; otherwise a flood of unpaid ones stays in its database for ever."""

    def look(connection: Connection) -> str | None:
        return newest_canceled(connection, node.node_id) if revision_of(connection) == HEAD else None

    hint = f"In lnd.conf: {GARBAGE_FLAGS}. Settled ones are never deleted."
    try:
        canceled = await read_database(config.database_url, look)
    except NotFound:
        canceled = None
    if canceled is None:
        return CheckResult("good", "no invoice was canceled yet, so whether the node deletes them is not known", hint)
    if await node.lookup(canceled) is not None:
        return CheckResult("warning", "the node keeps canceled invoices for ever", hint)
    return CheckResult("good", "the node deletes canceled invoices")
