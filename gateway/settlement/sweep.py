"""Looks open invoices up at their node. The sweep alone finds every settlement; the stream only finds it sooner."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.errors import Unavailable
from gateway.nodes.identity import PinnedNode
from gateway.ports.clock import Clock
from gateway.ports.node import Node, NodeInvoice, NodeInvoiceState
from gateway.ports.store import Store, Tx
from gateway.rows import Unresolved
from gateway.settlement.settle import Settler
from gateway.supervise import Progress, finish

PAGE = 500
SINGLY_UP_TO = 20
AT_ONCE = 3
MOST_REFUSED = 20
REFUSED = "node_refused"
# LND holds the parts of a multi-path payment for 120 s, so a payment may settle this long after expiry.
SECOND_CHECK_AFTER_EXPIRY_SECONDS = 150
# If the stream has not reported a settlement by this age, it has stalled.
STALLED_AFTER_SECONDS = 10.0
# A subscription reports nothing while it is set up, which takes this long at most, as the node is probed first.
SUBSCRIBED_WITHIN_SECONDS = 6.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A node's answer about the rows that it was asked for."""

    asked: Sequence[Unresolved]
    reports: Sequence[NodeInvoice]
    refused: Mapping[str, Unavailable]
    """By payment hash, the look-ups that the node refused: the state of these invoices stays unknown."""


