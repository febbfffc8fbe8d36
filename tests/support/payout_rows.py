"""Money that leaves, as rows: earned, reserved, sent and ended, with the transfers that the books have of it."""

from dataclasses import replace
from typing import Any

from gateway.books import payout_transfers
from gateway.books.ledger import creator_account, refund_account, transfers_of
from gateway.money import Msat
from gateway.ports.store import Tx
from gateway.rows import Invoice, Settlement, Share, Transfer
from gateway.rows.payouts import (
    Asker,
    Destination,
    Interval,
    Payout,
    PayoutRule,
    PayoutState,
    Refund,
    RefundState,
    Try,
    TryState,
)
from tests.support.rows import EXPIRY_SECONDS, NODE_ID, START, an_invoice, hash_of

ALICE = creator_account("alice")
OUTGOING = 1_000
"""Invoices of others are numbered from here."""


def a_payout(number: int = 1, **fields: Any) -> Payout:
    """A payout of 50 sat by alice's rule, of which a try is open."""
    values: dict[str, Any] = {
        "source_account": ALICE,
        "amount_msat": Msat(50_000),
        "fee_limit_msat": Msat(1_000),
        "destination": "alice@pay.example",
        "asked_by": Asker.RULE,
        "idempotency_hash": None,
        "state": PayoutState.TRYING,
        "created_at": START,
    }
    return Payout(**{"payout_id": f"{number:032x}"} | values | fields)


def a_try(payout: Payout, n: int = 0, **fields: Any) -> Try:
    """The n-th try of a payout, reserved."""
    values: dict[str, Any] = {
        "payout_id": payout.payout_id,
        "source_account": payout.source_account,
        "amount_msat": payout.amount_msat,
        "fee_limit_msat": payout.fee_limit_msat,
        "state": TryState.RESERVED,
        "reserved_at": payout.created_at,
    }
    return Try(**{"n": n} | values | fields)


def a_refund(invoice: Invoice, **fields: Any) -> Refund:
    """The refund of an invoice, offered."""
    values: dict[str, Any] = {
        "payment_hash": invoice.payment_hash,
        "state": RefundState.OFFERED,
        "amount_msat": invoice.amount_msat,
        "fee_limit_msat": Msat(1_000),
        "covered_by_operator": False,
        "k1_hash": invoice.payment_hash[::-1],
        "created_at": START,
        "expires_at": START + 365 * 86_400,
    }
    return Refund(**values | fields)


def dispatched(try_: Try, number: int = 1, **fields: Any) -> Try:
    """The try as it is before its first call, with the numbered invoice of somebody else."""
    values: dict[str, Any] = {
        "state": TryState.DISPATCHED,
        "payment_request": f"lnbcrt500n1outgoing{number}",
        "payment_hash": hash_of(OUTGOING + number),
        "expires_at": START + EXPIRY_SECONDS,
        "node_id": NODE_ID,
        "sender": "a process",
        "sends": 1,
        "dispatched_at": START + 1,
        "check_at": START + 60,
    }
    return replace(try_, **values | fields)


def earn(tx: Tx, creator: str = "alice", *, amount_msat: int = 100_000, number: int = 900) -> Invoice:
    """Book a tip as if it had been paid; the creator exists."""
    share = (Share(creator=creator, weight=1),)
    tip = an_invoice(number, item_id=None, tip_to=creator, amount_msat=Msat(amount_msat), shares=share)
    assert tx.invoices.insert(tip)
    paid = Settlement(
        payment_hash=tip.payment_hash, paid_msat=tip.amount_msat, settled_at=START, settle_index=tip.add_index
    )
    tx.invoices.settle(tip.node_id, [paid])
    [settled] = tx.invoices.lock([tip.payment_hash])
    tx.ledger.post(transfers_of(settled, now=START))
    tx.events.append([tip.payment_hash], now=START)
    return settled


def reserve(tx: Tx, payout: Payout, n: int = 0, **fields: Any) -> Try:
    """Insert a payout, unless it is there, and a try of it, and set its money aside."""
    tx.payout_caps.lock(["all", payout.source_account])
    tx.payouts.insert(payout)
    try_ = a_try(payout, n, **fields)
    tx.tries.insert(try_)
    tx.ledger.post(payout_transfers.reserve(try_))
    return try_


def dispatch(tx: Tx, try_: Try, number: int = 1) -> Try:
    """Write that a try may be sent."""
    sent = dispatched(try_, number)
    assert tx.tries.change(sent, was=try_)
    return sent


