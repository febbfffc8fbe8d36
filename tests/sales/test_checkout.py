"""Checkout: the node first, our row second; one key, one invoice; the price is always the item's."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from secrets import token_bytes
from typing import Any, TypeVar

import pytest

from gateway.catalog.rules import MOST_MEMO_BYTES
from gateway.errors import Conflict, Invalid, NotFound, OutcomeUnknown, TooMany, Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeState
from gateway.ports.store import Tx
from gateway.rows import InvoiceState, ItemState, Origin, Share
from gateway.sales.checkout import Checkout
from gateway.sales.purchase import Buyer
from gateway.sales.terms import MOST_TIP_MSAT, is_reusable, item_terms
from gateway.simulator.core import Simulator
from gateway.wire.bolt11.reading import decode
from tests.support.domain import PUBLIC_HOST, Domain, exhausted
from tests.support.nodes.observed_node import ObservedNode
from tests.support.rows import EXPIRY_SECONDS, START, a_creator, an_item

T = TypeVar("T")
KEY = "k" * 22


class LosingStore:
    """A database that goes away between the node's answer and our row."""

    def __init__(self, domain: Domain) -> None:
        self._store = domain.store
        self.is_full = True

    async def write(self, work: Callable[[Tx], T]) -> T:
        if self.is_full:
            raise Unavailable("database_away", "The disk is full.")
        return await self._store.write(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._store.read(work)


def checkout_on(domain: Domain, store: LosingStore) -> Checkout:
    """A checkout at the same node, on another store."""
    return Checkout(
        domain.nodes,
        domain.rechecker,
        store,
        domain.keys,
        domain.clock,
        token_bytes,
        expiry_seconds=EXPIRY_SECONDS,
    )


async def test_an_invoice_pins_what_it_sells(domain: Domain) -> None:
    invoice = await domain.sell()
    assert await domain.row(invoice) == invoice
    assert (invoice.item_id, invoice.tip_to, invoice.amount_msat) == ("welcome", None, 100_000)
    assert (invoice.origin, invoice.state) == (Origin.CHECKOUT, InvoiceState.OPEN)
    assert (invoice.created_at, invoice.expires_at) == (START, START + EXPIRY_SECONDS)
    shares = (Share(creator="bob", weight=1),)
    await domain.catalog.change_item(
        "welcome", lambda item: replace(item, price_msat=Msat(5_000), shares=shares, access_seconds=60), now=START
    )
    assert await domain.row(invoice) == invoice
    again = await domain.sell()
    assert (again.amount_msat, again.shares, again.access_seconds) == (5_000, shares, 60)


async def test_the_preimage_is_random_and_lives_in_its_request_only(domain: Domain, node: ObservedNode) -> None:
    for _ in range(3):
        await domain.sell()
    assert len(set(node.preimages)) == 3
    assert {len(preimage) for preimage in node.preimages} == {32}
    assert not any(preimage.hex() in str(domain.dump()) for preimage in node.preimages)


async def test_a10_nothing_but_the_item_makes_the_price(domain: Domain) -> None:
    terms = replace(await domain.terms(), memo="a hundred sat")
    sold = await domain.create(terms)
    decoded = decode(sold.invoice.payment_request)
    assert (decoded.amount_msat, sold.invoice.amount_msat) == (100_000, 100_000)


def test_an_archived_or_empty_item_is_not_sold() -> None:
    creator = a_creator()
    for item, code in ((an_item(state=ItemState.ARCHIVED), "item_archived"), (an_item(byte_size=0), "item_empty")):
        with pytest.raises(NotFound) as refusal:
            item_terms(item, creator, public_host=PUBLIC_HOST)
        assert refusal.value.code == code


async def test_a_repeated_key_gives_the_same_invoice_and_asks_the_node_once(domain: Domain, node: ObservedNode) -> None:
    terms = await domain.terms()
    first, second = [await domain.create(terms, idempotency_key=KEY) for _ in range(2)]
    assert (first.fresh, second.fresh) == (True, False)
    assert first.invoice == second.invoice
    assert first.token != second.token
    assert node.asked("add_invoice") == 1
    assert KEY not in str(domain.dump())


async def test_a_repeated_key_gives_the_same_invoice_after_a_day_and_whatever_became_of_it(domain: Domain) -> None:
    first = await domain.sell(idempotency_key=KEY)
    domain.clock.advance(90_000)
    await domain.sweeper.sweep()
    again = await domain.sell(idempotency_key=KEY)
    assert (again.payment_hash, again.state) == (first.payment_hash, InvoiceState.CANCELED)


async def test_fifty_at_once_with_one_key_are_one_row_and_one_invoice_for_all(domain: Domain) -> None:
    terms = await domain.terms()
    sold = await asyncio.gather(*(domain.create(terms, idempotency_key=KEY) for _ in range(50)))
    assert len({sale.invoice.payment_hash for sale in sold}) == 1
    assert [sale.fresh for sale in sold].count(True) == 1
    assert len(domain.dump()["invoices"]) == 1


async def test_a_key_is_bound_to_its_item_and_to_a_tips_amount(domain: Domain) -> None:
    item = await domain.sell(idempotency_key=KEY)
    tip = domain.tip("bob", amount_msat=1_000)
    first = await domain.create(tip, idempotency_key=KEY)
    assert first.invoice.payment_hash != item.payment_hash
    other = domain.tip("bob", amount_msat=2_000)
    with pytest.raises(Conflict) as refusal:
        await domain.create(other, idempotency_key=KEY)
    assert refusal.value.code == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["", "k" * 21, "k" * 65, "k" * 21 + "/", "k" * 22 + "\n", "ё" * 22])
