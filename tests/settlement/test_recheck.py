"""A recheck asks the invoice's own node, and books what it has settled."""

from gateway.ports.node import NodeState
from gateway.rows import InvoiceState
from gateway.settlement.recheck import RECHECK_EVERY_SECONDS
from tests.support.domain import Till
from tests.support.rows import an_invoice
from tests.support.settlements import BOTH_CREDITED, reports_of, sell_and_pay


async def test_a_recheck_books_what_the_node_settled(till: Till) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    rechecked = await till.rechecker.recheck(invoice)
    assert rechecked.state is InvoiceState.SETTLED
    assert rechecked == await till.row(invoice)
    assert await till.balances() == BOTH_CREDITED


async def test_a_recheck_asks_the_node_at_most_every_five_seconds(till: Till) -> None:
    invoice = await till.sell()
    assert await till.rechecker.recheck(invoice) == invoice
    till.pay(invoice)
    till.clock.advance(RECHECK_EVERY_SECONDS - 0.1)
    assert await till.rechecker.recheck(invoice) == invoice
    till.clock.advance(0.1)
    assert (await till.rechecker.recheck(invoice)).state is InvoiceState.SETTLED


async def test_a_recheck_returns_what_the_stream_has_booked_meanwhile(till: Till) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    await till.settler.settle(await reports_of(till, [invoice]))
    assert (await till.rechecker.recheck(invoice)).state is InvoiceState.SETTLED


async def test_a_recheck_of_a_settled_invoice_does_not_ask_the_node(till: Till) -> None:
    reports = await sell_and_pay(till, 1)
    [settled] = await till.settler.settle(reports)
    till.core.state = NodeState.ABSENT
    assert await till.rechecker.recheck(settled) == settled


async def test_a_recheck_of_an_invoice_that_the_node_does_not_know_changes_nothing(till: Till) -> None:
    stranger = an_invoice(77)
    await till.store.write(lambda tx: tx.invoices.insert(stranger))
    assert await till.rechecker.recheck(stranger) == stranger
