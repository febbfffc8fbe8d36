"""A gateway that pays out and gives back, and a model that trusts its node instead of its books."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis.stateful import Bundle, multiple
from structlog.testing import capture_logs

from gateway.books.ledger import OPERATOR_ACCOUNT, creator_account, payout_account, refund_account
from gateway.errors import Refused
from gateway.money import divide
from gateway.payouts.reconcile import PayoutDifference, reconcile_payouts
from gateway.payouts.refunds import Refunds
from gateway.payouts.request import Wanted
from gateway.ports.store import Tx
from gateway.rows.payouts import OPEN_TRIES, Asker, Payout, PayoutState, Refund, Try, TryState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.payment import Answer, PaymentStatus, Plan, SimulatedPayment
from tests.payouts.world import Gate, Host, PayoutProcess, Steps, start_process
from tests.support.properties.modelled_gateway import NOTHING_COMES_OF_IT, ModelledGateway
from tests.support.rows import NODE_ACCOUNT, NODE_ID

COMES_TO_NOTHING = (Refused, *NOTHING_COMES_OF_IT)
FUNDS_MSAT, MOST_ROWS = 10**12, 500
SHORT_ROUNDS, ROUNDS_TO_END = 10, 40
ENDED = (PayoutState.SUCCEEDED, PayoutState.CANCELED, PayoutState.NEEDS_DECISION)
GIVEN_BACK = (TryState.FAILED, TryState.RELEASED)


class ModelledPayouts(ModelledGateway):
    """Beside the gateway: the creators' node, the host of their addresses, and a process that may stand still."""

    payouts = Bundle("payouts")
    standing: asyncio.Task[None] | None = None
    """The dispatch of a try by a process that stands still at `gate`, between the row and the call that pays."""

    def __init__(self) -> None:
        super().__init__()
        self.random_bytes = Random(0).randbytes
        self.core.funds_msat = FUNDS_MSAT
        creators_node = Simulator(clock=self.clock, random_bytes=self.random_bytes, network=self.core.network)
        self.host = Host(creators_node, self.random_bytes)
        self.usable_from: dict[tuple[str, str], int] = {}
        """The instant from which a creator may be paid to an address."""
        self.gate = Gate()
        self.process = self.start(Steps())

    def start(self, steps: Steps) -> PayoutProcess:
        return start_process(self.domain.store, self.core, self.host, self.clock, self.random_bytes, steps)

    def restart(self) -> None:
        self.let_it_go_on(is_end=True)
        super().restart()
        self.process = self.start(Steps())

    @property
    def refunds(self) -> Refunds:
        return Refunds(self.process.requests, self.domain.store, self.domain.keys, self.clock)

    def ask(
        self, process: PayoutProcess, creator: str, amount_msat: int | None, by: Asker, destination: str | None = None
    ) -> Any:
        """The id of a new payout, for the bundle; none if it is refused."""
        wanted = Wanted(
            source_account=creator_account(creator), asked_by=by, amount_msat=amount_msat, destination=destination
        )
        try:
            payout = self.run(process.requests.ask(wanted))
        except COMES_TO_NOTHING:
            return multiple()
        assert destination or self.usable_from[creator, payout.destination] <= self.clock.now
        return payout.payout_id

    def work(self) -> None:
        """One round of the background work."""
        with capture_logs() as logs:
            self.try_(self.process.work)
            self.run(self.process.worker.settle_down())
        assert [log for log in logs if log["event"] == "payout_defect"] == []

    def let_it_go_on(self, *, is_end: bool) -> None:
        """The process that stands still makes its call, or ends."""
        if self.standing is not None:
            if is_end:
                self.gate.end()
            self.gate.set()
            with suppress(*NOTHING_COMES_OF_IT):
                self.run(self.standing)
            self.standing = None

    def resolve(self, try_: Try) -> None:
        """An operator who knows nothing calls a try unpaid; what the node knows has to count for more."""
        decisions, note = self.process.decisions, "the node does not have it"
        with suppress(*COMES_TO_NOTHING):
            self.run(decisions.resolve(try_.payout_id, is_paid=False, note=note))

    def an_invoice(self, amount_msat: int) -> str:
        node = self.host.creators_node
        return node.add_invoice(preimage=b"", amount_msat=amount_msat, memo="", expiry_seconds=3_600).payment_request

    def address_in_use(self, creator: str) -> str:
        row = self.run(self.domain.store.read(lambda tx: tx.destinations.get(creator)))
        return row.address_at(int(self.clock.now)) if row is not None else ""

    # What is in the books, and what the node knows -------------------------------------------------------------------

    def tries(self) -> list[Try]:
        return self.run(
            self.domain.store.read(lambda tx: [try_ for row in _payouts(tx) for try_ in tx.tries.of(row.payout_id)])
        )

    def sends(self) -> int:
        """How many calls that pay are in the books."""
        return sum(try_.sends for try_ in self.tries())

    def paid(self) -> dict[str, SimulatedPayment]:
        """What the node has paid, by payment hash."""
        return {row.payment_hash.hex(): row for row in self.core.payments if row.status is PaymentStatus.SUCCEEDED}

    def cover(self, refund: Refund) -> list[tuple[str, int]]:
        """Who pays a refund, and how much of it (msat), as they were credited."""
        whole_msat = refund.amount_msat + refund.fee_limit_msat
        if refund.covered_by_operator:
            return [(OPERATOR_ACCOUNT, whole_msat)]
        sale = self.known[refund.payment_hash]
        shares = sale.invoice.shares
        credited = divide(sale.paid_msat, [share.weight for share in shares])
        return [
            (creator_account(share.creator), part)
            for share, part in zip(shares, divide(whole_msat, credited), strict=True)
        ]

    def expect_payouts(self, expected: Counter[str]) -> None:
        """Take from the expected balances what the node has paid, and what is set aside.

        Each payout is paid once at most; what was paid is never given back, and nothing else is booked as paid.
        """
        tries, paid = self.tries(), self.paid()
        refunds = self.run(self.domain.store.read(lambda tx: tx.refunds.list(before=None, limit=MOST_ROWS)))
        assert paid.keys() <= {try_.payment_hash for try_ in tries}
        assert set(Counter(try_.payout_id for try_ in tries if try_.payment_hash in paid).values()) <= {1}
        for refund in refunds:
            for account, part in self.cover(refund):
                expected[account] -= part
                expected[refund_account(refund.payment_hash)] += part
        for try_ in tries:
            payment = paid.get(try_.payment_hash or "")
            assert payment is None or try_.state not in GIVEN_BACK
            if try_.state in OPEN_TRIES:
                expected[try_.source_account] -= try_.amount_msat + try_.fee_limit_msat
                expected[payout_account(try_.payout_id)] += try_.amount_msat + try_.fee_limit_msat
            elif try_.state is TryState.SUCCEEDED:
                assert payment is not None
                assert (payment.amount_msat, payment.fee_msat) == (try_.amount_msat, try_.fee_msat)
                expected[try_.source_account] -= payment.amount_msat + payment.fee_msat
                expected[NODE_ACCOUNT] += payment.amount_msat + payment.fee_msat
        for refund in refunds:
            if refund.ended_at is not None:
                left_msat, cover = expected.pop(refund_account(refund.payment_hash)), self.cover(refund)
                for (account, _), part in zip(cover, divide(left_msat, [part for _, part in cover]), strict=True):
                    expected[account] += part
        assert all(msat >= 0 for account, msat in expected.items() if account.startswith(("creator:", "refund:")))

    def end_all_payouts(self) -> None:
        """Time passes, and the operator decides what no word of the node does: then nothing is under way any more."""
        self.core.payments.plan, self.core.payments.track_answer = Plan, lambda: Answer.TOLD
        self.host.away, self.host.lie_msat = False, 0
        self.let_it_go_on(is_end=False)
        self.run(self.process.pause.resume())
        for round_ in range(ROUNDS_TO_END):
            if all(payout.state in ENDED for payout in self.run(self.domain.store.read(_payouts))):
                break
            self.work()
            self.clock.advance(100 if round_ < SHORT_ROUNDS else 4 * 3_600)
        for try_ in self.tries():
            if try_.state in OPEN_TRIES:
                assert try_.state is TryState.DISPATCHED, "all other money was given back"
                self.resolve(try_)
        assert not any(try_.state in OPEN_TRIES for try_ in self.tries())
        found = self.run(reconcile_payouts(InProcessPayer(self.core, node_id=NODE_ID), self.domain.store))
        assert {each.difference for each in found} <= {PayoutDifference.RESOLVED}


def _payouts(tx: Tx) -> Sequence[Payout]:
    return tx.payouts.list(source_account=None, before=None, limit=MOST_ROWS)
