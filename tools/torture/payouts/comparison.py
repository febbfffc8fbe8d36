"""The payouts of the books against what the paying node has sent: each paid once or given back, to the msat."""

from collections import Counter
from collections.abc import Collection, Sequence

from gateway.books.ledger import CREATOR_PREFIX, node_account, payout_account
from gateway.books.payout_transfers import reserved_msat
from gateway.ports.store import Tx
from gateway.rows.payouts import OPEN_TRIES, Payout, Try, TryState
from tools.torture.tally import Tally

GIVEN_BACK = (TryState.FAILED, TryState.RELEASED)
RESERVED = payout_account("")
MOST_PAYOUTS = 10_000


def read_payouts(tx: Tx) -> Sequence[tuple[Payout, Sequence[Try]]]:
    """Every payout and its tries."""
    payouts = tx.payouts.list(source_account=None, before=None, limit=MOST_PAYOUTS)
    return [(payout, tx.tries.of(payout.payout_id)) for payout in payouts]


def compare_payouts(
    tx: Tx,
    *,
    node_id: str,
    paid: Collection[str],
    received_msat: int,
    spent_msat: int,
    in_flight: Collection[str] = (),
) -> Tally:
    """Compare every try with the payment hashes that the node has `paid`, and balances with what came and went.

    What the node still calls `in_flight` has to be set aside.
    """
    payouts = read_payouts(tx)
    tries = [try_ for _, each in payouts for try_ in each]
    payments = Counter(try_.payout_id for try_ in tries if try_.payment_hash in paid)
    balances = {balance.account: balance.balance_msat for balance in tx.ledger.balances()}
    on_their_way = [try_ for try_ in tries if try_.state in OPEN_TRIES and try_.payment_hash in in_flight]
    set_aside = {payout_account(try_.payout_id): reserved_msat(try_) for try_ in on_their_way}
    owed_msat = sum(msat for account, msat in balances.items() if account.startswith(CREATOR_PREFIX))
    complaints = [
        *(f"{hash_[:8]} was paid, and no try has it" for hash_ in {*paid} - {try_.payment_hash for try_ in tries}),
        *(
            f"a try of {try_.payout_id[:8]} stayed {try_.state}"
            for try_ in tries
            if try_.state in OPEN_TRIES and try_ not in on_their_way
        ),
        *(
            f"{account} keeps {msat} msat"
            for account, msat in balances.items()
            if account.startswith(RESERVED) and msat != set_aside.get(account)
        ),
    ]
    return Tally(
        payouts=len(payouts),
        paid_twice=sum(count - 1 for count in payments.values()),
        released_wrongly=sum(try_.state in GIVEN_BACK and try_.payment_hash in paid for try_ in tries),
        drift_msat=max(
            abs(owed_msat + sum(set_aside.values()) - (received_msat - spent_msat)),
            abs(balances.get(node_account(node_id), 0) - (spent_msat - received_msat)),
        ),
        broken=("; ".join(complaints),) if complaints else (),
    )
