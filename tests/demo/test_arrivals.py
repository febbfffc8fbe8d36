"""The times at which LND's reports of settlements arrived."""

from gateway.demo.arrivals import MOST_REMEMBERED, Arrivals
from tests.support.rows import an_invoice


def test_a_settlement_is_remembered_with_the_instant_of_its_arrival() -> None:
    arrivals, invoice = Arrivals(), an_invoice(1)
    assert arrivals.seen_at(invoice.payment_hash) is None
    arrivals.settled([invoice], arrived_at=1_000.25)
    assert arrivals.seen_at(invoice.payment_hash) == 1_000.25


def test_thousands_of_settlements_are_remembered_and_the_oldest_are_forgotten() -> None:
    arrivals = Arrivals()
    first, *others = (an_invoice(number) for number in range(MOST_REMEMBERED + 1))
    for invoice in (first, *others):
        arrivals.settled([invoice], arrived_at=1.0)
    assert arrivals.seen_at(first.payment_hash) is None
    assert all(arrivals.seen_at(invoice.payment_hash) for invoice in others)