def succeed(tx: Tx, try_: Try, *, fee_msat: int = 300) -> Try:
    """Book a try as paid, and end its payout."""
    ended = replace(try_, state=TryState.SUCCEEDED, fee_msat=Msat(fee_msat), ended_at=START + 2, check_at=None)
    assert tx.tries.change(ended, was=try_)
    tx.ledger.post(payout_transfers.pay(ended, fee_msat=fee_msat, now=START + 2))
    _end(tx, try_, PayoutState.SUCCEEDED, ended_at=START + 2)
    return ended


def give_back(
    tx: Tx, try_: Try, state: TryState = TryState.RELEASED, *, then: PayoutState = PayoutState.CANCELED
) -> Try:
    """End a try that did not pay; its payout is canceled, or waits."""
    ended = replace(try_, state=state, reason="no_route", ended_at=START + 2, check_at=None)
    assert tx.tries.change(ended, was=try_)
    tx.ledger.post(payout_transfers.give_back(ended, now=START + 2))
    is_ended = then is PayoutState.CANCELED
    _end(tx, try_, then, ended_at=START + 2 if is_ended else None, next_try_at=None if is_ended else START + 3_600)
    return ended


def offer(tx: Tx, invoice: Invoice, **fields: Any) -> Refund:
    """Offer a tip back, at its creator's cost."""
    refund = a_refund(invoice, **fields)
    assert tx.refunds.insert(refund)
    tx.ledger.post([_of_refund(refund, "refund", refund.amount_msat + refund.fee_limit_msat)])
    return refund


def claim(tx: Tx, refund: Refund, payout: Payout) -> Refund:
    """Let a payout, which is inserted, claim a refund."""
    claiming = replace(refund, state=RefundState.CLAIMING, payout_id=payout.payout_id)
    assert tx.refunds.change(claiming, was=refund)
    return claiming


def a_claim(refund: Refund, number: int, **fields: Any) -> Payout:
    """The payout by which the payer of a refund claims it."""
    values: dict[str, Any] = {
        "source_account": refund_account(refund.payment_hash),
        "amount_msat": refund.amount_msat,
        "fee_limit_msat": refund.fee_limit_msat,
        "destination": "payer@wallet.example",
        "asked_by": Asker.PAYER,
    }
    return a_payout(number, **values | fields)


def claim_paid(tx: Tx, refund: Refund, *, rest_msat: int) -> Refund:
    """End a refund whose claim was paid; what is left returns to the creator."""
    claimed = replace(refund, state=RefundState.CLAIMED, ended_at=START + 2)
    assert tx.refunds.change(claimed, was=refund)
    tx.ledger.post([_of_refund(refund, "return", rest_msat)])
    return claimed


def pay_out(tx: Tx) -> None:
    """A payout that was paid, one that waits, one that is under way; a refund that was claimed; alice's choices."""
    earn(tx, amount_msat=500_000)
    succeed(tx, dispatch(tx, reserve(tx, a_payout(1)), 1))
    give_back(tx, reserve(tx, a_payout(2)), then=PayoutState.WAITING)
    dispatch(tx, reserve(tx, a_payout(3)), 3)
    refund = offer(tx, earn(tx, number=901))
    claiming = a_claim(refund, 4)
    try_ = reserve(tx, claiming)
    refund = claim(tx, refund, claiming)
    succeed(tx, dispatch(tx, try_, 4))
    claim_paid(tx, refund, rest_msat=700)
    tx.destinations.put(
        Destination(creator="alice", address="", next_address="alice@pay.example", next_at=START, changed_at=START)
    )
    tx.payout_rules.put(
        PayoutRule(creator="alice", threshold_msat=Msat(1_000_000), interval=Interval.WEEKLY, next_at=START)
    )
    tx.payout_pauses.pause("holidays", now=START)
    tx.payout_pauses.resume()


def named(statement: str) -> str:
    """A statement in which `{paid}`, `{waiting}`, `{sent}` and `{refunded}` stand for ids of `pay_out`."""
    for name, number in (("{paid}", 1), ("{waiting}", 2), ("{sent}", 3)):
        statement = statement.replace(name, a_payout(number).payout_id)
    return statement.replace("{refunded}", hash_of(901))


def _end(tx: Tx, try_: Try, state: PayoutState, *, ended_at: int | None, next_try_at: int | None = None) -> None:
    payout = tx.payouts.lock(try_.payout_id)
    assert payout is not None
    ended = replace(payout, state=state, ended_at=ended_at, next_try_at=next_try_at)
    assert tx.payouts.change(ended, was=payout)


def _of_refund(refund: Refund, code: str, amount_msat: int) -> Transfer:
    accounts = [ALICE, refund_account(refund.payment_hash)]
    debit, credit = accounts if code == "refund" else reversed(accounts)
    return Transfer(
        refund_of=refund.payment_hash,
        code=code,
        n=0,
        debit_account=debit,
        credit_account=credit,
        amount_msat=Msat(amount_msat),
        created_at=START,
    )
