"""The LND node under the gateway: of a real regtest network, or simulated in a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lndgrpc.compiled import lightning_pb2, router_pb2

from gateway.regtest.credentials import GATEWAY_ENV
from gateway.regtest.lifetime import open_network, up
from gateway.regtest.network import Network
from gateway.regtest.node import Credentials, Node
from gateway.regtest.process import Report
from gateway.regtest.state import read_env
from tools.bench.processes import Child, open_child

PAY_SECONDS = 60
FEE_LIMIT_MSAT = 5_000
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Payable:
    """An invoice, as its payer needs it."""

    payment_hash: str
    payment_request: str


class BenchNode(Protocol):
    """A node, how the gateway and the bench reach it, and a payer."""

    name: str
    credentials: Credentials

    async def pay(self, invoice: Payable) -> None:
        """Pay one invoice."""

    async def pay_all(self, invoices: Iterable[Payable], report: Report) -> None:
        """Pay many at a time."""


def settings_of(node: BenchNode) -> Mapping[str, str]:
    """The gateway's three variables."""
    return {
        "TUPPENCE_LND_TARGET": node.credentials.target,
        "TUPPENCE_LND_TLS_CERT": str(node.credentials.tls_cert),
        "TUPPENCE_LND_MACAROON": str(node.credentials.macaroon),
    }


@asynccontextmanager
async def open_regtest(folder: Path, *, keep: bool, report: Report) -> AsyncIterator["RegtestNode"]:
    """The merchant of a network in `folder`; with `keep` it is left running, otherwise removed afterwards."""
    if not keep:
        async with open_network(folder, report=report) as network:
            yield await RegtestNode.of(network)
        return
    async with await up(folder, report=report) as network:
        yield await RegtestNode.of(network)


class RegtestNode:
    """An LND, the merchant's unless said otherwise, and another one that pays it."""

    def __init__(self, name: str, credentials: Credentials, payer: Node) -> None:
        self.name, self.credentials, self._payer = name, credentials, payer

    @classmethod
    async def of(cls, network: Network) -> "RegtestNode":
        """With the macaroon that the gateway gets."""
        variables = read_env(network.folder / GATEWAY_ENV)
        credentials = Credentials(
            target=variables["TUPPENCE_LND_TARGET"],
            tls_cert=Path(variables["TUPPENCE_LND_TLS_CERT"]),
            macaroon=Path(variables["TUPPENCE_LND_MACAROON"]),
        )
        version = (await (await network.node("merchant")).info()).version.partition(" ")[0]
        return cls(f"regtest, LND {version} on {network.state.backend}", credentials, await network.node("reader"))

    async def pay(self, invoice: Payable) -> None:
        request = router_pb2.SendPaymentRequest(
            payment_request=invoice.payment_request,
            timeout_seconds=PAY_SECONDS,
            fee_limit_msat=FEE_LIMIT_MSAT,
            no_inflight_updates=True,
        )
        async for payment in self._payer.router.SendPaymentV2(request, timeout=PAY_SECONDS):
            if payment.status != lightning_pb2.Payment.SUCCEEDED:
                msg = f"the payer's node could not pay: {payment.failure_reason}"
                raise RuntimeError(msg)

    async def pay_all(self, invoices: Iterable[Payable], report: Report) -> None:
        waiting = iter(list(invoices))
        paid = 0

        async def payer() -> None:
            nonlocal paid
            for invoice in waiting:
                await self.pay(invoice)
                paid += 1
                if paid % 100 == 0:
                    report(f"{paid} paid")

        await asyncio.gather(*(payer() for _ in range(AT_ONCE)))


@asynccontextmanager
async def open_simulator(folder: Path) -> AsyncIterator["SimulatedNode"]:
    """A simulated node whose folder is `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    code = f"import sys; sys.argv = ['', '--folder', {str(folder)!r}]; "
    code += "from gateway.simulator.process import main; main()"
    async with open_child(code, loop="asyncio", cwd=folder, log=folder / "simulator.log") as child:
        paths = await child.answer()
        credentials = Credentials(
            target=paths["target"], tls_cert=Path(paths["tls_cert"]), macaroon=Path(paths["macaroon"])
        )
        yield SimulatedNode(credentials, child)


class SimulatedNode:
    """The simulator, paid by its own command."""

    name = "simulated LND"

    def __init__(self, credentials: Credentials, child: Child) -> None:
        self.credentials, self._child = credentials, child
        self._one_at_a_time = asyncio.Lock()

    async def pay(self, invoice: Payable) -> None:
        await self.tell(f"settle {invoice.payment_hash}")

    async def pay_all(self, invoices: Iterable[Payable], report: Report) -> None:
        del invoices  # every open one is ours
        report("settling")
        await self.tell("settle-open")

    async def tell(self, command: str) -> Mapping[str, int]:
        """Give the simulator a command; gives its answer. Raises RuntimeError with what it refuses."""
        async with self._one_at_a_time:
            self._child.send(command)
            answer: dict[str, int] = await self._child.answer()
        if "error" in answer:
            raise RuntimeError(json.dumps(answer))
        return answer
