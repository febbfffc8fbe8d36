"""Payouts on a real network whose gateway and paying node are killed; then books, both nodes and `tuppence audit`.

The gateway is at the reader's node: its payouts to the creator's node go by the merchant's, and each costs a fee.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any, Literal

import aiohttp
from lndgrpc.compiled import lightning_pb2
from sqlalchemy import Connection

from gateway.lnd.configuration import ONE_NODE_ID
from gateway.money import from_sat
from gateway.payouts.follow_up import AFTER_EXPIRY_SECONDS
from gateway.regtest.credentials import PAYOUT_VARIABLE, bake
from gateway.regtest.lifetime import open_network
from gateway.regtest.network import Network
from gateway.regtest.node import CALL_SECONDS
from gateway.regtest.process import Report
from gateway.rows.payouts import Try
from gateway.store.tables.transaction import SqlTx
from gateway.wire.lnd_macaroon import PAYOUTS, SALES
from tests.real.payees import payments_of
from tests.support.processes.demo_process import free_port
from tests.support.processes.shell import Shell
from tools.bench.nodes import RegtestNode, settings_of
from tools.bench.served import Served
from tools.torture.payouts.askers import Askers
from tools.torture.payouts.comparison import compare_payouts, read_payouts
from tools.torture.payouts.payee import EXPIRY_SECONDS, serve_payee
from tools.torture.rig import Rig
from tools.torture.tally import Failed, Tally

Killed = Literal["gateway", "reader"]
# The payee's node is spared: an LND 0.21.3 that is killed while it settles a held invoice may lose its channel for good
# ("unable to settle htlc: No HTLC with ID").
KILLS: Sequence[tuple[Killed, ...]] = (("gateway",), ("reader",), ("gateway", "reader"))
"""What is killed in turn: the gateway, its node, both."""
MOST_SECONDS = 3.0
"""Within these a round asks for its payouts, and kills."""
CREATORS, RECEIVED_MSAT = 10, from_sat(100_000)
END_SECONDS, LOOK_SECONDS = 1_200.0, 10.0
"""Until every payout has ended: where only the end of an invoice shows what became of it, that takes five minutes."""


async def pay_under_kills(folder: Path, *, kills: int, payouts: int, seed: int, report: Report) -> Tally:
    """So many payouts under so many kills. Raises `Failed`."""
    async with _open_stage(folder, Random(seed), report) as stage:
        for number, names in enumerate(islice(cycle(KILLS), kills)):
            count = payouts // kills + (number < payouts % kills)
            report(f"{number} kills, {len(stage.askers.asked)} payouts asked for")
            await stage.kill_under_payouts(names, count)
        seconds = await stage.until_ended(report)
        return await stage.tally(kills, seconds)


@asynccontextmanager
async def _open_stage(folder: Path, rng: Random, report: Report) -> AsyncIterator["Stage"]:
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(open_network(folder / "network", report=report))
        payee = serve_payee(await network.node("creator"), folder / "addresses.port", rng)
        host = await stack.enter_async_context(payee)
        life = await stack.enter_async_context(AsyncExitStack())
        rig = await _rig(folder, network, rng, host)
        served = await life.enter_async_context(rig.gateway())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        operator_key = (served.shared / "operator.key").read_text(encoding="ascii").strip()
        askers = Askers(served.url, operator_key, session, rng)
        await askers.open_balances(rig, host, creators=CREATORS, received_msat=RECEIVED_MSAT)
        yield Stage(network, rig, askers, life, served)


async def _rig(folder: Path, network: Network, rng: Random, host: str) -> Rig:
    """The gateway's rig: the reader's node for sales and payouts, and the merchant's to pay it tips."""
    reader = await network.node("reader")
    sales = await bake(reader, SALES.needed, folder / SALES.file_name)
    credentials = replace(network.credentials("reader"), macaroon=sales)
    variables = {
        PAYOUT_VARIABLE: str(await bake(reader, PAYOUTS.needed, folder / PAYOUTS.file_name)),
        "TUPPENCE_OUTGOING_ALLOW": host,
        "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}",
    }
    node = RegtestNode("the reader's LND", credentials, await network.node("merchant"))
    return Rig(folder, node, rng, variables=variables)


