"""The port for the database: transactions, whose attributes are the tables.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes are lower-case hex.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from gateway.money import Msat
from gateway.ports.payout_tables import (
    Destinations,
    PayoutCaps,
    PayoutPauses,
    PayoutRules,
    Payouts,
    Refunds,
    Tries,
)
from gateway.rows import (
    Balance,
    Creator,
    Event,
    Invoice,
    Item,
    PastRates,
    Payment,
    Settlement,
    TipNote,
    Transfer,
    Unresolved,
)

T = TypeVar("T")


class Creators(Protocol):
    """Creators by name and by API key."""

    def insert(self, creator: Creator) -> bool:
        """False when the name is taken."""

    def list(self) -> Sequence[Creator]: ...

    def has_key(self, name: str, key_id: str) -> bool:
        """Whether this is the creator's key; it stays so until this transaction ends."""

    def replace_key(self, name: str, *, key_id: str, key_hash: str, instead_of: str | None = None) -> bool:
        """False when there is no such creator, or their key is no longer `instead_of` (its key_id)."""


class Items(Protocol):
    """The items. Every change increases `version`, by which other processes notice it."""

    passed_over: list[str]
    """The ids of items that `list` left out, as this version cannot read them."""

    def insert(self, item: Item) -> bool:
        """False when the id is taken."""

    def update(self, item: Item) -> bool: ...
    def get(self, item_id: str) -> Item | None: ...

    def lock(self, item_id: str) -> Item | None:
        """The item, which no other transaction changes before this one ends."""

    def list(self) -> Sequence[Item]: ...
    def version(self) -> int: ...


class Invoices(Protocol):
    """Invoices: offers to pay."""

    def insert(self, invoice: Invoice) -> bool:
        """False if the payment hash or the idempotency hash is taken."""

    def insert_if_current(self, invoice: Invoice) -> bool:
        """As `insert`, but only while its item is on sale at the invoice's amount, shares and access time.

        One statement, for speed; False may also mean that it has no item, or that these are written otherwise.
        """

    def get(self, payment_hash: str) -> Invoice | None: ...
    def by_idempotency(self, idempotency_hash: str) -> Invoice | None: ...

    def get_many(self, payment_hashes: Sequence[str]) -> Sequence[Invoice]: ...

    def lock(self, payment_hashes: Sequence[str]) -> Sequence[Invoice]:
        """These invoices, which no other transaction changes before this one ends."""

    def settle(self, node_id: str, settlements: Sequence[Settlement]) -> None:
        """Settle locked invoices that are not settled yet (a guarded update)."""

    def cancel(self, node_id: str, payment_hashes: Sequence[str], *, now: int) -> int:
        """Mark open invoices as canceled, as LND reports them; a settled one stays settled. Returns the number."""

    def unresolved(
        self, node_id: str, *, due_at: int | None, after_add_index: int, after_payment_hash: str = "", limit: int
    ) -> Sequence[Unresolved]:
        """Open invoices by (add_index, payment_hash); with `due_at` only those to be looked up by then."""

    def credited(self, node_id: str, *, besides: range) -> tuple[int, int]:
        """The number and the msat of a node's settled invoices, except those that settled in a range of seconds."""

    def credits_of(self, node_id: str, *, within: range) -> Mapping[str, int]:
        """The msat of a node's payments that settled in a range of seconds, by payment hash."""

    def count_open(self) -> dict[str, int]:
        """The number of open invoices by node_id."""

    def postpone(self, node_id: str, checks: Sequence[tuple[str, int]]) -> None:
        """Set the next look-up of (payment_hash, check_at)."""


class Ledger(Protocol):
    """Immutable transfers, and the balances that they sum to."""

    def post(self, transfers: Sequence[Transfer]) -> None:
        """Raises `Conflict` (`balance_too_low`) where an account of a creator, a payout or a refund would owe."""

    def of_payment(self, payment_hash: str) -> Sequence[Transfer]: ...
    def of_payout(self, payout_id: str) -> Sequence[Transfer]: ...
    def of_refund(self, payment_hash: str) -> Sequence[Transfer]: ...

    def of_payments(self, payment_hashes: Sequence[str]) -> Mapping[str, Sequence[Transfer]]:
        """The transfers of each of many payments, in as few queries as they fit."""

    def balance_msat(self, account: str) -> Msat:
        """The balance of one account; 0 before its first transfer."""

    def balances(self) -> Sequence[Balance]:
        """Every account by name, except the empty ones of payouts and refunds."""


class Events(Protocol):
    """One row per settlement, in commit order."""

    def append(self, payment_hashes: Sequence[str], *, now: int) -> Sequence[Event]:
        """Insert events at the next positions. These must be the last statements before the commit."""

    def last_position(self) -> int:
        """The position of the newest event; 0 before the first."""

    def after(self, position: int, *, limit: int) -> Sequence[Event]:
        """At most `limit` events after a position, in order."""

    def payments(self, *, after_position: int, limit: int, creator: str | None) -> Sequence[Payment]: ...

    def payments_between(
        self, lowest_hash: str, highest_hash: str, *, limit: int, creator: str | None
    ) -> Sequence[Payment]:
        """Payments whose hash lies in a range, its ends included."""


