"""What the domain needs of the outside: an LND node, a store, a key ring.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes are lower-case hex.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from gateway.money import Msat
from gateway.rows import Balance, Creator, Event, Invoice, Item, Payment, Settlement, TipNote, Transfer, Unresolved

T = TypeVar("T")
Clock = Callable[[], float]
RandomBytes = Callable[[int], bytes]


# An LND node ----------------------------------------------------------------------------------------------------------


class NodeInvoiceState(StrEnum):
    """LND's four states. Accepted is a hold invoice's: the money is not ours yet."""

    OPEN = "open"
    SETTLED = "settled"
    CANCELED = "canceled"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvoice:
    """What AddInvoice gave."""

    payment_hash: str
    payment_request: str
    add_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInvoice:
    """An invoice as LND reports it. It never carries the preimage."""

    payment_hash: str
    add_index: int
    settle_index: int
    state: NodeInvoiceState
    paid_msat: Msat
    settled_at: int
    memo: str = ""


class NodeState(StrEnum):
    """Whether a node can be asked: absent, there but locked, coming up, syncing, ready."""

    ABSENT = "absent"
    LOCKED = "locked"
    STARTING = "starting"
    SYNCING = "syncing"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A node's own word about itself; the fields after `state` are known once it is syncing or ready."""

    state: NodeState
    detail: str
    identity_pubkey: str = ""
    alias: str = ""
    version: str = ""
    network: str = ""
    block_height: int = 0
    best_header_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLiquidity:
    """What the node's channels can receive and send."""

    inbound_msat: Msat
    outbound_msat: Msat


class Node(Protocol):
    """One LND node. Every call has a deadline.

    Raises `Unavailable` (codes `node_away`, `node_locked`, `node_starting`, `node_refused`) when the node said no or
    nothing, and `OutcomeUnknown` when it may have done what was asked.
    """

    node_id: str

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        """Issue an invoice; a repeated call with the same preimage gives the same invoice."""

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        """The invoice as LND has it now, None when it has no such invoice."""

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        """At most `limit` (500) invoices with a higher add_index, in add order; empty at the end."""

    def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        """Live events only (add_index 0, settle_index 0): OPEN and SETTLED, perhaps twice; raises when it breaks."""

    async def preimage(self, payment_hash: str) -> str | None:
        """The preimage (hex) of a settled invoice, for its payer's receipt; None before settlement."""

    async def cancel(self, payment_hash: str) -> None:
        """Cancel an open invoice; settled ones stay settled."""

    async def status(self) -> NodeStatus:
        """The node's state; never raises for a node that is away."""

    async def liquidity(self) -> ChannelLiquidity:
        """Sums over the open channels."""


# The store ------------------------------------------------------------------------------------------------------------


class Creators(Protocol):
    """Creators by name and by API key."""

    def insert(self, creator: Creator) -> bool:
        """False when the name is taken."""

    def list(self) -> Sequence[Creator]: ...
    def replace_key(self, name: str, *, key_id: str, key_hash: str) -> bool: ...


class Items(Protocol):
    """What is sold. Every change moves `version`, which tells other processes to look."""

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

    def unresolved(self, node_id: str, *, due_at: int | None, after_add_index: int, limit: int) -> Sequence[Unresolved]:
        """Open invoices in add order; with `due_at` only those whose next look-up is due by then."""

    def credited(self, node_id: str, *, until: int) -> tuple[int, int]:
        """How many invoices of a node had settled by an instant, and their msat."""

    def postpone(self, node_id: str, checks: Sequence[tuple[str, int]]) -> None:
        """Set the next look-up of (payment_hash, check_at)."""


class Ledger(Protocol):
    """Immutable transfers and the balances they sum to."""

    def post(self, transfers: Sequence[Transfer]) -> None: ...
    def of_payment(self, payment_hash: str) -> Sequence[Transfer]: ...
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
    """Which payment a recovery code opens, by the code's keyed hash."""

    def pin(self, code_hash: str, payment_hash: str, *, now: int) -> str:
        """Give a code to a payment unless it is taken; gives the payment that it opens."""

    def payment_of(self, code_hash: str) -> str | None: ...


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


class Doorbell(Protocol):
    """Tells the replicas on one database that there is something to read; it may be lost, and carries nothing."""

    def ring(self) -> None:
        """After a commit; many together ring once."""

    async def wait(self, seconds: float) -> None:
        """Until it rings, at most so long."""


# Keys and content -----------------------------------------------------------------------------------------------------


class KeyRing(Protocol):
    """The secrets behind access tokens."""

    def root_key(self, token_id: bytes) -> bytes | None:
        """The 32-byte macaroon root key of a 32-byte token id; None when its key is unknown."""

    def new_token_id(self) -> bytes:
        """A random token id of the current key."""

    def keyed_hash(self, purpose: str, secret: str) -> str:
        """HMAC of something that is stored hashed (hex)."""


class ContentStore(Protocol):
    """The paid bytes, by digest."""

    async def put(self, data: bytes) -> str:
        """Keep bytes; gives their SHA-256 (hex)."""

    async def get(self, digest: str) -> bytes: ...