@dataclass(slots=True)
class Stage:
    """The network, the gateway that is alive now, and who asks it for payouts."""

    network: Network
    rig: Rig
    askers: Askers
    life: AsyncExitStack
    served: Served

    async def kill_under_payouts(self, names: Sequence[Killed], count: int) -> None:
        """Ask for so many payouts and kill these meanwhile; returns when all run again and all was answered."""
        await self.askers.decide()
        asking = asyncio.gather(*(self._ask_soon() for _ in range(count)))
        await self._sleep_shortly()
        await asyncio.gather(*(self._kill(name) for name in names))
        await asking

    async def until_ended(self, report: Report) -> float:
        """Wait until all payouts have ended but those that LND has lost; gives the seconds. Raises `Failed`."""
        began = time.monotonic()
        while True:
            left = await self.askers.decide()
            in_flight, stuck = await self._in_flight()
            seconds = time.monotonic() - began
            if left == len(stuck) and in_flight == stuck:
                return seconds
            if seconds > END_SECONDS:
                raise Failed(f"{left} payouts have not ended {seconds:.0f} s after the last kill")
            report(f"{left} payouts have not ended {seconds:.0f} s after the last kill")
            await asyncio.sleep(LOOK_SECONDS)

    async def tally(self, kills: int, seconds: float) -> Tally:
        """The figures at the end."""
        paid = {
            payment_hash: payment
            for payment_hash, payment in (await self._sent()).items()
            if payment.status == lightning_pb2.Payment.SUCCEEDED
        }
        _, stuck = await self._in_flight()
        compare = partial(
            compare_payouts,
            node_id=ONE_NODE_ID,
            paid=paid,
            in_flight=stuck,
            received_msat=CREATORS * RECEIVED_MSAT,
            spent_msat=sum(payment.value_msat + payment.fee_msat for payment in paid.values()),
        )
        tally = await self.rig.look(lambda books: compare(SqlTx(books)))
        tries = await self.rig.look(_tries)
        return tally + Tally(
            kills=kills,
            payments=len(self.rig.paid),
            broken=tuple([found async for found in self._differences(tally, paid)]),
            notes=(
                f"on a real network {tally.payouts} payouts ended {seconds:.0f} s after the last of {kills} kills: "
                f"{len(tries)} tries, {sum(try_.sends > 1 for try_ in tries)} of them sent again, "
                f"{self.askers.resolved} ended by the operator, {len(stuck)} in flight for ever as LND has it; "
                f"{self.askers.unanswered} answers lost",
            ),
        )

    async def _differences(self, tally: Tally, paid: dict[str, Any]) -> AsyncIterator[str]:
        """What else is wrong, in words: between what was asked and booked, between the nodes, and to the audit."""
        if tally.payouts != len(self.askers.asked):
            yield f"{tally.payouts} payouts are booked, and {len(self.askers.asked)} were asked for"
        taken = await self._taken()
        if taken != {payment_hash: payment.value_msat for payment_hash, payment in paid.items()}:
            yield f"the payee took {len(taken)} payments, and the node sent {len(paid)}, or other amounts"
        variables = {**settings_of(self.rig.node), **self.rig.variables, "TUPPENCE_DATA_DIR": str(self.served.shared)}
        status, told = await Shell(self.rig.folder, variables).type("audit")
        if status:
            yield f"`tuppence audit` exits with {status}: {told}"

    async def _ask_soon(self) -> None:
        await self._sleep_shortly()
        await self.askers.ask()

    async def _sleep_shortly(self) -> None:
        await asyncio.sleep(self.rig.rng.uniform(0, MOST_SECONDS))

    async def _kill(self, name: Killed) -> None:
        """Kill, and start again."""
        if name != "gateway":
            await self.network.restart_node(name, crash=True)
            return
        self.served.kill()
        await self.life.aclose()
        self.served = await self.life.enter_async_context(self.rig.gateway())

    async def _sent(self) -> dict[str, Any]:
        """The payments of the gateway's node by their hashes, however they ended."""
        return {payment.payment_hash: payment for payment in await payments_of(await self.network.node("reader"))}

    async def _in_flight(self) -> tuple[set[str], set[str]]:
        """The hashes of payments that LND calls in flight, and of those among them that it has lost.

        An LND 0.21.3 that is killed between the row of an attempt and its HTLC calls the payment in flight for ever,
        though no channel holds it and its invoice has expired. What is set aside for it has to stay so.
        """
        reader, expired_at = await self.network.node("reader"), time.time() - EXPIRY_SECONDS - AFTER_EXPIRY_SECONDS
        flying = {
            payment_hash: payment
            for payment_hash, payment in (await self._sent()).items()
            if payment.status == lightning_pb2.Payment.IN_FLIGHT
        }
        channels = await reader.lightning.ListChannels(lightning_pb2.ListChannelsRequest(), timeout=CALL_SECONDS)
        held = {htlc.hash_lock.hex() for channel in channels.channels for htlc in channel.pending_htlcs}
        stuck = {
            payment_hash
            for payment_hash, payment in flying.items()
            if payment_hash not in held and payment.creation_date < expired_at
        }
        return {*flying}, stuck

    async def _taken(self) -> dict[str, int]:
        """The msat that the payee's node has received, by payment hash."""
        creator = await self.network.node("creator")
        request = lightning_pb2.ListInvoiceRequest(num_max_invoices=10_000)
        invoices = (await creator.lightning.ListInvoices(request, timeout=CALL_SECONDS)).invoices
        return {
            invoice.r_hash.hex(): invoice.amt_paid_msat
            for invoice in invoices
            if invoice.state == lightning_pb2.Invoice.SETTLED
        }


def _tries(books: Connection) -> list[Try]:
    return [try_ for _, tries in read_payouts(SqlTx(books)) for try_ in tries]
