"""An invoice through the gateway against one from LND itself: CPU per invoice, invoices per second, time added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of
from tools.bench.nodes import BenchNode
from tools.bench.processes import Child
from tools.bench.served import CREATOR, PRICE_MSAT, RAISED, Served, invoices_url

WORKERS = (1, 16, 64)
REQUESTS = {1: 200, 16: 800, 64: 800}
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class _Rounds:
    """The results of alternating rounds, one entry per round."""

    through: list[Mapping[str, Any]] = field(default_factory=list)
    direct: list[Mapping[str, Any]] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def ratios(self) -> Sequence[float]:
        """Each round's invoices per second through the gateway, as a part of those from LND."""
        return [a["per_second"] / b["per_second"] for a, b in zip(self.through, self.direct, strict=True)]

    def added_ms(self) -> Sequence[float]:
        """Each round's difference of the medians."""
        pairs = zip(self.through, self.direct, strict=True)
        return [median(a["milliseconds"]) - median(b["milliseconds"]) for a, b in pairs]


async def measure(bench: Bench) -> list[Line]:
    """Alternating rounds at each number of workers."""
    node = await bench.node()
    async with bench.gateway("invoices") as served, bench.driver() as through, bench.driver() as direct:
        by_workers = {workers: _Rounds() for workers in WORKERS}
        for number in range(ROUNDS):
            for workers, rounds in by_workers.items():
                bench.report(f"invoices: round {number + 1} of {ROUNDS}, {workers} workers")
                await _round(rounds, served, node, through, direct, workers)
    return [line for workers, rounds in by_workers.items() for line in _lines(workers, rounds)]


async def _round(rounds: _Rounds, served: Served, node: BenchNode, through: Child, direct: Child, workers: int) -> None:
    size = {"workers": workers, "requests": REQUESTS[workers]}
    before = served.cpu_seconds()
    rounds.through.append(await through.ask(do="post", url=invoices_url(served), **size))
    # A worker's first request is not timed, but it is computed.
    rounds.cpu_ms.append((served.cpu_seconds() - before) * 1000 / (REQUESTS[workers] + workers))
    rounds.direct.append(
        await direct.ask(
            do="add",
            target=node.credentials.target,
            tls_cert=str(node.credentials.tls_cert),
            macaroon=str(node.credentials.macaroon),
            amount_msat=PRICE_MSAT,
            memo=f"{CREATOR} · 127.0.0.1:0",
            expiry=int(RAISED["TUPPENCE_INVOICE_EXPIRY_SECONDS"]),
            **size,
        )
    )


def _lines(workers: int, rounds: _Rounds) -> list[Line]:
    who = f"{workers} worker{'s' if workers > 1 else ''}"
    lines = [
        line_of(f"gateway CPU per invoice, {who}", rounds.cpu_ms, "ms"),
        line_of(f"invoices through the gateway, {who}", [each["per_second"] for each in rounds.through], "/s"),
        line_of(f"invoices from LND itself, {who}", [each["per_second"] for each in rounds.direct], "/s"),
        line_of(f"ratio, {who}", rounds.ratios(), "", at_least=0.6 if workers == 16 else None),
        line_of(f"driver CPU per invoice, HTTP, {who}", [each["cpu_ms"] for each in rounds.through], "ms"),
        line_of(f"driver CPU per invoice, gRPC, {who}", [each["cpu_ms"] for each in rounds.direct], "ms"),
    ]
    if workers == 1:
        lines.append(line_of("p50 added to LND's own, 1 worker", rounds.added_ms(), "ms", at_most=2.5))
    return lines
