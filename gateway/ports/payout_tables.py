"""The tables of money that leaves, as attributes of a transaction.

Every transaction locks in this order, so that two of them cannot deadlock: caps by name, the pause, a refund, its
invoice, a payout, its tries, and then accounts, which `Ledger.post` updates: nodes first, and then by name. What has
ended never changes.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.money import Msat
from gateway.rows.payouts import Destination, Payout, PayoutRule, Refund, Try, UnderWay


class Payouts(Protocol):
    """What was asked to be paid out."""

    def insert(self, payout: Payout) -> bool:
        """False if its id or idempotency hash is taken, or its refund has another claim that is not canceled."""

    def get(self, payout_id: str) -> Payout | None: ...
    def by_idempotency(self, idempotency_hash: str) -> Payout | None: ...

    def lock(self, payout_id: str) -> Payout | None:
        """The payout, which no other transaction changes before this one ends."""

    def change(self, payout: Payout, *, was: Payout) -> bool:
        """Replace state, next_try_at and ended_at if the state is still that of `was`, and not final."""

    def list(self, *, source_account: str | None, before: str | None, limit: int) -> Sequence[Payout]:
        """The newest first; with `before`, those older than the payout of this id."""

    def due(self, *, now: int, limit: int) -> Sequence[Payout]:
        """Waiting payouts whose next_try_at has come, the oldest first."""

    def open_of(self, source_account: str) -> Sequence[Payout]:
        """Those that are not ended, of one account."""

    def under_way(self, *, expired_until: int) -> UnderWay:
        """All that has not ended; a dispatched try whose invoice had expired by then is overdue."""


class Tries(Protocol):
    """The tries of payouts; one of a payout is open at most, by a constraint."""

    def insert(self, try_: Try) -> None:
        """The payout is locked by this transaction, and has no other try that is open or succeeded."""

    def get(self, payout_id: str, n: int) -> Try | None: ...
    def of(self, payout_id: str) -> Sequence[Try]: ...

    def change(self, try_: Try, *, was: Try) -> bool:
        """Replace the row if it is still `was` in state, sends and sender, and has not ended (a guarded update).

        Raises `Conflict` (`invoice_used`) if another try has the payment hash.
        """

    def by_payment_hash(self, payment_hash: str) -> Try | None: ...

    def reserved(self, *, limit: int) -> Sequence[Try]:
        """Tries that are reserved, the oldest first."""

    def to_check(self, *, now: int, limit: int) -> Sequence[Try]:
        """Dispatched tries whose check_at has come, the oldest first."""

    def of_node(self, node_id: str, *, after_payment_hash: str, limit: int) -> Sequence[Try]:
        """The tries that were dispatched at a node, by payment hash."""

    def spent_msat(self, *, since: int, source_account: str | None) -> Msat:
        """The sum of amounts that were sent since then and not in vain, or may be yet, of one account or of all.

        What was recorded was not sent from here.
        """

    def paid_fees(self, source_account: str, destination: str, *, limit: int) -> Sequence[Msat]:
        """The real fees of the newest payouts from an account to a destination that succeeded."""


class PayoutCaps(Protocol):
    """Rows that every reservation updates, so that two of them cannot both be the last one that fits."""

    def lock(self, names: Sequence[str]) -> None:
        """Update the rows of these names, made when missing, in the order of their names."""

    def count(self) -> int:
        """How often a row was locked so far, which never decreases."""


class Destinations(Protocol):
    """Where creators are paid, by creator."""

    def put(self, destination: Destination) -> None: ...
    def get(self, creator: str) -> Destination | None: ...

    def lock(self, creator: str) -> Destination:
        """The destination, empty if there was none, which no other transaction changes before this one ends."""

    def list(self) -> Sequence[Destination]: ...


class PayoutRules(Protocol):
    """Creators' rules, by creator."""

    def put(self, rule: PayoutRule) -> None: ...
    def delete(self, creator: str) -> bool: ...
    def get(self, creator: str) -> PayoutRule | None: ...

    def due(self, *, now: int, limit: int) -> Sequence[PayoutRule]: ...

    def advance(self, creator: str, *, was_next_at: int, next_at: int) -> bool:
        """Move a rule's due instant on, once (a guarded update)."""


class PayoutPauses(Protocol):
    """Whether payouts are paused, which holds for every replica."""

    def pause(self, reason: str, *, now: int) -> None:
        """Pause; an earlier pause keeps its reason and instant."""

    def pause_restored(self, *, since: int) -> None:
        """Pause books that may lack payments made since an instant; a pause of another reason becomes this one."""

    def resume(self) -> bool:
        """False if payouts were not paused."""

    def current(self) -> tuple[str, int] | None:
        """(reason, since) of the pause, to be shown; None if payouts are not paused."""

    def lock(self) -> tuple[str, int] | None:
        """The same, which no other transaction changes before this one ends: for whoever relies on it."""


class Refunds(Protocol):
    """Refunds of payments, by payment hash."""

    def insert(self, refund: Refund) -> bool:
        """False if the payment has one; marks the invoice as refunded at `created_at`."""

    def get(self, payment_hash: str) -> Refund | None: ...
    def by_k1(self, k1_hash: str) -> Refund | None: ...

    def lock(self, payment_hash: str) -> Refund | None:
        """The refund, which no other transaction changes before this one ends."""

    def change(self, refund: Refund, *, was: Refund) -> bool:
        """Replace state, payout_id and ended_at if state and payout_id are still those of `was`, and not final."""

    def expired(self, *, now: int, limit: int) -> Sequence[Refund]:
        """Offered refunds whose year is over."""

    def list(self, *, before: str | None, limit: int) -> Sequence[Refund]:
        """The newest first; with `before`, those older than the refund of this payment."""

    def refunded_since(self, since: int) -> Sequence[str]:
        """Payment hashes of refunds made since then, by which other processes close access."""