class Sweeper:
    """Sweeps the invoices of one node: every `due_every_seconds` those that are due, `rows_at_once` in one read."""

    def __init__(
        self,
        pinned: PinnedNode,
        settler: Settler,
        store: Store,
        clock: Clock,
        *,
        due_every_seconds: float = 1.0,
        rows_at_once: int = 10_000,
    ) -> None:
        self._pinned, self._settler, self._store, self._clock = pinned, settler, store, clock
        self._due_every_seconds, self._rows_at_once = due_every_seconds, rows_at_once
        self._node: Node = settler.node
        self._stream_since: float | None = None
        self._stalled = asyncio.Event()
        self.found = 0
        """The number of settlements that a sweep found before the stream reported them."""

    async def run(self, progress: Progress) -> None:
        """Sweep the rows that are due, for ever. Raises as `sweep` does."""
        while True:
            await self.sweep(due_only=True)
            progress.made()
            await asyncio.sleep(self._due_every_seconds)

    async def sweep(self, *, due_only: bool = False) -> None:
        """Look up every open invoice, or only those that are due.

        Raises `Unavailable` if the node is away, or refuses every look-up.
        """
        await self._pinned.confirm()
        due_at = int(self._clock()) if due_only else None
        after: Unresolved | None = None
        refusals: list[Unavailable] = []
        answered = 0
        while len(refusals) <= MOST_REFUSED and (rows := await self._unresolved(due_at, after)):
            async with aclosing(self._ask(rows)) as answers:
                async for answer in answers:
                    await finish(self._conclude(answer))
                    refusals += answer.refused.values()
                    answered += len(answer.asked) - len(answer.refused)
            after = rows[-1]
        if refusals and not answered:
            raise refusals[0]

    async def stalled_stream(self) -> None:
        """Wait until a sweep finds a settlement that the stream should have reported; raises `Unavailable` then."""
        self._stalled.clear()
        await self._stalled.wait()
        raise Unavailable("stream_deaf", "A sweep found a settlement that the stream had not reported; it is reopened.")

    def stream_began(self) -> None:
        """Note that the stream is open: it reports every settlement from now on."""
        self._stream_since = self._clock()

    def stream_age_seconds(self) -> float:
        """The seconds for which the stream has been open; 0 without one."""
        return 0.0 if self._stream_since is None else max(0.0, self._clock() - self._stream_since)

    def stream_ended(self) -> None:
        """Note that no stream is open, so that a sweep's findings prove nothing about it."""
        self._stream_since = None

    async def _unresolved(self, due_at: int | None, after: Unresolved | None) -> Sequence[Unresolved]:
        node_id = self._node.node_id
        index, payment_hash = (0, "") if after is None else (after.add_index, after.payment_hash)
        return await self._store.read(
            lambda tx: tx.invoices.unresolved(
                node_id,
                due_at=due_at,
                after_add_index=index,
                after_payment_hash=payment_hash,
                limit=self._rows_at_once,
            )
        )

    async def _ask(self, rows: Sequence[Unresolved]) -> AsyncGenerator[_Answer]:
        """Look a few rows up singly, many by pages, some requests at once."""
        groups = [[row] for row in rows] if len(rows) <= SINGLY_UP_TO else list(_pages(rows))
        ask = self._lookup if len(rows) <= SINGLY_UP_TO else self._page
        asked = [asyncio.create_task(ask(group)) for group in groups[:AT_ONCE]]
        try:
            for following in [*groups[AT_ONCE:], *[None] * min(AT_ONCE, len(groups))]:
                answer = await asked.pop(0)
                if following is not None:
                    asked.append(asyncio.create_task(ask(following)))
                yield answer
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _page(self, rows: Sequence[Unresolved]) -> _Answer:
        """Read a page of LND's list, and look up each row that it does not list.

        An add_index is no identity: LND counts anew when it is migrated to SQL, so only a look-up proves that an
        invoice does not exist. LND refuses a page if it cannot send one of its invoices, even one that is not ours.
        """
        try:
            page = await self._node.list_invoices(after_add_index=max(0, rows[0].add_index - 1), limit=PAGE)
        except Unavailable as refusal:
            if refusal.code != REFUSED:
                raise
            page = []
        listed = {report.payment_hash for report in page}
        singly = await self._lookup([row for row in rows if row.payment_hash not in listed])
        return _Answer(asked=rows, reports=[*page, *singly.reports], refused=singly.refused)

    async def _lookup(self, rows: Sequence[Unresolved]) -> _Answer:
        reports: list[NodeInvoice] = []
        refused: dict[str, Unavailable] = {}
        for row in rows:
            try:
                report = await self._node.lookup(row.payment_hash)
            except Unavailable as refusal:
                # A node that is away answers nothing; one that refuses a look-up may answer the next.
                if refusal.code != REFUSED or len(refused) == MOST_REFUSED:
                    raise
                log.error("lookup_refused", payment_hash=row.payment_hash[:8])
                refused[row.payment_hash] = refusal
                continue
            if report is not None:
                reports.append(report)
        return _Answer(asked=rows, reports=reports, refused=refused)

    async def _conclude(self, answer: _Answer) -> None:
        now = self._clock()
        asked = {row.payment_hash: row for row in answer.asked}
        reports = {r.payment_hash: r for r in answer.reports if r.payment_hash in asked}
        settled = await self._settler.settle(list(reports.values()))
        self.found += len(settled)
        self._detect_stalled_stream([invoice.settled_at or 0 for invoice in settled], now)
        unknown = [row for row in answer.asked if row.payment_hash not in reports.keys() | answer.refused.keys()]
        if unknown:
            # The answer of another node, put in this one's place, would prove nothing.
            await self._pinned.confirm_again()
        gone = {row.payment_hash for row in unknown if _is_gone(row, now)}
        canceled = [*gone, *(r.payment_hash for r in reports.values() if r.state is NodeInvoiceState.CANCELED)]
        paid = (r.payment_hash for r in reports.values() if r.state is NodeInvoiceState.SETTLED and r.paid_msat)
        final = {*canceled, *paid}
        overdue = [row for row in answer.asked if row.payment_hash not in final and now >= row.expires_at]
        checks = [(row.payment_hash, next_check(row, now)) for row in overdue]
        if canceled or checks:
            node_id = self._node.node_id
            await self._store.write(partial(_conclude, node_id=node_id, now=int(now), canceled=canceled, checks=checks))
        for payment_hash in canceled:
            self._settler.announcer.canceled(payment_hash)

    def _detect_stalled_stream(self, settled_at: Sequence[int], now: float) -> None:
        since = self._stream_since
        if since is None:
            return
        if any(since + SUBSCRIBED_WITHIN_SECONDS < at < now - STALLED_AFTER_SECONDS for at in settled_at):
            log.warning("stream_deaf", since=since)
            self._stalled.set()


def _conclude(tx: Tx, *, node_id: str, now: int, canceled: Sequence[str], checks: Sequence[tuple[str, int]]) -> None:
    tx.invoices.cancel(node_id, canceled, now=now)
    tx.invoices.postpone(node_id, checks)


def next_check(row: Unresolved, now: float) -> int:
    """When to look an expired row up again: once LND holds no more parts of a payment, then ever more rarely."""
    return row.expires_at + max(SECOND_CHECK_AFTER_EXPIRY_SECONDS, (int(now) - row.expires_at) * 2)


def _is_gone(row: Unresolved, now: float) -> bool:
    """Whether an invoice that the node does not have counts as canceled: after expiry LND may have deleted it."""
    if now < row.expires_at:
        log.error("invoice_unknown_to_node", payment_hash=row.payment_hash[:8])
    return now >= row.expires_at


def _pages(rows: Sequence[Unresolved]) -> Iterator[Sequence[Unresolved]]:
    """Group rows by page: a page of LND's list covers at least PAGE consecutive add indexes."""
    page: list[Unresolved] = []
    for row in rows:
        if page and row.add_index >= page[0].add_index + PAGE:
            yield page
            page = []
        page.append(row)
    yield page
