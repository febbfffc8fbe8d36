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
from tests.support.domain import Domain, exhausted
from tests.support.nodes.observed_node import ObservedNode
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
    domain: Domain, fields: dict[str, Any], seconds: int, expected: bool
) -> None:
    invoice = replace(await domain.sell(), **fields)
    domain.clock.advance(seconds)
    assert is_outdated(await domain.terms(), invoice, now=domain.clock()) is expected


async def at_a_new_price(domain: Domain, outdated: Invoice, sales: Sales | None = None) -> Sold:
    """The reader's next invoice, after a change of the price."""
    terms = replace(await domain.terms(), amount_msat=Msat(200_000))
    return await (sales or domain.sales).sell(terms, Buyer(client_key="a network", earlier=[outdated]))


async def test_a11_a_new_price_leaves_one_invoice_that_can_be_paid(domain: Domain) -> None:
    outdated = await domain.sell()
    sold = await at_a_new_price(domain, outdated)
    assert await domain.states([outdated, sold.invoice]) == ["canceled", "open"]
    with pytest.raises(PaymentRefused):
        domain.pay(outdated)
    domain.pay(sold.invoice)
    await domain.sweeper.sweep()
    assert await domain.states([outdated, sold.invoice]) == ["canceled", "settled"]


async def test_an_outdated_invoice_that_was_paid_meanwhile_is_returned_instead_of_a_new_one(domain: Domain) -> None:
    outdated = await domain.sell()
    domain.pay(outdated)
    sold = await at_a_new_price(domain, outdated)
    assert (sold.invoice.payment_hash, sold.invoice.state, sold.fresh) == (outdated.payment_hash, "settled", False)
    assert (await domain.balances())["creator:alice"] == 70_000
    assert len(list(domain.core.invoices)) == 1


async def test_nothing_is_issued_while_an_outdated_invoice_may_still_be_paid(
    domain: Domain, node: ObservedNode
) -> None:
    outdated = await domain.sell()
    node.failing = {"cancel": Unavailable("node_away", "gone")}
    before = domain.dump()
    with pytest.raises(Unavailable):
        await at_a_new_price(domain, outdated)
    assert (domain.dump(), len(list(domain.core.invoices))) == (before, 1)


async def test_an_outdated_invoice_stays_when_a_new_one_is_refused(domain: Domain) -> None:
    outdated = await domain.sell()
    with pytest.raises(TooMany):
        await at_a_new_price(domain, outdated, domain.sales_with(limits=exhausted(domain)))
    domain.pay(outdated)


async def test_an_outdated_invoice_of_a_removed_node_prevents_no_purchase(domain: Domain) -> None:
    outdated = replace(await domain.sell(), node_id="sold")
    assert (await at_a_new_price(domain, outdated)).fresh


@pytest.mark.parametrize("state", [NodeInvoiceState.OPEN, NodeInvoiceState.ACCEPTED], ids=str)
async def test_an_invoice_is_canceled_only_when_its_node_reports_it(
    domain: Domain, node: ObservedNode, monkeypatch: pytest.MonkeyPatch, state: NodeInvoiceState
) -> None:
    outdated = await domain.sell()
    monkeypatch.setattr(node, "cancel", _answered_and_not_done)
    if state is NodeInvoiceState.ACCEPTED:
        domain.core.start_payment(bytes.fromhex(outdated.payment_hash))
        monkeypatch.setattr(node, "lookup", _saying(a_report(outdated, state=state, paid_msat=Msat(0))))
    assert (await domain.rechecker.cancel(outdated)).state is InvoiceState.OPEN
    assert await domain.states([outdated]) == ["open"]
    with pytest.raises(Unavailable) as refusal:
        await at_a_new_price(domain, outdated)
    assert (refusal.value.code, len(list(domain.core.invoices))) == ("invoice_still_open", 1)


async def test_an_invoice_that_the_node_forgets_is_asked_about_until_it_expires_and_blocks_no_sale(
    domain: Domain,
) -> None:
    domain.core.quirks.forget_canceled = True
    outdated = await domain.sell()
    sold = await at_a_new_price(domain, outdated)
    assert await domain.states([outdated, sold.invoice]) == ["open", "open"]
    domain.clock.advance(EXPIRY_SECONDS + FIRST_CHECK_AFTER_EXPIRY_SECONDS)
    await domain.sweeper.sweep(due_only=True)
    assert await domain.states([outdated]) == ["canceled"]


async def _answered_and_not_done(_payment_hash: str) -> None: ...


def _saying(report: NodeInvoice) -> Callable[[str], Coroutine[Any, Any, NodeInvoice]]:
    async def lookup(_payment_hash: str) -> NodeInvoice:
        return report

    return lookup
