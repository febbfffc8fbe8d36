"""Reserves the money of a try, within the caps, in the transaction that inserts it."""

from dataclasses import replace

from gateway.books.payout_transfers import reserve, reserved_msat
from gateway.errors import Conflict
from gateway.money import to_sat
from gateway.payouts.amounts import Caps
from gateway.ports.store import Tx
from gateway.rows.payouts import Payout, Try, TryState

ALL, PAUSED = "all", "payouts_paused"
DAY_SECONDS = 86_400


def reserve_try(tx: Tx, payout: Payout, *, n: int, caps: Caps, now: int, expires_at: int | None = None) -> Try:
    """Insert the n-th try of a payout and move its money. `lock_spending` came before, and the payout's row is there.

    Raises `Conflict` (`payout_above_cap`, `account_day_cap`, `day_cap`, `balance_too_low`); nothing is reserved then.
    """
    check_caps(tx, payout, caps, now=now)
    try_ = _try(payout, n=n, now=now, expires_at=expires_at)
    balance_msat = tx.ledger.balance_msat(payout.source_account)
    if balance_msat < reserved_msat(try_):
        raise Conflict(
            "balance_too_low",
            f"{to_sat(balance_msat)} sat are available, and {to_sat(payout.amount_msat)} sat with a fee limit of "
            f"{to_sat(payout.fee_limit_msat)} sat are asked for. Ask for less, or for all.",
        )
    tx.tries.insert(try_)
    tx.ledger.post(reserve(try_))
    return try_


def released_try(payout: Payout, *, n: int, reason: str, now: int, expires_at: int | None) -> Try:
    """A try for which nothing could be reserved."""
    try_ = _try(payout, n=n, now=now, expires_at=expires_at)
    return replace(try_, state=TryState.RELEASED, reason=reason, ended_at=now)


def _try(payout: Payout, *, n: int, now: int, expires_at: int | None) -> Try:
    return Try(
        payout_id=payout.payout_id,
        n=n,
        state=TryState.RESERVED,
        source_account=payout.source_account,
        amount_msat=payout.amount_msat,
        fee_limit_msat=payout.fee_limit_msat,
        reserved_at=now,
        expires_at=expires_at,
    )


def lock_spending(tx: Tx, *accounts: str) -> None:
    """Let no other transaction spend of these accounts, or pause, before this one ends: the first locks of all.

    Raises `Conflict` (`payouts_paused`).
    """
    # Whoever waits for the caps holds nothing of the pause: a pause waits for one reservation, not for all that queue.
    lock_accounts(tx, *accounts)
    require_unpaused(tx)


def require_unpaused(tx: Tx) -> None:
    """Let no pause begin before this transaction ends. Raises `Conflict` (`payouts_paused`)."""
    pause = tx.payout_pauses.lock()
    if pause is not None:
        detail = f"Payouts are paused ({pause[0]}). `tuppence payout resume` resumes them."
        raise Conflict("payouts_paused", detail)


def lock_accounts(tx: Tx, *accounts: str) -> None:
    """Let no other transaction spend of these accounts before this one ends; needed before a balance is read."""
    tx.payout_caps.lock([ALL, *accounts])


def check_caps(tx: Tx, payout: Payout, caps: Caps, *, now: int) -> None:
    """Raise `Conflict` if the payout exceeds a cap. The account is locked."""
    amount_msat, since = payout.amount_msat, now - DAY_SECONDS
    if amount_msat > caps.most_msat:
        raise Conflict(
            "payout_above_cap",
            f"A payout is of at most {to_sat(caps.most_msat)} sat (TUPPENCE_PAYOUT_MOST_SAT); ask for less.",
        )
    of_account = tx.tries.spent_msat(since=since, source_account=payout.source_account)
    if of_account + amount_msat > caps.account_day_msat:
        left = max(0, caps.account_day_msat - of_account)
        raise Conflict(
            "account_day_cap",
            f"{to_sat(left)} sat are left of what a creator may be paid in 24 hours (TUPPENCE_PAYOUT_CREATOR_DAY_SAT).",
        )
    of_all = tx.tries.spent_msat(since=since, source_account=None)
    if of_all + amount_msat > caps.day_msat:
        raise Conflict(
            "day_cap",
            f"{to_sat(max(0, caps.day_msat - of_all))} sat are left of what all may be paid in 24 hours "
            "(TUPPENCE_PAYOUT_DAY_SAT).",
        )
