"""Asks for a payout: the use case behind every door. What is asked for is a row with its money reserved, or refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from gateway.books.ledger import CREATOR_PREFIX
from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, OutcomeUnknown
from gateway.money import MSAT_PER_SAT, Msat, to_sat
from gateway.payouts.amounts import FEES_AVERAGED, Caps, FeeLimits, least_worth_sending
from gateway.payouts.claims import begin_claim, lock_offered
from gateway.payouts.destination_invoice import DestinationInvoices, require_new_hash
from gateway.payouts.destinations import address_in_use
from gateway.payouts.outcomes import is_invoice
from gateway.payouts.payers import PayingNodes
from gateway.payouts.reservations import lock_spending, reserve_try
from gateway.ports.addresses import AddressHosts
from gateway.ports.clock import Clock
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import UNBOUND_ASKERS, Asker, Payout, PayoutState

ID_BYTES = 16
MOST_OPEN = 100
"""How many payouts of one balance may be open: those that wait hold no money, and each has a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A payout as it is asked for. `amount_msat` None: all; `destination` None: the creator's own.

    `expires_at` is that of a pasted invoice, once it was read. `idempotency_hash` is the keyed hash of the asker's key:
    the same one asks for the same payout.
    """

    source_account: str
    asked_by: Asker
    amount_msat: int | None = None
    destination: str | None = None
    minimum_msat: int = 0
    fee_limit_msat: Msat | None = None
    expires_at: int | None = None
    idempotency_hash: str | None = None
    caller: Caller = OPERATOR


class PayoutRequests:
    """Turns what is asked for into a payout with a reserved try."""

    def __init__(
        self,
        nodes: PayingNodes,
        hosts: AddressHosts,
        store: Store,
        clock: Clock,
        random_bytes: RandomBytes,
        *,
        fees: FeeLimits,
        caps: Caps,
    ) -> None:
        self._nodes, self._hosts, self._store = nodes, hosts, store
        self._clock, self._random_bytes = clock, random_bytes
        self._invoices = DestinationInvoices(hosts, clock)
        self.fees, self.caps = fees, caps

    async def ask(self, wanted: Wanted) -> Payout:
        """Reserve a payout; the earlier one if its idempotency hash is taken.

        Raises `Invalid` (`amount_invalid`, `destination_invalid` …), `Forbidden` (`invoice_operator_only`), `NotFound`
        (`destination_missing`), `Unavailable` (of the node), `Conflict` (`payouts_off`, `payouts_paused`, a cap,
        `balance_too_low`, `payout_too_small`, `payouts_open`, `idempotency_key_reused`), and `OutcomeUnknown` (of the
        commit: ask again with the same key).
        """
        self._nodes.require_some()
        _check_amount(wanted.amount_msat)
        earlier = await self._earlier(wanted)
        if earlier is not None:
            return earlier
        wanted = await self._with_destination(wanted)
        payout_id = self._random_bytes(ID_BYTES).hex()
        work = partial(self._reserve, wanted=wanted, payout_id=payout_id, now=int(self._clock()))
        payout = await self._store.write(work)
        # Two replicas were asked with one key: the constraint chose the other.
        return payout or await self._required_earlier(wanted)

    async def _with_destination(self, wanted: Wanted) -> Wanted:
        """The request with a checked destination, and with the amount of a pasted invoice."""
        destination = wanted.destination
        if destination is None:
            return wanted
        if not is_invoice(destination):
            is_from_anybody = wanted.asked_by is Asker.PAYER
            return replace(wanted, destination=self._hosts.check(destination, is_from_anybody=is_from_anybody))
        if wanted.asked_by not in UNBOUND_ASKERS:
            raise Forbidden("invoice_operator_only", "Only the operator pays an invoice; set an address to be paid to.")
        decoded = await self._nodes.decode(destination)
        if not decoded.amount_msat:
            raise Invalid("invoice_without_amount", "The invoice names no amount; ask its wallet for one that does.")
        _check_amount(decoded.amount_msat)
        own = await self._nodes.own_pubkeys()
        amount_msat = decoded.amount_msat if wanted.amount_msat is None else wanted.amount_msat
        self._invoices.check(decoded, amount_msat=amount_msat, own_pubkeys=own)
        await self._store.read(partial(require_new_hash, payment_hash=decoded.payment_hash))
        # Last, as it asks every node twice.
        await self._nodes.able(decoded.amount_msat)
        return replace(wanted, amount_msat=decoded.amount_msat, expires_at=decoded.expires_at)

    def _reserve(self, tx: Tx, *, wanted: Wanted, payout_id: str, now: int) -> Payout | None:
        """Insert payout and try in one transaction; None if the idempotency hash is taken."""
        wanted.caller.check(tx)
        lock_spending(tx, wanted.source_account)
        refund = lock_offered(tx, wanted.source_account, now=now) if wanted.asked_by is Asker.PAYER else None
        if len(tx.payouts.open_of(wanted.source_account)) >= MOST_OPEN:
            raise Conflict("payouts_open", f"{MOST_OPEN} payouts of this balance have not ended; wait, or cancel some.")
        destination = wanted.destination or _destination_of(tx, wanted.source_account, now=now)
        amount_msat = wanted.amount_msat
        if amount_msat is None:
            amount_msat = self._all(tx, wanted.source_account)
        if wanted.asked_by not in UNBOUND_ASKERS:
            fees = tx.tries.paid_fees(wanted.source_account, destination, limit=FEES_AVERAGED)
            _refuse_too_small(amount_msat, fees, minimum_msat=wanted.minimum_msat)
        payout = Payout(
            payout_id=payout_id,
            source_account=wanted.source_account,
            amount_msat=Msat(amount_msat),
            fee_limit_msat=wanted.fee_limit_msat or self.fees.of(amount_msat),
            destination=destination,
            asked_by=wanted.asked_by,
            idempotency_hash=wanted.idempotency_hash,
            state=PayoutState.TRYING,
            created_at=now,
        )
        if not tx.payouts.insert(payout):
            return None
        if refund is not None:
            begin_claim(tx, refund, payout)
        reserve_try(tx, payout, n=0, caps=self.caps, now=now, expires_at=wanted.expires_at)
        return payout

    def _all(self, tx: Tx, account: str) -> int:
        """The most whole sat that the balance and one payout allow. Raises `Conflict` (`balance_too_low`)."""
        balance_msat = tx.ledger.balance_msat(account)
        amount_msat = min(self.fees.most_payable(balance_msat), self.caps.most_msat)
        if amount_msat <= 0:
            raise Conflict(
                "balance_too_low",
                f"{to_sat(max(0, balance_msat))} sat are available, less than a payout and its fee limit.",
            )
        return amount_msat

    async def _earlier(self, wanted: Wanted) -> Payout | None:
        hash_ = wanted.idempotency_hash
        if hash_ is None:
            return None
        earlier = await self._store.read(lambda tx: tx.payouts.by_idempotency(hash_))
        if earlier is None:
            return None
        is_same = earlier.source_account == wanted.source_account and wanted.amount_msat in {None, earlier.amount_msat}
        if not is_same:
            raise Conflict("idempotency_key_reused", "This key asked for another payout; use a new one.")
        return earlier

    async def _required_earlier(self, wanted: Wanted) -> Payout:
        earlier = await self._earlier(wanted)
        if earlier is None:
            raise OutcomeUnknown("commit_unanswered", "The payout may have been asked for; ask again with this key.")
        return earlier


def _check_amount(amount_msat: int | None) -> None:
    """Raise `Invalid` (`amount_invalid`) unless it is whole sat, at least 1."""
    if amount_msat is not None and (amount_msat <= 0 or amount_msat % MSAT_PER_SAT):
        raise Invalid("amount_invalid", f"A payout is of whole sat, at least 1; {amount_msat} msat are not.")


def _destination_of(tx: Tx, source_account: str, *, now: int) -> str:
    """The address in use of the account's creator. Raises `NotFound` (`destination_missing`)."""
    address = address_in_use(tx, source_account, now=now)
    if not address:
        creator = source_account.removeprefix(CREATOR_PREFIX)
        raise NotFound(
            "destination_missing",
            f"There is no destination in effect for {creator}: set one with `tuppence creator destination`.",
        )
    return address


def _refuse_too_small(amount_msat: int, fees: Sequence[int], *, minimum_msat: int) -> None:
    least = least_worth_sending(fees, minimum_msat=minimum_msat)
    if amount_msat < least:
        raise Conflict("payout_too_small", f"A payout there is worth its fee from {to_sat(least)} sat on.")
