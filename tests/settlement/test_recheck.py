"""A recheck asks the invoice's own node, and books what it has settled."""

from gateway.ports.node import NodeState
from gateway.rows import InvoiceState
from gateway.settlement.recheck import RECHECK_EVERY_SECONDS
from tests.support.domain import Domain
from tests.support.rows import an_invoice
from tests.support.settlements import BOTH_CREDITED, reports_of, sell_and_pay


async def test_a_recheck_books_what_the_node_settled(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    rechecked = await domain.rechecker.recheck(invoice)
    assert rechecked.state is InvoiceState.SETTLED
    assert rechecked == await domain.row(invoice)
    assert await domain.balances() == BOTH_CREDITED


async def test_a_recheck_asks_the_node_at_most_every_five_seconds(domain: Domain) -> None:
    invoice = await domain.sell()
    assert await domain.rechecker.recheck(invoice) == invoice
    domain.pay(invoice)
    domain.clock.advance(RECHECK_EVERY_SECONDS - 0.1)
    assert await domain.rechecker.recheck(invoice) == invoice
    domain.clock.advance(0.1)
    assert (await domain.rechecker.recheck(invoice)).state is InvoiceState.SETTLED


async def test_a_recheck_returns_what_the_stream_has_booked_meanwhile(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    await domain.settler.settle(await reports_of(domain, [invoice]))
    assert (await domain.rechecker.recheck(invoice)).state is InvoiceState.SETTLED


async def test_a_recheck_of_a_settled_invoice_does_not_ask_the_node(domain: Domain) -> None:
    reports = await sell_and_pay(domain, 1)
    [settled] = await domain.settler.settle(reports)
    domain.core.state = NodeState.ABSENT
    assert await domain.rechecker.recheck(settled) == settled


async def test_a_recheck_of_an_invoice_that_the_node_does_not_know_changes_nothing(domain: Domain) -> None:
    unknown = an_invoice(77)
    await domain.store.write(lambda tx: tx.invoices.insert(unknown))
    assert await domain.rechecker.recheck(unknown) == unknown
