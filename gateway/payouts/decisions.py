"""What the operator decides about payouts: cancel, try again, resolve, record, pause and resume."""

from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from gateway.books.ledger import OPERATOR_ACCOUNT, node_account
from gateway.books.payout_transfers import pay, reserve
from gateway.errors import Conflict, Invalid, NotFound
from gateway.money import MSAT_PER_SAT, Msat
from gateway.payouts.claims import lock_payout
from gateway.payouts.follow_up import is_overdue
from gateway.payouts.outcomes import fail, succeed
from gateway.payouts.payers import PayingNodes
from gateway.payouts.reconcile import lacking_at
from gateway.payouts.reservations import lock_accounts
from gateway.ports.clock import Clock
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import OPEN_TRIES, RESTORED, Asker, Payout, PayoutState, Try, TryState

ID_BYTES = 16
MOST_ROWS, END_OF_TIME = 1_000_000, 2**62
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A payment that the operator made by hand. `node_id` is None if no node of ours made it."""

    source_account: str
    amount_msat: int
    fee_msat: int = 0
    payment_hash: str | None = None
    node_id: str | None = None
    note: str = ""


class PayoutDecisions:
    """Each is one guarded transaction, and none moves money that a node may still move."""

    def __init__(self, store: Store, clock: Clock, random_bytes: RandomBytes) -> None:
        self._store, self._clock, self._random_bytes = store, clock, random_bytes

    async def cancel(self, payout_id: str) -> Payout:
        """Cancel a payout of which nothing has been sent; its money goes back.

        Raises `NotFound` (`payout_not_found`) and `Conflict` (`payout_dispatched`, `payout_ended`).
        """
        return await self._store.write(partial(_cancel, payout_id=payout_id, now=int(self._clock())))

    async def try_again(self, payout_id: str) -> Payout:
        """Try a payout that needs a decision once more, soon.

        Raises `NotFound` (`payout_not_found`) and `Conflict` (`payout_not_waiting`).
        """
        return await self._store.write(partial(_try_again, payout_id=payout_id, now=int(self._clock())))

    async def resolve(self, payout_id: str, *, is_paid: bool, note: str, fee_msat: int | None = None) -> Payout:
        """End a dispatched try of which the node knows nothing, once its invoice has expired.

        Paid without a known fee counts the whole fee limit. Raises `NotFound` (`payout_not_found`), `Invalid`
        (`note_missing`, `fee_invalid`), `Conflict` (`payout_not_dispatched`, `payout_may_still_end`).
        """
        if not note.strip() or len(note) > LONGEST_NOTE:
            raise Invalid("note_missing", f"Say in a note of at most {LONGEST_NOTE} characters how you know.")
        work = partial(
            _resolve, payout_id=payout_id, is_paid=is_paid, note=note.strip(), fee_msat=fee_msat, now=int(self._clock())
        )
        return await self._store.write(work)

    async def record(self, recorded: Recorded) -> Payout:
        """Book a payment that was made by hand, once.

        Raises `Invalid` (`amount_invalid`, `record_unproven`), `Conflict` (`invoice_used`, `recorded_before`,
        `balance_too_low`).
        """
        if recorded.amount_msat <= 0 or recorded.amount_msat % MSAT_PER_SAT or recorded.fee_msat < 0:
            raise Invalid("amount_invalid", "A payout is of whole sat, at least 1, and its fee is not negative.")
        if not recorded.payment_hash and not recorded.note.strip():
            raise Invalid("record_unproven", "Give the payment hash, or a note that says how it was paid.")
        payout_id = self._random_bytes(ID_BYTES).hex()
        return await self._store.write(partial(_record, recorded=recorded, payout_id=payout_id, now=int(self._clock())))

    async def pause(self, reason: str) -> None:
        """Send nothing more on any replica; what is on its way ends as it ends."""
        await self._store.write(lambda tx: tx.payout_pauses.pause(reason, now=int(self._clock())))

    async def resume(self, nodes: PayingNodes, *, acknowledged: bool = False) -> bool:
        """Send again; False if payouts were not paused.

        After a restore, what the backup knew as reserved or waiting may have been paid since: it needs a decision; and
        what the nodes have paid since must have been looked at. Raises `Conflict` (`payments_lacking`), `Unavailable`.
        """
        pause = await self._store.read(lambda tx: tx.payout_pauses.current())
        if pause is not None and pause[0] == RESTORED and not acknowledged:
            found = await lacking_at(nodes, self._store)
            if found:
                raise Conflict(
                    "payments_lacking",
                    f"The nodes have made {len(found)} payments since the backup that the books lack. Book those that "
                    "were payouts with `tuppence payout record`, then resume with --acknowledged.",
                )
        if pause is not None and pause[0] == RESTORED:
            await self._ask_about_restored()
        return await self._store.write(lambda tx: tx.payout_pauses.resume())

    async def _ask_about_restored(self) -> None:
        """Leave to the operator what the backup knew as reserved or waiting. Nothing is reserved meanwhile."""
        now = int(self._clock())
        for try_ in await self._store.read(lambda tx: tx.tries.reserved(limit=MOST_ROWS)):
            await self._store.write(partial(fail, try_=try_, state=TryState.RELEASED, reason=RESTORED, now=now))
        for payout in await self._store.read(lambda tx: tx.payouts.due(now=END_OF_TIME, limit=MOST_ROWS)):
            await self._store.write(partial(_ask_operator, payout=payout))


def _payout(tx: Tx, payout_id: str) -> Payout:
    payout = lock_payout(tx, payout_id)
    if payout is None:
        raise NotFound("payout_not_found", f"There is no payout {payout_id}; `tuppence payout list` lists them.")
    return payout


def _open_try(tx: Tx, payout_id: str) -> Try | None:
    return next((try_ for try_ in tx.tries.of(payout_id) if try_.state in OPEN_TRIES), None)


def _cancel(tx: Tx, *, payout_id: str, now: int) -> Payout:
    payout, try_ = _payout(tx, payout_id), _open_try(tx, payout_id)
    if payout.ended_at is not None:
        raise Conflict("payout_ended", f"This payout has ended: {payout.state}.")
    if try_ is None:
        canceled = replace(payout, state=PayoutState.CANCELED, next_try_at=None, ended_at=now)
        tx.payouts.change(canceled, was=payout)
        return canceled
    if try_.state is not TryState.RESERVED or not fail(tx, try_, TryState.RELEASED, reason="canceled", now=now):
        raise Conflict("payout_dispatched", "It was sent to the node and can no longer be canceled; it ends by itself.")
    return tx.payouts.get(payout_id) or payout


def _try_again(tx: Tx, *, payout_id: str, now: int) -> Payout:
    payout = _payout(tx, payout_id)
    if payout.state not in {PayoutState.NEEDS_DECISION, PayoutState.WAITING}:
        raise Conflict("payout_not_waiting", f"Only a payout that waits can be tried again; this is {payout.state}.")
    again = replace(payout, state=PayoutState.WAITING, next_try_at=now)
    tx.payouts.change(again, was=payout)
    return again


def _resolve(tx: Tx, *, payout_id: str, is_paid: bool, note: str, fee_msat: int | None, now: int) -> Payout:
    payout, try_ = _payout(tx, payout_id), _open_try(tx, payout_id)
    if try_ is None or try_.state is not TryState.DISPATCHED:
        raise Conflict("payout_not_dispatched", "Only a payout that was sent and has not ended can be resolved.")
    if not is_overdue(try_, now=now):
        raise Conflict("payout_may_still_end", "Its invoice has not expired, so the node may still pay it; wait.")
    if is_paid:
        fee = try_.fee_limit_msat if fee_msat is None else fee_msat
        if not 0 <= fee <= try_.fee_limit_msat:
            raise Invalid("fee_invalid", f"The fee was at most {try_.fee_limit_msat} msat.")
        succeed(tx, try_, fee_msat=fee, now=now, note=note)
    else:
        fail(tx, try_, TryState.FAILED, reason="resolved_unpaid", now=now, note=note)
    return tx.payouts.get(payout_id) or payout


def _record(tx: Tx, *, recorded: Recorded, payout_id: str, now: int) -> Payout:
    lock_accounts(tx, recorded.source_account)
    once = f"record:{recorded.source_account}:{recorded.payment_hash or recorded.note.strip()}"
    payout = Payout(
        payout_id=payout_id,
        source_account=recorded.source_account,
        amount_msat=Msat(recorded.amount_msat),
        fee_limit_msat=Msat(recorded.fee_msat),
        destination="",
        asked_by=Asker.OPERATOR,
        idempotency_hash=sha256(once.encode()).hexdigest(),
        state=PayoutState.SUCCEEDED,
        created_at=now,
        ended_at=now,
    )
    if recorded.payment_hash and tx.tries.by_payment_hash(recorded.payment_hash) is not None:
        raise Conflict("invoice_used", "A payout with this payment hash is in the books already.")
    if tx.ledger.balance_msat(recorded.source_account) < recorded.amount_msat + recorded.fee_msat:
        raise Conflict("balance_too_low", "The creator's balance is below amount and fee; the books would owe.")
    if not tx.payouts.insert(payout):
        raise Conflict("recorded_before", "A payment with this hash or note was recorded before.")
    try_ = _recorded_try(payout, recorded, now=now)
    tx.tries.insert(try_)
    to_account = node_account(recorded.node_id) if recorded.node_id else OPERATOR_ACCOUNT
    tx.ledger.post([*reserve(try_), *pay(try_, fee_msat=recorded.fee_msat, to_account=to_account, now=now)])
    return payout


def _recorded_try(payout: Payout, recorded: Recorded, *, now: int) -> Try:
    return Try(
        payout_id=payout.payout_id,
        n=0,
        state=TryState.SUCCEEDED,
        source_account=payout.source_account,
        amount_msat=payout.amount_msat,
        fee_limit_msat=payout.fee_limit_msat,
        reserved_at=now,
        payment_hash=recorded.payment_hash,
        node_id=recorded.node_id,
        ended_at=now,
        fee_msat=Msat(recorded.fee_msat),
        resolved_note=recorded.note.strip() or "recorded",
    )


def _ask_operator(tx: Tx, *, payout: Payout) -> None:
    tx.payouts.change(replace(payout, state=PayoutState.NEEDS_DECISION, next_try_at=None), was=payout)
