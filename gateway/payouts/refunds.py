"""Refunds: the whole amount of a settled payment is offered back to its payer, who claims it once, within a year."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256

import structlog

from gateway.books.ledger import OPERATOR_ACCOUNT, SHARE_CODE, TIP_CODE, refund_account
from gateway.catalog.api_keys import Caller
from gateway.errors import Conflict, NotFound
from gateway.money import MSAT_PER_SAT, Msat, divide, to_sat
from gateway.payouts.claims import REFUND_CODE, refund_not_found, require_offered, return_rest
from gateway.payouts.outcomes import is_invoice
from gateway.payouts.request import PayoutRequests, Wanted
from gateway.payouts.reservations import lock_accounts
from gateway.ports.clock import Clock
from gateway.ports.keys import KeyRing
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice, InvoiceState, Transfer
from gateway.rows.payouts import Asker, Payout, Refund, RefundState

OFFERED_SECONDS = 365 * 86_400
ROWS_AT_ONCE = 100
_SCHEME = re.compile(r"lightning:(//)?", re.IGNORECASE)

log = structlog.get_logger()


def withdraw_secret(keys: KeyRing, payment_hash: str) -> str:
    """The `k1` (64 hex digits) of a refund's LNURL-withdraw, which only the payer's receipt shows."""
    return keys.keyed_hash("refund", payment_hash)


def k1_hash(k1: str) -> str:
    """The form in which a `k1` is stored."""
    return sha256(k1.encode()).hexdigest()


class Refunds:
    """Offers refunds, and takes back those that nobody claims."""

    def __init__(self, requests: PayoutRequests, store: Store, keys: KeyRing, clock: Clock) -> None:
        self._requests, self._store, self._keys, self._clock = requests, store, keys, clock

    async def offer(self, payment_hash: str, *, caller: Caller, operator_pays: bool = False) -> Refund:
        """Offer a payment back; the same refund if it is offered already. What it bought closes.

        Its creators pay it, fee limit included, unless the operator does. Raises `Forbidden` (`operator_only`),
        `NotFound` (`payment_not_found`), `Conflict` (`not_settled`, `refund_uncovered`, `payout_above_cap`).
        """
        caller.must_operate()
        work = partial(self._offer, payment_hash=payment_hash, operator_pays=operator_pays, now=int(self._clock()))
        refund = await self._store.write(work)
        log.info("refund_offered", payment_hash=payment_hash[:8], amount_msat=refund.amount_msat)
        return refund

    async def by_secret(self, k1: str) -> Refund:
        """The refund of a `k1`. Raises `NotFound` (`refund_not_found`)."""
        refund = await self._store.read(lambda tx: tx.refunds.by_k1(k1_hash(k1)))
        if refund is None:
            raise refund_not_found()
        return refund

    async def claim(self, payment_hash: str, destination: str) -> Payout:
        """Pay a refund to an invoice, a Lightning Address or an LNURL of its payer, who has proved to be that.

        `destination` is as wallets copy it: with or without `lightning:`, and an invoice in either case.

        Raises as `PayoutRequests.ask` does, and `NotFound` (`refund_not_found`), `Conflict` (`refund_claimed`,
        `refund_claiming`, `refund_expired`).
        """
        refund = await self._store.read(lambda tx: tx.refunds.get(payment_hash))
        if refund is None:
            raise refund_not_found()
        # Before any node or host is asked; the transaction that reserves looks again.
        require_offered(refund, now=int(self._clock()))
        return await self._requests.ask(
            Wanted(
                source_account=refund_account(payment_hash),
                asked_by=Asker.PAYER,
                amount_msat=refund.amount_msat,
                destination=_as_written(destination),
                fee_limit_msat=refund.fee_limit_msat,
            )
        )

    async def return_expired(self) -> None:
        """Give the money of unclaimed refunds back. Raises `Unavailable` and `OutcomeUnknown` of the store."""
        now = int(self._clock())
        for refund in await self._store.read(lambda tx: tx.refunds.expired(now=now, limit=ROWS_AT_ONCE)):
            await self._store.write(partial(_return, payment_hash=refund.payment_hash, now=now))

    def _offer(self, tx: Tx, *, payment_hash: str, operator_pays: bool, now: int) -> Refund:
        credits_ = [t for t in tx.ledger.of_payment(payment_hash) if t.code in {SHARE_CODE, TIP_CODE}]
        payers = [OPERATOR_ACCOUNT] if operator_pays else [transfer.credit_account for transfer in credits_]
        lock_accounts(tx, *set(payers))
        earlier = tx.refunds.lock(payment_hash)
        if earlier is not None:
            return earlier
        invoice = _settled(tx, payment_hash)
        amount_msat = Msat((invoice.paid_msat or 0) // MSAT_PER_SAT * MSAT_PER_SAT)
        if not 0 < amount_msat <= self._requests.caps.most_msat:
            most = to_sat(self._requests.caps.most_msat)
            raise Conflict("payout_above_cap", f"A refund is of 1 to {most} sat (TUPPENCE_PAYOUT_MOST_SAT).")
        refund = Refund(
            payment_hash=payment_hash,
            state=RefundState.OFFERED,
            amount_msat=amount_msat,
            fee_limit_msat=self._requests.fees.of(amount_msat),
            covered_by_operator=operator_pays,
            k1_hash=k1_hash(withdraw_secret(self._keys, payment_hash)),
            created_at=now,
            expires_at=now + OFFERED_SECONDS,
        )
        weights = [1] if operator_pays else [transfer.amount_msat for transfer in credits_]
        transfers = _cover(refund, payers, weights, now=now)
        if not operator_pays:
            _require_cover(tx, transfers)
        tx.refunds.insert(refund)
        tx.ledger.post(transfers)
        return refund


def _as_written(copied: str) -> str:
    written = _SCHEME.sub("", copied.strip(), count=1)
    return written.lower() if is_invoice(written) else written


def _settled(tx: Tx, payment_hash: str) -> Invoice:
    invoice = next(iter(tx.invoices.lock([payment_hash])), None)
    if invoice is None:
        raise NotFound("payment_not_found", "There is no payment with this hash in the books.")
    if invoice.state is not InvoiceState.SETTLED or not invoice.shares:
        raise Conflict("not_settled", "Only a payment that settled and was credited to creators can be refunded.")
    return invoice


def _cover(refund: Refund, payers: Sequence[str], weights: Sequence[int], *, now: int) -> list[Transfer]:
    """Amount and fee limit, divided as the payment was."""
    parts = divide(refund.amount_msat + refund.fee_limit_msat, weights)
    return [
        Transfer(
            refund_of=refund.payment_hash,
            code=REFUND_CODE,
            n=n,
            debit_account=account,
            credit_account=refund_account(refund.payment_hash),
            amount_msat=part,
            created_at=now,
        )
        for n, (account, part) in enumerate(zip(payers, parts, strict=True))
        if part
    ]


def _require_cover(tx: Tx, transfers: Sequence[Transfer]) -> None:
    """Raise `Conflict` (`refund_uncovered`) unless each creator's balance, which is locked, covers their parts."""
    due: dict[str, int] = {}
    for transfer in transfers:
        due[transfer.debit_account] = due.get(transfer.debit_account, 0) + transfer.amount_msat
    for account, part_msat in due.items():
        balance_msat = tx.ledger.balance_msat(account)
        if balance_msat < part_msat:
            raise Conflict(
                "refund_uncovered",
                f"{account} holds {to_sat(balance_msat)} of the {to_sat(part_msat)} sat that it owes of this refund. "
                "The operator can take it on.",
            )


def _return(tx: Tx, *, payment_hash: str, now: int) -> None:
    refund = tx.refunds.lock(payment_hash)
    if refund is None or refund.state is not RefundState.OFFERED or now < refund.expires_at:
        return
    returned = replace(refund, state=RefundState.RETURNED, ended_at=now)
    if tx.refunds.change(returned, was=refund):
        return_rest(tx, payment_hash, now=now)
