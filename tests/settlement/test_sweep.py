"""The sweep looks open invoices up; it alone must be enough to credit every payment."""

import asyncio
import gc
from collections.abc import Iterable
from dataclasses import replace
from secrets import token_bytes

import pytest
from structlog.testing import capture_logs

from gateway.errors import Unavailable
from gateway.ports.node import NodeState
from gateway.rows import Invoice, InvoiceState
from gateway.settlement import sweep
from gateway.settlement.sweep import PAGE, SECOND_CHECK_AFTER_EXPIRY_SECONDS, Sweeper
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import SimulatedInvoice
from gateway.store.tables.invoices import FIRST_CHECK_AFTER_EXPIRY_SECONDS
from tests.support.clock import FakeClock, turns, unless_changed, until
from tests.support.domain import Domain
from tests.support.nodes.observed_node import ObservedNode
from tests.support.rows import EXPIRY_SECONDS, NODE_ACCOUNT, an_invoice, preimage_of


async def add_many(domain: Domain, numbers: Iterable[int]) -> list[Invoice]:
    """Add many invoices to node and database, faster than by checkout."""
    rows = [
        domain.core.add_invoice(
            preimage=preimage_of(number), amount_msat=100_000, memo="", expiry_seconds=EXPIRY_SECONDS
        )
        for number in numbers
    ]
    invoices = [_invoice_of(row) for row in rows]
    await domain.store.write(lambda tx: [tx.invoices.insert(invoice) for invoice in invoices])
    return invoices


def _invoice_of(row: SimulatedInvoice) -> Invoice:
    return replace(an_invoice(row.add_index), payment_hash=row.payment_hash.hex())


async def test_what_was_paid_while_nobody_listened_is_credited(domain: Domain) -> None:
    invoices = await domain.sell_many(3)
    domain.pay(invoices[0])
    domain.pay(invoices[2])
    await domain.sweeper.sweep()
    assert await domain.states(invoices) == ["settled", "open", "settled"]
    assert (await domain.balances())[NODE_ACCOUNT] == -200_000
    assert domain.sweeper.found == 2


async def test_a_few_are_looked_up_singly_and_many_by_pages(domain: Domain, node: ObservedNode) -> None:
    await add_many(domain, range(sweep.SINGLY_UP_TO))
    await domain.sweeper.sweep()
    assert (node.asked("lookup"), node.asked("list_invoices")) == (sweep.SINGLY_UP_TO, 0)
    await add_many(domain, [99])
    await domain.sweeper.sweep()
    assert (node.asked("lookup"), node.asked("list_invoices")) == (sweep.SINGLY_UP_TO, 1)


