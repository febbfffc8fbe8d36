"""The use case of every door, called without one: which invoice a buyer gets, and what is counted and announced."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from gateway.access.tokens import Credential
from gateway.errors import NotFound, TooMany, Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeState
from gateway.rows import Item, ItemState, Origin
from gateway.sales.checkout import Sold
from gateway.sales.purchase import Buyer, Sales
from tests.support.announced import Announced
from tests.support.domain import Domain, limits
from tests.support.rows import START, a_creator

MOST = 3
ALICE = Buyer(client_key="alice's network")


@dataclass(slots=True)
class Door:
    """Everything that a door needs."""

    domain: Domain
    sales: Sales
    announced: Announced

    @property
    def item(self) -> Item:
        return self.domain.catalog.item("welcome")

    async def buy(self, buyer: Buyer = ALICE) -> Sold:
        return await self.sales.buy(self.item, self.domain.catalog.creator("alice"), buyer)

    async def challenge(self, buyer: Buyer = ALICE) -> Sold:
        return await self.sales.challenge(self.item, self.domain.catalog.creator("alice"), buyer)

    async def change(self, **fields: object) -> None:
        await self.domain.catalog.change_item("welcome", lambda item: replace(item, **fields), now=START)  # type: ignore[arg-type]  # its own type each


@pytest.fixture
def door(domain: Domain) -> Door:
    # The domain's settler announces what is canceled, as in a gateway.
    announced = Announced(canceled_hashes=domain.canceled)
    sales = domain.sales_with(limits=limits(domain.clock, open_invoices_per_client=MOST), announcer=announced)
    return Door(domain, sales, announced)


def with_token(sold: Sold) -> Buyer:
    return replace(ALICE, credentials=[("a line", Credential(sold.token, None))])


async def test_a_new_invoice_is_announced_and_counts_for_its_client(door: Door) -> None:
    sold = await door.buy()
    assert (sold.fresh, door.announced.issued_hashes) == (True, [sold.invoice.payment_hash])
    for _ in range(MOST - 1):
        await door.buy()
    with pytest.raises(TooMany):
        await door.buy()
    assert (await door.buy(Buyer(client_key="another network"))).fresh


async def test_an_invoice_that_the_buyer_has_is_returned_in_spite_of_the_limits(door: Door) -> None:
    sold, *_ = [await door.buy() for _ in range(MOST)]
    again = await door.buy(with_token(sold))
    assert (again.invoice, again.token, again.fresh) == (sold.invoice, sold.token, False)
    assert len(door.announced.issued_hashes) == MOST


async def test_an_outdated_invoice_is_withdrawn_and_announced_as_canceled(door: Door) -> None:
    first = await door.buy()
    await door.change(price_msat=Msat(200_000))
    second = await door.buy(with_token(first))
    await door.change(price_msat=Msat(300_000))
    third = await door.buy(replace(ALICE, earlier=[second.invoice]))
    invoices = [sold.invoice for sold in (first, second, third)]
    assert await door.domain.states(invoices) == ["canceled", "canceled", "open"]
    assert door.announced.canceled_hashes == [invoice.payment_hash for invoice in invoices[:2]]


async def test_an_outdated_invoice_that_was_paid_is_returned_and_not_announced_as_canceled(door: Door) -> None:
    first = await door.buy()
    door.domain.pay(first.invoice)
    await door.change(price_msat=Msat(200_000))
    paid = await door.buy(replace(ALICE, earlier=[first.invoice]))
    assert (paid.fresh, await door.domain.states([first.invoice])) == (False, ["settled"])
    assert door.announced.canceled_hashes == []


async def test_a_failed_purchase_counts_nothing_and_announces_nothing(door: Door) -> None:
    door.domain.core.state = NodeState.ABSENT
    for _ in range(5):
        with pytest.raises(Unavailable):
            await door.buy()
        with pytest.raises(Unavailable):
            await door.challenge()
    door.domain.core.state = NodeState.READY
    assert door.announced.issued_hashes == []
    assert (await door.buy()).fresh


async def test_an_archived_item_is_neither_sold_nor_challenged(door: Door) -> None:
    await door.change(state=ItemState.ARCHIVED)
    for ask in (door.buy, door.challenge):
        with pytest.raises(NotFound) as refusal:
            await ask()
        assert refusal.value.code == "item_archived"


async def test_challenges_asked_for_at_once_share_one_invoice_with_a_token_for_each(door: Door) -> None:
    challenges = await asyncio.gather(*(door.challenge() for _ in range(10)))
    assert len({each.invoice.payment_hash for each in challenges}) == 1
    assert len({each.token for each in challenges}) == 10
    assert [each.fresh for each in challenges].count(True) == 1
    assert challenges[0].invoice.origin is Origin.CHALLENGE
    assert len(door.announced.issued_hashes) == 1


async def test_a_tip_is_limited_like_an_item(door: Door) -> None:
    for _ in range(MOST):
        sold = await door.sales.tip(a_creator("bob"), ALICE, amount_msat=1_000, message="", name="")
        assert (sold.invoice.tip_to, sold.fresh) == ("bob", True)
    with pytest.raises(TooMany):
        await door.sales.tip(a_creator("bob"), ALICE, amount_msat=1_000, message="", name="")