async def test_a_key_that_is_no_secret_is_refused_before_anything_happens(
    domain: Domain, node: ObservedNode, key: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await domain.create(await domain.terms(), idempotency_key=key)
    assert refusal.value.code == "idempotency_key_invalid"
    assert node.calls == []


async def test_a_crash_between_the_node_and_our_row_leaves_an_invoice_that_nobody_has_seen(
    domain: Domain, node: ObservedNode
) -> None:
    await domain.pinned.confirm()
    losing = domain.sales_with(checkout=checkout_on(domain, LosingStore(domain)))
    before = domain.dump()
    with pytest.raises(Unavailable):
        await losing.sell(await domain.terms(), Buyer(client_key="a network", idempotency_key=KEY))
    assert domain.dump() == before
    assert node.asked("add_invoice") == 1
    sold = await domain.create(await domain.terms(), idempotency_key=KEY)
    assert sold.fresh


async def test_while_the_database_writes_nothing_the_node_is_asked_for_nothing(
    domain: Domain, node: ObservedNode
) -> None:
    store = LosingStore(domain)
    losing = checkout_on(domain, store)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await losing.create(await domain.terms())
        with pytest.raises(Unavailable):
            await losing.challenge(await domain.terms())
    assert node.asked("add_invoice") == 1, "the first could not be foreseen"
    store.is_full = False
    for _ in range(2):
        await losing.create(await domain.terms())
    assert node.asked("add_invoice") == 3


async def test_a_lost_answer_leaves_no_row_and_the_same_key_sells_anew(domain: Domain) -> None:
    domain.core.quirks.lose_answers = 1
    with pytest.raises(OutcomeUnknown):
        await domain.sell(idempotency_key=KEY)
    assert domain.dump()["invoices"] == []
    assert (await domain.sell(idempotency_key=KEY)).state is InvoiceState.OPEN


async def test_a_refusal_before_issuing_leaves_no_trace(domain: Domain, node: ObservedNode) -> None:
    buyer, full = Buyer(client_key="a network", idempotency_key=KEY), domain.sales_with(limits=exhausted(domain))
    with pytest.raises(TooMany):
        await full.sell(await domain.terms(), buyer)
    assert node.calls == []
    await domain.sell(idempotency_key=KEY)
    again = await full.sell(await domain.terms(), buyer)
    assert not again.fresh, "what exists is given in spite of a limit"


async def test_a_challenge_is_an_invoice_of_another_origin(domain: Domain) -> None:
    invoice = await domain.checkout.challenge(await domain.terms())
    assert await domain.row(invoice) == invoice
    assert (invoice.origin, invoice.idempotency_hash) == (Origin.CHALLENGE, None)


async def test_a_node_with_another_identity_sells_nothing(domain: Domain, node: ObservedNode) -> None:
    await domain.sell()
    node._core = Simulator(clock=domain.clock, random_bytes=token_bytes)
    with pytest.raises(Unavailable) as refusal:
        await domain.pinned.confirm_again()
    assert refusal.value.code == "node_changed"
    with pytest.raises(Unavailable):
        await domain.sell()
    assert list(node._core.invoices) == []


@pytest.mark.parametrize("state", [NodeState.ABSENT, NodeState.LOCKED, NodeState.STARTING], ids=str)
async def test_a_node_that_is_not_there_sells_nothing(domain: Domain, state: NodeState) -> None:
    domain.core.state = state
    with pytest.raises(Unavailable) as refusal:
        await domain.sell()
    assert refusal.value.code == ("node_away" if state is NodeState.ABSENT else f"node_{state}")
    assert domain.dump()["invoices"] == []


@pytest.mark.parametrize("amount_msat", [-1_000, 0, 1, 999, 1_001, MOST_TIP_MSAT + 1_000, 2**63, 2**53 + 1])
async def test_a9_a_tip_is_whole_sat_within_reason(domain: Domain, amount_msat: int) -> None:
    with pytest.raises(Invalid) as refusal:
        domain.tip("alice", amount_msat=amount_msat)
    assert refusal.value.code == "tip_invalid"


@pytest.mark.parametrize(("message", "name"), [("m" * 501, ""), ("", "n" * 81), ("\0", ""), ("", "a\0b")])
async def test_a_tips_words_are_few(domain: Domain, message: str, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        domain.tip("alice", amount_msat=1_000, message=message, name=name)
    assert refusal.value.code == "tip_invalid"


@pytest.mark.parametrize(("message", "name", "kept"), [("", "", False), ("m", "", True), ("", "n", True)])
async def test_a_tips_words_are_kept_apart_from_its_invoice(
    domain: Domain, message: str, name: str, kept: bool
) -> None:
    terms = domain.tip("bob", amount_msat=MOST_TIP_MSAT, message=message, name=name)
    sold = await domain.create(terms)
    assert (sold.invoice.item_id, sold.invoice.tip_to) == (None, "bob")
    notes = domain.dump()["tip_notes"]
    assert notes == ([(sold.invoice.payment_hash, message, name)] if kept else [])


async def test_a_memo_of_any_creator_fits_into_an_invoice(domain: Domain) -> None:
    for title in ("Ж" * 200, "🪙" * 200, "a" * 200):
        terms = item_terms(an_item(), a_creator(title=title), public_host="h" * 253)
        assert len(terms.memo.encode()) <= MOST_MEMO_BYTES
        sold = await domain.create(terms)
        assert decode(sold.invoice.payment_request).description == terms.memo


def test_an_items_own_memo_is_used_as_it_is() -> None:
    assert item_terms(an_item(memo="a gift"), a_creator(), public_host=PUBLIC_HOST).memo == "a gift"


@pytest.mark.parametrize(
    ("fields", "seconds", "reused"),
    [
        ({}, 0, True),
        ({}, EXPIRY_SECONDS - 1, True),
        ({}, EXPIRY_SECONDS, False),
        ({"amount_msat": Msat(99_000)}, 0, False),
        ({"item_id": "other"}, 0, False),
        ({"item_id": None, "tip_to": "alice"}, 0, False),
        ({"origin": Origin.CHALLENGE}, 0, False),
        ({"state": InvoiceState.CANCELED}, 0, False),
        ({"state": InvoiceState.SETTLED, "settled_at": START, "amount_msat": Msat(1_000)}, 9_999_999, True),
        ({"state": InvoiceState.SETTLED, "settled_at": START, "access_seconds": 60}, 59, True),
        ({"state": InvoiceState.SETTLED, "settled_at": START, "access_seconds": 60}, 60, False),
    ],
)
async def test_an_invoice_is_offered_again_while_it_opens_or_can_be_paid_at_this_price(
    domain: Domain, fields: dict[str, Any], seconds: int, reused: bool
) -> None:
    invoice = replace(await domain.sell(), **fields)
    domain.clock.advance(seconds)
    assert is_reusable(await domain.terms(), invoice, now=domain.clock()) is reused


async def test_a_paid_tip_is_never_offered_again(domain: Domain) -> None:
    terms = domain.tip("bob", amount_msat=1_000)
    sold = await domain.create(terms)
    assert is_reusable(terms, sold.invoice, now=domain.clock())
    paid = replace(sold.invoice, state=InvoiceState.SETTLED, settled_at=START)
    assert not is_reusable(terms, paid, now=domain.clock())
