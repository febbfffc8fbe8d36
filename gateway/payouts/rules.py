"""Creators' rules: pay out all, daily or weekly, once the balance reaches a threshold."""

from functools import partial
from hashlib import sha256

import structlog

from gateway.books.ledger import creator_account
from gateway.catalog.api_keys import Caller
from gateway.errors import Invalid, Refused
from gateway.money import MSAT_PER_SAT, Msat
from gateway.payouts.request import PayoutRequests, Wanted
from gateway.payouts.reservations import PAUSED
from gateway.ports.clock import Clock
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Asker, Interval, PayoutRule
from gateway.supervise import survive

SECONDS = {Interval.DAILY: 86_400, Interval.WEEKLY: 7 * 86_400}
ROWS_AT_ONCE = 100

log = structlog.get_logger()


class PayoutRulebook:
    """Keeps the rules and asks for the payouts that they want."""

    def __init__(self, requests: PayoutRequests, store: Store, clock: Clock) -> None:
        self._requests, self._store, self._clock = requests, store, clock

    async def put(self, creator: str, *, threshold_msat: int, interval: Interval, caller: Caller) -> PayoutRule:
        """Set a creator's rule, due for the first time now.

        Raises `Forbidden` (`operator_only`) and `Invalid` (`threshold_invalid`).
        """
        caller.must_operate()
        if threshold_msat < MSAT_PER_SAT or threshold_msat % MSAT_PER_SAT:
            raise Invalid("threshold_invalid", "A threshold is of whole sat, at least 1.")
        rule = PayoutRule(
            creator=creator, threshold_msat=Msat(threshold_msat), interval=interval, next_at=int(self._clock())
        )
        await self._store.write(lambda tx: tx.payout_rules.put(rule))
        return rule

    async def delete(self, creator: str, *, caller: Caller) -> bool:
        """End a creator's rule; False if there was none. Raises `Forbidden` (`operator_only`)."""
        caller.must_operate()
        return await self._store.write(lambda tx: tx.payout_rules.delete(creator))

    async def ask_due(self) -> None:
        """Ask for the payouts of the rules that are due. Raises `Unavailable` and `OutcomeUnknown` of the store."""
        now = int(self._clock())
        for rule in await self._store.read(lambda tx: tx.payout_rules.due(now=now, limit=ROWS_AT_ONCE)):
            await survive(self._ask(rule, now=now), f"rule {rule.creator}")

    async def _ask(self, rule: PayoutRule, *, now: int) -> None:
        if await self._store.read(partial(self._is_ripe, rule=rule)):
            try:
                await self._requests.ask(_wanted(rule))
            except Refused as refusal:
                log.info("payout_rule_refused", creator=rule.creator, code=refusal.code)
                if refusal.code == PAUSED:
                    # The rule is due until the pause ends.
                    return
        await self._store.write(partial(_advance, rule=rule, now=now))

    def _is_ripe(self, tx: Tx, *, rule: PayoutRule) -> bool:
        """Whether the threshold is reached, and no payout of the creator is under way."""
        account = creator_account(rule.creator)
        payable_msat = self._requests.fees.most_payable(tx.ledger.balance_msat(account))
        return payable_msat >= rule.threshold_msat and not tx.payouts.open_of(account)


def _wanted(rule: PayoutRule) -> Wanted:
    """All of the creator's balance; asked for once per due instant, however often this is repeated."""
    name = f"rule:{rule.creator}:{rule.next_at}"
    return Wanted(
        source_account=creator_account(rule.creator),
        asked_by=Asker.RULE,
        minimum_msat=rule.threshold_msat,
        idempotency_hash=sha256(name.encode()).hexdigest(),
    )


def _advance(tx: Tx, *, rule: PayoutRule, now: int) -> None:
    seconds = SECONDS[rule.interval]
    next_at = rule.next_at + seconds * (1 + max(0, now - rule.next_at) // seconds)
    tx.payout_rules.advance(rule.creator, was_next_at=rule.next_at, next_at=next_at)