async def test_pages_cover_everything_between_holes_and_other_peoples_invoices(
    domain: Domain, node: ObservedNode
) -> None:
    domain.core.quirks.forget_canceled = True
    invoices: list[Invoice] = []
    for first in range(0, 60, 3):
        invoices += await add_many(domain, range(first, first + 3))
        for _ in range(40):
            foreign = domain.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60)
            domain.core.cancel(foreign.payment_hash)
        for _ in range(20):
            domain.core.keysend(1_000)
    for invoice in invoices[::2]:
        domain.pay(invoice)
    await domain.sweeper.sweep()
    assert await domain.states(invoices) == ["settled", "open"] * 30
    assert len(node.pages) == 3, "1,260 add indexes are three pages"


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])
async def test_the_first_and_last_of_every_page_are_found(domain: Domain, node: ObservedNode, count: int) -> None:
    invoices = await add_many(domain, range(count))
    edges = [invoices[n] for n in {0, PAGE - 2, PAGE - 1, PAGE, count - 1} if n < count]
    for invoice in edges:
        domain.pay(invoice)
    await domain.sweeper.sweep()
    assert await domain.states(edges) == ["settled"] * len(edges)
    assert domain.sweeper.found == len(edges)
    assert len(node.pages) == -(-count // PAGE)


async def test_more_rows_than_are_read_at_once_are_all_swept(domain: Domain) -> None:
    invoices = await add_many(domain, range(11))
    for invoice in invoices:
        domain.pay(invoice)
    await Sweeper(domain.pinned, domain.settler, domain.store, domain.clock, rows_at_once=4).sweep()
    assert await domain.states(invoices) == ["settled"] * 11


async def test_questions_are_few_at_a_time(domain: Domain, node: ObservedNode) -> None:
    await add_many(domain, range(10))
    node.gate.clear()
    task = asyncio.create_task(domain.sweeper.sweep())
    await until(lambda: node.asked("lookup") == sweep.AT_ONCE)
    await unless_changed(lambda: node.asked("lookup") == sweep.AT_ONCE)
    node.gate.set()
    await task
    assert node.asked("lookup") == 10


async def test_an_invoice_is_asked_about_after_expiry_then_ever_more_rarely(domain: Domain, node: ObservedNode) -> None:
    domain.core.quirks.watch_expiry = False
    invoice = await domain.sell()
    asked_after: list[int] = []
    for seconds in range(3_000):
        domain.clock.now = invoice.expires_at - 10 + seconds
        before = node.asked("lookup")
        await domain.sweeper.sweep(due_only=True)
        if node.asked("lookup") > before:
            asked_after.append(seconds - 10)
    assert asked_after == [FIRST_CHECK_AFTER_EXPIRY_SECONDS, SECOND_CHECK_AFTER_EXPIRY_SECONDS, 300, 600, 1_200, 2_400]
    assert (await domain.row(invoice)).state is InvoiceState.OPEN


async def test_canceled_is_only_the_nodes_word(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    assert (await domain.row(invoice)).state is InvoiceState.OPEN
    await domain.sweeper.sweep(due_only=True)
    assert (await domain.row(invoice)).state is InvoiceState.CANCELED


async def test_a_cancellation_is_announced_and_a_payment_is_not(domain: Domain) -> None:
    canceled, paid = await domain.sell_many(2)
    domain.pay(paid)
    domain.core.cancel(bytes.fromhex(canceled.payment_hash))
    await domain.sweeper.sweep()
    assert domain.canceled == [canceled.payment_hash]


async def test_an_invoice_that_the_node_deleted_is_canceled_after_its_expiry_and_never_before(domain: Domain) -> None:
    domain.core.quirks.forget_canceled = True
    invoice = await domain.sell()
    domain.core.cancel(bytes.fromhex(invoice.payment_hash))
    with capture_logs() as logs:
        await domain.sweeper.sweep()
    assert [log["event"] for log in logs] == ["invoice_unknown_to_node"]
    assert (await domain.row(invoice)).state is InvoiceState.OPEN
    domain.clock.now = invoice.expires_at
    await domain.sweeper.sweep()
    assert (await domain.row(invoice)).state is InvoiceState.CANCELED


@pytest.mark.parametrize("count", [1, 30])
async def test_an_invoice_that_another_node_does_not_have_is_not_canceled(
    domain: Domain, node: ObservedNode, core: Simulator, clock: FakeClock, count: int
) -> None:
    invoices = await add_many(domain, range(count))
    await domain.pinned.confirm()
    domain.pay(invoices[0])
    clock.advance(EXPIRY_SECONDS + 10)
    node._core = Simulator(clock=clock, random_bytes=lambda size: b"\7" * size)
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            await domain.sweeper.sweep()
        assert refusal.value.code == "node_changed"
    assert set(await domain.states(invoices)) == {"open"}
    node._core = core
    await domain.sweeper.sweep()
    assert (await domain.states(invoices)) == ["settled"] + ["canceled"] * (count - 1)


async def test_a_node_restored_from_its_seed_counts_anew_and_sells_on(domain: Domain, node: ObservedNode) -> None:
    node._core = domain.core = Simulator(clock=domain.clock, random_bytes=token_bytes, key=b"\1" * 32)
    before = await domain.sell_many(2)
    node._core = domain.core = Simulator(clock=domain.clock, random_bytes=token_bytes, key=b"\1" * 32)
    after = await domain.sell_many(2)
    assert [invoice.add_index for invoice in before] == [invoice.add_index for invoice in after] == [1, 2]
    domain.pay(after[0])
    domain.clock.advance(EXPIRY_SECONDS + 10)
    await domain.sweeper.sweep()
    assert await domain.states([*before, *after]) == ["canceled", "canceled", "settled", "canceled"]


@pytest.mark.parametrize("count", [sweep.SINGLY_UP_TO, sweep.SINGLY_UP_TO + 1])
async def test_payments_at_a_node_whose_add_indexes_moved_are_credited(
    domain: Domain, node: ObservedNode, count: int
) -> None:
    node._core = domain.core = Simulator(clock=domain.clock, random_bytes=token_bytes, key=b"\1" * 32)
    for _ in range(30):
        domain.core.add_invoice(preimage=token_bytes(32), amount_msat=1_000, memo="another's", expiry_seconds=60)
    invoices = await add_many(domain, range(count))
    for invoice in invoices[:5]:
        domain.pay(invoice)
    moved = [replace(row, add_index=row.add_index - 30) for row in list(domain.core.invoices)[30:]]
    node._core = domain.core = Simulator(clock=domain.clock, random_bytes=token_bytes, key=b"\1" * 32)
    domain.core.restore(moved)
    domain.clock.advance(EXPIRY_SECONDS + 10)
    await domain.sweeper.sweep()
    assert await domain.states(invoices) == ["settled"] * 5 + ["canceled"] * (count - 5)


async def test_a_settlement_without_its_amount_is_asked_about_ever_more_rarely(
    domain: Domain, node: ObservedNode
) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    domain.core.quirks.hide_paid_amount = True
    domain.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    await domain.sweeper.sweep(due_only=True)
    asked = node.asked("lookup")
    await domain.sweeper.sweep(due_only=True)
    assert node.asked("lookup") == asked
    domain.core.quirks.hide_paid_amount = False
    domain.clock.now = invoice.expires_at + SECOND_CHECK_AFTER_EXPIRY_SECONDS
    await domain.sweeper.sweep(due_only=True)
    assert (await domain.row(invoice)).state is InvoiceState.SETTLED


async def test_parts_that_were_held_beyond_expiry_are_credited_by_the_second_look(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.core.start_payment(bytes.fromhex(invoice.payment_hash))
    domain.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    await domain.sweeper.sweep(due_only=True)
    assert (await domain.row(invoice)).state is InvoiceState.OPEN
    domain.clock.now = invoice.expires_at + 120
    domain.pay(invoice)
    domain.clock.now = invoice.expires_at + SECOND_CHECK_AFTER_EXPIRY_SECONDS
    await domain.sweeper.sweep(due_only=True)
    assert (await domain.row(invoice)).state is InvoiceState.SETTLED


@pytest.mark.parametrize("jump_seconds", [-3_600, 3_600])
async def test_a_clock_that_jumps_an_hour_loses_nothing(
    domain: Domain, node: ObservedNode, clock: FakeClock, jump_seconds: int
) -> None:
    node_clock = FakeClock(clock())
    node._core = domain.core = Simulator(clock=node_clock, random_bytes=lambda size: b"\3" * size)
    paid, unpaid = await domain.sell_many(2)
    clock.advance(jump_seconds)
    await domain.sweeper.sweep()
    assert await domain.states([paid, unpaid]) == ["open", "open"], "the node says that both can still be paid"
    domain.pay(paid)
    for _ in range(60):
        clock.advance(100)
        node_clock.advance(100)
        await domain.sweeper.sweep(due_only=True)
    assert await domain.states([paid, unpaid]) == ["settled", "canceled"]


async def test_a_node_that_is_away_changes_nothing_and_leaves_no_question_behind(
    domain: Domain, node: ObservedNode, caplog: pytest.LogCaptureFixture
) -> None:
    await add_many(domain, range(8))
    await domain.pinned.confirm()
    before = domain.dump()
    domain.core.state = NodeState.ABSENT
    with pytest.raises(Unavailable, match="failed to connect"):
        await domain.sweeper.sweep()
    asked = node.asked("lookup")
    await turns()
    gc.collect()
    assert node.asked("lookup") == asked
    assert domain.dump() == before
    assert caplog.records == []


async def test_a_sweep_that_is_given_up_leaves_no_question_behind(domain: Domain, node: ObservedNode) -> None:
    await add_many(domain, range(8))
    node.gate.clear()
    task = asyncio.create_task(domain.sweeper.sweep())
    await until(lambda: node.asked("lookup") == sweep.AT_ONCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_sweep_that_a_locked_node_refuses_is_made_up_for_by_the_next(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    domain.core.state = NodeState.LOCKED
    with pytest.raises(Unavailable):
        await domain.sweeper.sweep()
    domain.core.state = NodeState.READY
    await domain.sweeper.sweep()
    assert (await domain.row(invoice)).state is InvoiceState.SETTLED
