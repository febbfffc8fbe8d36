"""What the domain needs of a database: transactions, seen as nouns.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes are lower-case hex.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from gateway.rows import Balance, Creator, Event, Invoice, Item, Payment, Settlement, TipNote, Transfer, Unresolved

T = TypeVar("T")


class Creators(Protocol):
    """Creators by name and by API key."""

    def insert(self, creator: Creator) -> bool:
        """False when the name is taken."""

    def list(self) -> Sequence[Creator]: ...

    def has_key(self, name: str, key_id: str) -> bool:
        """Whether this is the creator's key, and stays so until this transaction ends."""

    def replace_key(self, name: str, *, key_id: str, key_hash: str, instead_of: str | None = None) -> bool:
        """False when there is no such creator, or their key is no longer `instead_of` (its key_id)."""


class Items(Protocol):
    """What is sold. Every change moves `version`, which tells other processes to look."""

    passed_over: list[str]
    """The items that `list` left out: this version cannot read them."""

    def insert(self, item: Item) -> bool:
        """False when the id is taken."""

    def update(self, item: Item) -> bool: ...
    def get(self, item_id: str) -> Item | None: ...

    def lock(self, item_id: str) -> Item | None:
        """The item as it stays until this transaction ends: nobody else changes it meanwhile."""

    def list(self) -> Sequence[Item]: ...
    def version(self) -> int: ...


class Invoices(Protocol):
    """Offers to pay."""

    def insert(self, invoice: Invoice) -> bool:
        """False when the payment hash, or the idempotency hash, is taken."""

    def get(self, payment_hash: str) -> Invoice | None: ...
    def by_idempotency(self, idempotency_hash: str) -> Invoice | None: ...

    def get_many(self, payment_hashes: Sequence[str]) -> Sequence[Invoice]: ...

    def lock(self, payment_hashes: Sequence[str]) -> Sequence[Invoice]:
        """These invoices, which no other transaction changes before this one ends."""

    def settle(self, node_id: str, settlements: Sequence[Settlement]) -> None:
        """The guarded update of locked invoices that are not settled."""

    def cancel(self, node_id: str, payment_hashes: Sequence[str], *, now: int) -> int:
        """Open invoices to canceled, on LND's word; a settled one stays settled."""

    def unresolved(
        self, node_id: str, *, due_at: int | None, after_add_index: int, after_payment_hash: str = "", limit: int
    ) -> Sequence[Unresolved]:
        """Open invoices in the order of (add_index, payment_hash); with `due_at` those to be looked up by then."""

    def credited(self, node_id: str, *, besides: range) -> tuple[int, int]:
        """How many invoices of a node have settled, and their msat, without those of some seconds."""

    def credits_of(self, node_id: str, *, within: range) -> Mapping[str, int]:
        """The msat of each payment of a node that settled within some seconds, by payment hash."""

    def count_open(self) -> dict[str, int]:
        """How many invoices without a verdict each node has."""

    def postpone(self, node_id: str, checks: Sequence[tuple[str, int]]) -> None:
        """Set the next look-up of (payment_hash, check_at)."""


class Ledger(Protocol):
    """Immutable transfers and the balances they sum to."""

    def post(self, transfers: Sequence[Transfer]) -> None: ...
    def of_payment(self, payment_hash: str) -> Sequence[Transfer]: ...

    def of_payments(self, payment_hashes: Sequence[str]) -> Mapping[str, Sequence[Transfer]]:
        """The transfers of each of many payments, in as few queries as they fit."""

    def balances(self) -> Sequence[Balance]: ...


class Events(Protocol):
    """One row per settlement, in commit order."""

    def append(self, payment_hashes: Sequence[str], *, now: int) -> Sequence[Event]:
        """Take the next positions; the last statements before commit."""

    def last_position(self) -> int:
        """The newest event's; 0 before the first."""

    def after(self, position: int, *, limit: int) -> Sequence[Event]:
        """At most `limit` newer ones, in order."""

    def payments(self, *, after_position: int, limit: int, creator: str | None) -> Sequence[Payment]: ...


class TipNotes(Protocol):
    """Messages and names beside tips."""

    def insert(self, note: TipNote) -> None: ...


class Recoveries(Protocol):
    """Which payment a recovery code opens, by the code's keyed hash; and which codes of one use were used."""

    def pin(self, code_hash: str, payment_hash: str, *, now: int) -> str:
        """Give a code to a payment unless it is taken; gives the payment that it opens."""

    def payment_of(self, code_hash: str) -> str | None: ...

    def use(self, code_hash: str, *, expires_at: int) -> bool:
        """Use a code that opens once; False when it was used before."""


class Purges(Protocol):
    """What is deleted once it is no longer needed, at most `limit` rows at a step.

    Each step gives how many rows it passed over, and how many of them held something to delete.
    """

    def unpaid(self, *, canceled_until: int, limit: int) -> tuple[int, int]:
        """Rows that LND had canceled by then, and the notes beside them."""

    def payment_requests(self, *, booked_until: int, limit: int) -> tuple[int, int]:
        """The payment requests of what was booked by then."""

    def notes(self, *, booked_until: int, limit: int) -> tuple[int, int]:
        """The notes beside tips that were booked by then."""

    def used_codes(self, *, expired_until: int, limit: int) -> tuple[int, int]:
        """Codes of one use that were used and had expired by then."""

    def notes_to(self, creator: str) -> int:
        """Every note beside a tip that was paid to a creator."""


class Identities(Protocol):
    """What must stay the same between starts: node keys, key ring fingerprints."""

    def pin(self, kind: str, name: str, value: str) -> str:
        """Remember `value` at first contact; gives what is remembered."""

    def list(self, kind: str) -> Sequence[tuple[str, str]]: ...


class Leases(Protocol):
    """Which replica does what only one need do. The instants are the database's."""

    def take(self, name: str, holder: str, *, seconds: float) -> bool:
        """Take it where it is free or has ended, or renew one's own; whether it is held now."""

    def give_back(self, name: str, holder: str) -> None:
        """End one's own."""

    def now_ms(self) -> int:
        """The database's clock: milliseconds since 1970, UTC."""


class DrainedNodes(Protocol):
    """Nodes that make no invoices, by an operator's word."""

    def insert(self, node_id: str, *, now: int) -> None:
        """Nothing happens to one that is drained."""

    def delete(self, node_id: str) -> None: ...

    def list(self) -> Sequence[tuple[str, int]]:
        """Each node_id, and since when."""


class Tx(Protocol):
    """One transaction, seen as nouns."""

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

    def probe_write(self) -> None:
        """Write something that leaves no trace, so that a database that cannot be written refuses the commit."""


class Store(Protocol):
    """Transactions. `work` runs in one of them and calls nothing external; it may be run again after it was undone.

    Others may commit while it runs: it decides by guarded updates, by constraints and by what it locks, not by what it
    has read. Raises `Unavailable` (code `database_away`) when the database refused; then nothing was written. Raises
    `OutcomeUnknown` (code `commit_unanswered`) when the commit was sent and never answered.
    """

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Commit what `work` wrote, or nothing; returns after the commit."""

    async def read(self, work: Callable[[Tx], T]) -> T:
        """A consistent read."""


class Notifications(Protocol):
    """Notifies the replicas on one database that there is something to read. One may be lost, and carries nothing."""

    def send(self) -> None:
        """Notify every replica soon, after a commit. Several calls may become one notification."""

    async def wait(self, seconds: float) -> None:
        """Wait for a notification, at most so long."""
