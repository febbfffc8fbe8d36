"""The parts of payouts and refunds, assembled, and their background work."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.config import Config
from gateway.money import from_sat
from gateway.payouts.amounts import Caps, FeeLimits
from gateway.payouts.decisions.endings import PayoutDecisions
from gateway.payouts.decisions.pauses import PayoutPause
from gateway.payouts.decisions.records import PayoutRecords
from gateway.payouts.destination_invoice import DestinationInvoices
from gateway.payouts.dispatch import Dispatcher
from gateway.payouts.follow_up import FollowUp
from gateway.payouts.payers import PayingNodes
from gateway.payouts.refunds import Refunds
from gateway.payouts.request import PayoutRequests
from gateway.payouts.rules import PayoutRulebook
from gateway.payouts.worker import PayoutWorker
from gateway.ports.addresses import AddressHosts
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.keys import KeyRing
from gateway.ports.payer import Payer
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store

_PPM_PER_PERCENT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Payouts:
    """Everything about money that leaves."""

    nodes: PayingNodes
    hosts: AddressHosts
    requests: PayoutRequests
    rules: PayoutRulebook
    decisions: PayoutDecisions
    records: PayoutRecords
    pause: PayoutPause
    refunds: Refunds
    worker: PayoutWorker


def assemble_payouts(
    config: Config,
    store: Store,
    keys: KeyRing,
    clock: Clock,
    random_bytes: RandomBytes,
    payers: Sequence[Payer],
    hosts: AddressHosts,
    announcer: Announcer,
) -> Payouts:
    """The payouts of a gateway; without `payers` nothing leaves."""
    nodes = PayingNodes(payers, store)
    caps = payout_caps(config)
    requests = PayoutRequests(nodes, hosts, store, clock, random_bytes, fees=fee_limits(config), caps=caps)
    rules, refunds = PayoutRulebook(requests, store, clock), Refunds(requests, store, keys, clock)
    dispatcher = Dispatcher(nodes, DestinationInvoices(hosts, clock), store, clock, random_bytes, announcer)
    return Payouts(
        nodes=nodes,
        hosts=hosts,
        requests=requests,
        rules=rules,
        decisions=PayoutDecisions(nodes, store, clock),
        records=PayoutRecords(nodes, store, clock, random_bytes),
        pause=PayoutPause(nodes, store, clock),
        refunds=refunds,
        worker=PayoutWorker(
            dispatcher,
            FollowUp(nodes, store, clock, random_bytes, announcer),
            store,
            clock,
            caps=caps,
            also=(rules.ask_due, refunds.return_expired),
        ),
    )


def fee_limits(config: Config) -> FeeLimits:
    """The fee limits of the configuration."""
    return FeeLimits(
        share_ppm=round(config.payout_fee_percent * _PPM_PER_PERCENT), most_msat=from_sat(config.payout_fee_sat)
    )


def payout_caps(config: Config) -> Caps:
    """The caps of the configuration."""
    return Caps(
        most_msat=from_sat(config.payout_most_sat),
        account_day_msat=from_sat(config.payout_creator_day_sat),
        day_msat=from_sat(config.payout_day_sat),
    )
