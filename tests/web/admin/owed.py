"""A site that owes its creators something, so that every request about payouts has what it asks for."""

from dataclasses import replace
from typing import Any

from gateway.money import Msat
from gateway.payouts.amounts import Caps
from gateway.payouts.reservations import reserve_try
from gateway.ports.store import Tx
from gateway.rows.payouts import Asker, Destination, Interval, Payout, PayoutRule, PayoutState, TryState
from tests.support.rows import START
from tests.support.site import Site

WAITING, UNHEARD = "a" * 32, "b" * 32
KNOWN: dict[str, str] = {}
"""The payment hashes of the newest site."""
CAPS = Caps(most_msat=Msat(10**9), account_day_msat=Msat(10**9), day_msat=Msat(10**9))


async def owe(site: Site) -> None:
    """Alice has 5,000 sat, a destination and a rule; one payout waits, another is unknown to its node."""
    _, tip = await site.call("POST", "/v1/creators/alice/tips", json={"amount_msat": 5_000_000})
    await site.settle(tip["payment_hash"])
    KNOWN["PAYMENT"] = tip["payment_hash"]
    _, refunded = await site.call("POST", "/v1/creators/alice/tips", json={"amount_msat": 1_000})
    await site.settle(refunded["payment_hash"])
    KNOWN["REFUNDED"] = refunded["payment_hash"]
    path = f"/v1/admin/payments/{refunded['payment_hash']}/refund"
    assert (await site.call("PUT", path, json={"operator_pays": True}, headers=site.operator))[0] == 200
    destination = Destination(
        creator="alice", address="alice@host.example", next_address=None, next_at=None, changed_at=START
    )
    rule = PayoutRule(creator="alice", threshold_msat=Msat(10**9), interval=Interval.DAILY, next_at=START + 10**8)
    waiting = a_payout(WAITING, state=PayoutState.WAITING, next_try_at=START + 10**8)
    unheard = a_payout(UNHEARD, state=PayoutState.TRYING)

    def write(tx: Tx) -> None:
        tx.destinations.put(destination)
        tx.payout_rules.put(rule)
        tx.payouts.insert(waiting)
        tx.payouts.insert(unheard)
        tx.payout_caps.lock(["all", "creator:alice"])
        reserved = reserve_try(tx, unheard, n=0, caps=CAPS, now=START - 9_000)
        dispatched = replace(
            reserved,
            state=TryState.DISPATCHED,
            payment_hash="e" * 64,
            payment_request="lnbcrt1",
            expires_at=START - 8_000,
            node_id="lnd",
            sender="c" * 32,
            sends=1,
            dispatched_at=START - 9_000,
            check_at=START + 10**8,
        )
        tx.tries.change(dispatched, was=reserved)

    await site.gateway.store.write(write)


def a_payout(payout_id: str, **fields: Any) -> Payout:
    """A payout of 500 sat to alice."""
    values: dict[str, Any] = {
        "source_account": "creator:alice",
        "amount_msat": Msat(500_000),
        "fee_limit_msat": Msat(5_000),
        "destination": "alice@host.example",
        "asked_by": Asker.OPERATOR,
        "idempotency_hash": None,
        "created_at": START,
    }
    return Payout(payout_id=payout_id, **values | fields)
