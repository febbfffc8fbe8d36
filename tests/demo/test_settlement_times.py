"""The times at which LND's reports of settlements arrived."""

from gateway.demo.settlement_times import MOST_REMEMBERED, SettlementTimes
from tests.support.rows import an_invoice


def test_a_settlement_is_remembered_with_the_instant_of_its_arrival() -> None:
    times, invoice = SettlementTimes(), an_invoice(1)
    assert times.reported_at(invoice.payment_hash) is None
    times.settled([invoice], arrived_at=1_000.25)
    assert times.reported_at(invoice.payment_hash) == 1_000.25


def test_thousands_of_settlements_are_remembered_and_the_oldest_are_forgotten() -> None:
    times = SettlementTimes()
    first, *others = (an_invoice(number) for number in range(MOST_REMEMBERED + 1))
    for invoice in (first, *others):
        times.settled([invoice], arrived_at=1.0)
    assert times.reported_at(first.payment_hash) is None
    assert all(times.reported_at(invoice.payment_hash) for invoice in others)
