"""A subscriber of the simulated node's invoice stream: its queue of events, and the quirks of LND's stream."""

from collections import deque
from collections.abc import Callable, Iterable

from gateway.ports.node import NodeInvoiceState
from gateway.ports.random_bytes import RandomBytes
from gateway.simulator.invoice import Quirks, ReplayOrder, SimulatedInvoice

REPORTED_STATES = (NodeInvoiceState.OPEN, NodeInvoiceState.SETTLED)


class Subscription:
    """The queue of one subscriber; `wake` is called whenever it changes.

    LND skips events that the client has seen by two counters, and does not advance them over the replayed backlog
    (invoices/invoiceregistry.go, dispatchToClients).
    """

    def __init__(self, *, add_index: int, settle_index: int, quirks: Quirks, wake: Callable[[], None]) -> None:
        self.add_index = add_index
        self.settle_index = settle_index
        self.broken = False
        self._quirks = quirks
        self._wake = wake
        self._ready: deque[SimulatedInvoice] = deque()
        self._held: list[SimulatedInvoice] = []

    def take(self) -> SimulatedInvoice | None:
        """The next event, or None if there is none yet."""
        return self._ready.popleft() if self._ready else None

    def replay_backlog(self, invoices: Iterable[SimulatedInvoice]) -> None:
        """Queue the rows added after `add_index`, then those settled after `settle_index`; 0 asks for none."""
        rows = list(invoices) if self.add_index or self.settle_index else []
        added = [row for row in rows if 0 < self.add_index < row.add_index and row.state in REPORTED_STATES]
        settled = [row for row in rows if 0 < self.settle_index < row.settle_index]
        if self._quirks.replay_order is ReplayOrder.SETTLED:
            settled.sort(key=lambda row: row.settle_index)
        self._ready.extend(added + settled)
        self._wake()
        for row in settled[max(0, len(settled) - self._quirks.overlap) :]:
            self.repeat(row)

    def send(self, invoice: SimulatedInvoice) -> None:
        """Queue a live event; only OPEN and SETTLED reach this stream, as in LND."""
        if invoice.state is NodeInvoiceState.SETTLED and self.settle_index < invoice.settle_index:
            self.settle_index = invoice.settle_index
        elif invoice.state is NodeInvoiceState.OPEN and (self.add_index < invoice.add_index or invoice.is_amp):
            self.add_index = max(self.add_index, invoice.add_index)
        else:
            return
        if not self._quirks.drop_events:
            self._queue([invoice] * (2 if self._quirks.duplicate_events else 1))

    def repeat(self, invoice: SimulatedInvoice) -> None:
        """Queue a replayed settlement again, as if it had happened between registration and backlog."""
        self._queue([invoice])

    def release(self, *, random_bytes: RandomBytes | None) -> None:
        """Send the events held back, in order or, with `random_bytes`, in random order."""
        held, self._held = self._held, []
        if random_bytes is not None:
            held.sort(key=lambda _: random_bytes(8))
        self._ready.extend(held)
        self._wake()

    def break_off(self) -> None:
        """End the stream as a restart of the node does; queued events are lost."""
        self.broken = True
        self._ready.clear()
        self._held.clear()
        self._wake()

    def _queue(self, events: list[SimulatedInvoice]) -> None:
        if self._quirks.hold_events:
            self._held.extend(events)
            return
        self._ready.extend(events)
        self._wake()
