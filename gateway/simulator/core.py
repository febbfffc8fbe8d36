"""The simulated node: LND's invoices without I/O. Clock and randomness are arguments, and nothing waits.

It behaves as LND v0.21 does on native SQL; the contract suite compares it with a real node. A call that LND would
refuse raises `CallRefused` with LND's status and details, a payment that it would fail raises `PaymentRefused`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from coincurve import PrivateKey

from gateway.money import Msat
from gateway.ports.clock import Clock
from gateway.ports.node import ChannelLiquidity, NodeInvoiceState, NodeState, NodeStatus
from gateway.ports.random_bytes import RandomBytes
from gateway.simulator.invoice import Quirks, SimulatedInvoice, payment_request_of
from gateway.simulator.payments.core import Payments
from gateway.simulator.payments.network import Network
from gateway.simulator.payments.payment import SimulatedPayment
from gateway.simulator.refusals import CallRefused, PaymentRefused, check_invoice, check_ready, refuse
from gateway.simulator.registry import Registry
from gateway.simulator.subscription import Subscription

DEFAULT_EXPIRY_SECONDS = 24 * 3600
VERSION = "0.21.3-beta commit=simulated"
CAPACITY_MSAT = 50_000_000_000


class Simulator:
    """A node with its subscribers, its `payments`, and a network that can pay its invoices.

    `state`, `alias` and `quirks` may be changed at any time. `record` and `record_payment` are called with every
    changed row, for a journal. `funds_msat` is what its side of the channels held at first: what it can send before
    it is paid.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        random_bytes: RandomBytes,
        key: bytes | None = None,
        network: Network | None = None,
        funds_msat: int = 0,
        record: Callable[[SimulatedInvoice], None] = lambda _: None,
        record_payment: Callable[[SimulatedPayment], None] = lambda _: None,
    ) -> None:
        self.quirks = Quirks()
        self.state = NodeState.READY
        self.alias = "simulated node"
        self._clock = clock
        self._random_bytes = random_bytes
        self._key = PrivateKey(key or random_bytes(32))
        self._registry = Registry(record)
        self._in_flight: set[bytes] = set()
        self._subscriptions: list[Subscription] = []
        self.funds_msat = funds_msat
        self.network = network or Network()
        pubkey = self._key.public_key.format()
        self.network.join(pubkey, self)
        self.payments = Payments(
            clock=clock,
            random_bytes=random_bytes,
            pubkey=pubkey,
            network=self.network,
            spendable_msat=self._outbound_msat,
            record=record_payment,
        )

    @property
    def now(self) -> int:
        """The node's clock in whole seconds."""
        return int(self._clock())

    @property
    def invoices(self) -> Iterator[SimulatedInvoice]:
        """Every row, in add order."""
        self._cancel_expired()
        return iter(self._registry)

    def restore(self, rows: Iterable[SimulatedInvoice]) -> None:
        """Restore rows that `record` received in an earlier process."""
        self._registry.restore(rows)

    # RPCs of LND ------------------------------------------------------------------------------------------------------

    def check_ready(self) -> None:
        """Raise `CallRefused` while the wallet is locked or the server is starting."""
        check_ready(self.state, has_wallet=self.quirks.has_wallet)

    def status(self) -> NodeStatus:
        """GetInfo. The chain has found a block every ten minutes since 1970."""
        return NodeStatus(
            state=self.state,
            detail="",
            identity_pubkey=self._key.public_key.format().hex(),
            alias=self.alias,
            version=VERSION,
            network="regtest",
            block_height=self.now // 600,
            best_header_at=self.now,
        )

    def liquidity(self) -> ChannelLiquidity:
        """ChannelBalance: received amounts have moved to the node's side of its channels, paid ones to the other."""
        self.payments.advance()
        outbound_msat = self._outbound_msat()
        inbound_msat = CAPACITY_MSAT + self.funds_msat - outbound_msat
        return ChannelLiquidity(inbound_msat=Msat(inbound_msat), outbound_msat=Msat(outbound_msat))

    def add_invoice(
        self,
        *,
        preimage: bytes,
        amount_msat: int,
        memo: str,
        expiry_seconds: int,
        description_hash: bytes = b"",
        private: bool = False,
        is_hold: bool = False,
        is_amp: bool = False,
    ) -> SimulatedInvoice:
        """AddInvoice. `preimage` is 32 bytes, or empty for a random one; a payment hash can be used once.

        Hold and AMP invoices stand for those of other applications on the same node.
        """
        check_invoice(preimage=preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds)
        preimage = preimage or self._random_bytes(32)
        expiry_seconds = expiry_seconds if expiry_seconds > 0 else DEFAULT_EXPIRY_SECONDS
        payment_hash = hashlib.sha256(preimage).digest()
        self._cancel_expired()
        if self._registry.get(payment_hash) is not None:
            raise refuse("invoice with payment hash already exists")
        row = SimulatedInvoice(
            add_index=self._registry.add_index + 1,
            payment_hash=payment_hash,
            preimage=preimage,
            payment_address=self._random_bytes(32),
            payment_request="",
            memo=memo,
            description_hash=description_hash,
            amount_msat=amount_msat,
            expiry_seconds=expiry_seconds,
            created_at=self.now,
            private=private,
            is_hold=is_hold,
            is_amp=is_amp,
        )
        with_hop_hint = private and self.quirks.unannounced_channels
        return self._add(replace(row, payment_request=payment_request_of(row, self._key, with_hop_hint=with_hop_hint)))

    def lookup(self, payment_hash: bytes) -> SimulatedInvoice:
        """LookupInvoice, which finds canceled invoices until they are deleted."""
        return self._find(payment_hash, status="NOT_FOUND")

    def list_invoices(
        self, *, index_offset: int, limit: int, is_reversed: bool = False, pending_only: bool = False
    ) -> list[SimulatedInvoice]:
        """ListInvoices: at most `limit` rows with a higher add_index (reversed: a lower one), in add order."""
        self._cancel_expired()
        return self._registry.page(
            index_offset=index_offset, limit=limit, is_reversed=is_reversed, pending_only=pending_only
        )

    def cancel(self, payment_hash: bytes) -> None:
        """CancelInvoice: does nothing for a canceled invoice, is refused for a settled one."""
        row = self._find(payment_hash, status="UNKNOWN")
        if row.state is NodeInvoiceState.SETTLED:
            raise refuse("invoice already settled")
        if row.state is not NodeInvoiceState.CANCELED:
            self._cancel(row)

    def subscribe(self, *, add_index: int, settle_index: int, wake: Callable[[], None]) -> Subscription:
        """SubscribeInvoices: rows added after add_index, then those settled after settle_index, then live events.

        An index of 0 asks for no backlog, so the settlement with index 1 is never replayed.
        """
        self._cancel_expired()
        subscription = Subscription(add_index=add_index, settle_index=settle_index, quirks=self.quirks, wake=wake)
        subscription.replay_backlog(self._registry)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Remove a subscriber."""
        self._subscriptions = [other for other in self._subscriptions if other is not subscription]

    # Payments from the network ----------------------------------------------------------------------------------------

    def pay(self, payment_hash: bytes, *, amount_msat: int | None = None, payer: str = "") -> SimulatedInvoice:
        """An HTLC set arrives, of the invoice's amount or of `amount_msat`; returns the row that it settled.

        Too little is refused; too much is taken as it is, without a limit. A hold invoice is only accepted.
        """
        self._cancel_expired()
        self._in_flight.discard(payment_hash)
        row = self._registry.get(payment_hash)
        if row is None or row.state is not NodeInvoiceState.OPEN:
            msg = "incorrect or unknown payment details: no open invoice has this hash"
            raise PaymentRefused(msg)
        paid_msat = row.amount_msat if amount_msat is None else amount_msat
        if paid_msat < row.amount_msat or paid_msat <= 0:
            msg = "incorrect or unknown payment details: the amount is too low"
            raise PaymentRefused(msg)
        row = replace(row, paid_msat=row.paid_msat + paid_msat, payer=payer)
        if row.is_hold:
            return self._report(self._registry.change(replace(row, state=NodeInvoiceState.ACCEPTED)))
        return self._settle(row)

    def start_payment(self, payment_hash: bytes) -> None:
        """Start a payment: the invoice is not canceled until it arrives (`pay`) or fails (`fail_payment`)."""
        self._in_flight.add(payment_hash)

    def fail_payment(self, payment_hash: bytes) -> None:
        """Fail a started payment."""
        self._in_flight.discard(payment_hash)
        row = self._registry.get(payment_hash)
        if row is not None:
            self._registry.schedule_expiry(row)

    def settle_held(self, payment_hash: bytes) -> SimulatedInvoice:
        """Settle an accepted hold invoice, as its application does with the preimage."""
        row = self.lookup(payment_hash)
        assert row.state is NodeInvoiceState.ACCEPTED, "only an accepted hold invoice is waiting"
        return self._settle(row)

    def keysend(self, amount_msat: int) -> SimulatedInvoice:
        """A keysend payment arrives, for which there was no invoice."""
        preimage = self._random_bytes(32)
        row = SimulatedInvoice(
            add_index=self._registry.add_index + 1,
            payment_hash=hashlib.sha256(preimage).digest(),
            preimage=preimage,
            payment_address=b"",
            payment_request="",
            memo="",
            amount_msat=amount_msat,
            expiry_seconds=DEFAULT_EXPIRY_SECONDS,
            created_at=self.now,
            is_keysend=True,
        )
        return self.pay(self._add(row).payment_hash)

    # Incidents --------------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Restart: every stream breaks, the rows stay."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.break_off()

    def release_events(self, *, shuffled: bool = False) -> None:
        """Send the events that the quirk `hold_events` kept back."""
        for subscription in self._subscriptions:
            subscription.release(random_bytes=self._random_bytes if shuffled else None)

    def _outbound_msat(self) -> int:
        return self.funds_msat + self._registry.received_msat - self.payments.claimed_msat

    def _find(self, payment_hash: bytes, *, status: str) -> SimulatedInvoice:
        self._cancel_expired()
        row = self._registry.get(payment_hash)
        if row is None:
            raise CallRefused(status, "unable to locate invoice")
        return row

    def _add(self, row: SimulatedInvoice) -> SimulatedInvoice:
        return self._report(self._registry.add(row))

    def _settle(self, row: SimulatedInvoice) -> SimulatedInvoice:
        self._registry.settle_index += 1
        # An AMP invoice stays open however often it is paid.
        state = NodeInvoiceState.OPEN if row.is_amp else NodeInvoiceState.SETTLED
        row = replace(row, state=state, settle_index=self._registry.settle_index, settled_at=self.now)
        return self._report(self._registry.change(row))

    def _cancel(self, row: SimulatedInvoice) -> None:
        row = self._registry.change(replace(row, state=NodeInvoiceState.CANCELED))
        if self.quirks.forget_canceled:
            self._registry.delete(row)

    def _cancel_expired(self) -> None:
        """Cancel expired invoices as LND's expiry watcher does; the stream reports none of them."""
        if self.quirks.watch_expiry:
            for row in self._registry.expired(self.now):
                if row.payment_hash not in self._in_flight:
                    self._cancel(row)

    def _report(self, row: SimulatedInvoice) -> SimulatedInvoice:
        for subscription in self._subscriptions:
            subscription.send(row)
        return row
