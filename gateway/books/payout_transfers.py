"""The ledger transfers of a payout: what a try reserves, and how it ends."""

from gateway.books.ledger import node_account, payout_account
from gateway.money import Msat
from gateway.rows import Transfer
from gateway.rows.payouts import Try

RESERVE_CODE, PAID_CODE, FEE_CODE, RETURN_CODE = "reserve", "paid", "fee", "return"


def reserve(try_: Try) -> list[Transfer]:
    """Move amount and fee limit to the payout's account."""
    account = payout_account(try_.payout_id)
    return [_transfer(try_, RESERVE_CODE, try_.source_account, account, reserved_msat(try_), try_.reserved_at)]


def give_back(try_: Try, *, now: int) -> list[Transfer]:
    """Move all that was reserved back."""
    account = payout_account(try_.payout_id)
    return [_transfer(try_, RETURN_CODE, account, try_.source_account, reserved_msat(try_), now)]


def pay(try_: Try, *, fee_msat: int, to_account: str | None = None, now: int) -> list[Transfer]:
    """Amount and fee leave to the node's account (or another), the rest returns."""
    assert 0 <= fee_msat <= try_.fee_limit_msat, "the fee was reserved"
    account = payout_account(try_.payout_id)
    left_to = to_account or node_account(try_.node_id or "")
    moves = (
        (PAID_CODE, left_to, int(try_.amount_msat)),
        (FEE_CODE, left_to, fee_msat),
        (RETURN_CODE, try_.source_account, try_.fee_limit_msat - fee_msat),
    )
    return [_transfer(try_, code, account, to, msat, now) for code, to, msat in moves if msat]


def reserved_msat(try_: Try) -> int:
    """Amount and fee limit."""
    return try_.amount_msat + try_.fee_limit_msat


def _transfer(try_: Try, code: str, debit: str, credit: str, amount_msat: int, now: int) -> Transfer:
    return Transfer(
        payout_id=try_.payout_id,
        code=code,
        n=try_.n,
        debit_account=debit,
        credit_account=credit,
        amount_msat=Msat(amount_msat),
        created_at=now,
    )
