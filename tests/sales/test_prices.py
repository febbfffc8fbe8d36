"""A price that changed after the reader's invoice: only one of the old invoice and the new one can be paid."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import TooMany, Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeInvoice, NodeInvoiceState
from gateway.rows import Invoice, InvoiceState, Origin
from gateway.sales.checkout import Sold
from gateway.sales.purchase import Buyer, Sales
from gateway.sales.terms import is_outdated
from gateway.simulator.refusals import PaymentRefused
from gateway.store.tables.invoices import FIRST_CHECK_AFTER_EXPIRY_SECONDS
from tests.support.domain import Till, exhausted
from tests.support.observed_node import ObservedNode
from tests.support.rows import EXPIRY_SECONDS, START, a_report


@pytest.mark.parametrize(
    ("fields", "seconds", "expected"),
    [
        ({"amount_msat": Msat(99_000)}, 0, True),
        ({"amount_msat": Msat(101_000)}, EXPIRY_SECONDS - 1, True),
        ({"amount_msat": Msat(99_000)}, EXPIRY_SECONDS, False),
        ({}, 0, False),
        ({"amount_msat": Msat(99_000), "item_id": "other"}, 0, False),
        ({"amount_msat": Msat(99_000), "origin": Origin.CHALLENGE}, 0, False),
        ({"amount_msat": Msat(99_000), "state": InvoiceState.CANCELED}, 0, False),
        ({"amount_msat": Msat(99_000), "state": InvoiceState.SETTLED, "settled_at": START}, 0, False),
    ],
)
async def test_an_invoice_at_another_price_is_outdated_while_it_can_be_paid(
    till: Till, fields: dict[str, Any], seconds: int, expected: bool
) -> None:
    invoice = replace(await till.sell(), **fields)
    till.clock.advance(seconds)
    assert is_outdated(await till.terms(), invoice, now=till.clock()) is expected


async def at_a_new_price(till: Till, outdated: Invoice, sales: Sales | None = None) -> Sold:
    """The reader's next invoice, after a change of the price."""
    terms = replace(await till.terms(), amount_msat=Msat(200_000))
    return await (sales or till.sales).sell(terms, Buyer(client_key="a network", earlier=[outdated]))


async def test_a11_a_new_price_leaves_one_invoice_that_can_be_paid(till: Till) -> None:
    outdated = await till.sell()
    sold = await at_a_new_price(till, outdated)
    assert await till.states([outdated, sold.invoice]) == ["canceled", "open"]
    with pytest.raises(PaymentRefused):
        till.pay(outdated)
    till.pay(sold.invoice)
    await till.sweeper.sweep()
    assert await till.states([outdated, sold.invoice]) == ["canceled", "settled"]


async def test_an_outdated_invoice_that_was_paid_meanwhile_is_returned_instead_of_a_new_one(till: Till) -> None:
    outdated = await till.sell()
    till.pay(outdated)
    sold = await at_a_new_price(till, outdated)
    assert (sold.invoice.payment_hash, sold.invoice.state, sold.fresh) == (outdated.payment_hash, "settled", False)
    assert (await till.balances())["creator:alice"] == 70_000
    assert len(list(till.core.invoices)) == 1


async def test_nothing_is_issued_while_an_outdated_invoice_may_still_be_paid(till: Till, node: ObservedNode) -> None:
    outdated = await till.sell()
    node.failing = {"cancel": Unavailable("node_away", "gone")}
    before = till.dump()
    with pytest.raises(Unavailable):
        await at_a_new_price(till, outdated)
    assert (till.dump(), len(list(till.core.invoices))) == (before, 1)


async def test_an_outdated_invoice_stays_when_a_new_one_is_refused(till: Till) -> None:
    outdated = await till.sell()
    with pytest.raises(TooMany):
        await at_a_new_price(till, outdated, till.sales_with(limits=exhausted(till)))
    till.pay(outdated)


async def test_an_outdated_invoice_of_a_removed_node_prevents_no_purchase(till: Till) -> None:
    outdated = replace(await till.sell(), node_id="sold")
    assert (await at_a_new_price(till, outdated)).fresh


@pytest.mark.parametrize("state", [NodeInvoiceState.OPEN, NodeInvoiceState.ACCEPTED], ids=str)
async def test_an_invoice_is_canceled_only_when_its_node_reports_it(
    till: Till, node: ObservedNode, monkeypatch: pytest.MonkeyPatch, state: NodeInvoiceState
) -> None:
    outdated = await till.sell()
    monkeypatch.setattr(node, "cancel", _answered_and_not_done)
    if state is NodeInvoiceState.ACCEPTED:
        till.core.start_payment(bytes.fromhex(outdated.payment_hash))
        monkeypatch.setattr(node, "lookup", _saying(a_report(outdated, state=state, paid_msat=Msat(0))))
    assert (await till.rechecker.cancel(outdated)).state is InvoiceState.OPEN
    assert await till.states([outdated]) == ["open"]
    with pytest.raises(Unavailable) as refusal:
        await at_a_new_price(till, outdated)
    assert (refusal.value.code, len(list(till.core.invoices))) == ("invoice_still_open", 1)


async def test_an_invoice_that_the_node_forgets_is_asked_about_until_it_expires_and_blocks_no_sale(till: Till) -> None:
    till.core.quirks.forget_canceled = True
    outdated = await till.sell()
    sold = await at_a_new_price(till, outdated)
    assert await till.states([outdated, sold.invoice]) == ["open", "open"]
    till.clock.advance(EXPIRY_SECONDS + FIRST_CHECK_AFTER_EXPIRY_SECONDS)
    await till.sweeper.sweep(due_only=True)
    assert await till.states([outdated]) == ["canceled"]


async def _answered_and_not_done(_payment_hash: str) -> None: ...


def _saying(report: NodeInvoice) -> Callable[[str], Coroutine[Any, Any, NodeInvoice]]:
    async def lookup(_payment_hash: str) -> NodeInvoice:
        return report

    return lookup