class TipNotes(Protocol):
    """Messages and names beside tips."""

    def insert(self, note: TipNote) -> None: ...
    def get(self, payment_hash: str) -> TipNote | None: ...


class Recoveries(Protocol):
    """The payment that a recovery code opens, by the code's keyed hash; and the used codes of one use."""

    def pin(self, code_hash: str, payment_hash: str, *, now: int) -> str:
        """Assign a code to a payment unless it is taken; returns the payment that it opens."""

    def payment_of(self, code_hash: str) -> str | None: ...

    def use(self, code_hash: str, *, expires_at: int) -> bool:
        """Mark a code of one use as used; False if it was used before."""


class Purges(Protocol):
    """Deletes what is no longer needed, at most `limit` rows at a time.

    Each method returns the number of rows that it passed over, and the number of deletions among them.
    """

    def unpaid(self, *, canceled_until: int, limit: int) -> tuple[int, int]:
        """Delete invoices that LND had canceled by then, and their notes."""

    def payment_requests(self, *, booked_until: int, limit: int) -> tuple[int, int]:
        """Delete the payment requests of invoices that were booked by then."""

    def notes(self, *, booked_until: int, limit: int) -> tuple[int, int]:
        """Delete the notes beside tips that were booked by then."""

    def used_codes(self, *, expired_until: int, limit: int) -> tuple[int, int]:
        """Delete used codes of one use that had expired by then."""

    def claim_destinations(self, *, ended_until: int, limit: int) -> tuple[int, int]:
        """Delete destinations and payment requests of payers whose claims of a refund had ended by then."""

    def notes_to(self, creator: str) -> int:
        """Delete every note beside a tip that was paid to a creator; returns their number."""


class Identities(Protocol):
    """Values that must stay the same between starts: node keys, fingerprints of the key ring."""

    def pin(self, kind: str, name: str, value: str) -> str:
        """Store `value` unless there is one; returns the stored value."""

    def list(self, kind: str) -> Sequence[tuple[str, str]]: ...


class Leases(Protocol):
    """Leases of replicas on work that only one of them should do. The instants are the database's."""

    def take(self, name: str, holder: str, *, seconds: float) -> bool:
        """Take a lease that is free or expired, or renew one's own; False if another holds it."""

    def give_back(self, name: str, holder: str) -> None:
        """End one's own lease."""

    def now_ms(self) -> int:
        """The database's clock: milliseconds since 1970, UTC."""


class DrainedNodes(Protocol):
    """Nodes that the operator drained: no invoices are made there."""

    def insert(self, node_id: str, *, now: int) -> None:
        """Drain a node; a second call changes nothing."""

    def delete(self, node_id: str) -> None: ...

    def list(self) -> Sequence[tuple[str, int]]:
        """(node_id, drained_at) of each drained node."""


class PastRateTable(Protocol):
    """Past exchange rates, at most one row an hour."""

    def insert(self, rates: PastRates) -> bool:
        """False if that hour has rates."""

    def between(self, earliest: int, latest: int) -> Sequence[PastRates]:
        """The rates from one instant to another, both included, in order."""


class Tx(Protocol):
    """One transaction; its attributes are the tables."""

    creators: Creators
    items: Items
    invoices: Invoices
    ledger: Ledger
    events: Events
    tip_notes: TipNotes
    recoveries: Recoveries
    purges: Purges
    identities: Identities
    leases: Leases
    drained_nodes: DrainedNodes
    past_rates: PastRateTable
    payouts: Payouts
    tries: Tries
    payout_caps: PayoutCaps
    payout_pauses: PayoutPauses
    destinations: Destinations
    payout_rules: PayoutRules
    refunds: Refunds

    def probe_write(self) -> None:
        """Write something that leaves no trace, so that a database that cannot be written refuses the commit."""


class Store(Protocol):
    """Transactions. `work` runs in one of them and calls nothing external; it may be run again after a rollback.

    Other transactions may commit meanwhile: `work` decides by guarded updates, constraints and locks, not by what it
    has read. Raises `Unavailable` (`database_away`) if the database refused and nothing was written, and
    `OutcomeUnknown` (`commit_unanswered`) if the commit was sent and never answered.
    """

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` and commit; returns after the commit."""

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a consistent snapshot."""


class Notifications(Protocol):
    """Notifies the replicas on one database that there is something to read. One may be lost, and carries nothing."""

    def send(self) -> None:
        """Notify every replica soon, after a commit. Several calls may become one notification."""

    async def wait(self, seconds: float) -> None:
        """Wait for a notification, at most so long."""
