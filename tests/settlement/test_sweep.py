"""The sweep looks open invoices up; it alone must be enough to credit every payment."""

import asyncio
import gc
from collections.abc import Iterable
from dataclasses import replace
from secrets import token_bytes

import pytest
from structlog.testing import capture_logs

from gateway.books.ledger import NODE_ACCOUNT
from gateway.errors import Unavailable
from gateway.ports.node import NodeState
from gateway.rows import Invoice, InvoiceState
from gateway.settlement import sweep
from gateway.settlement.sweep import PAGE, SECOND_CHECK_AFTER_EXPIRY_SECONDS
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import SimulatedInvoice
from gateway.store.tables.invoices import FIRST_CHECK_AFTER_EXPIRY_SECONDS
from tests.support.clock import FakeClock, turns, unless_changed, until
from tests.support.domain import Till
from tests.support.observed_node import ObservedNode
from tests.support.rows import EXPIRY_SECONDS, an_invoice, preimage_of


async def add_many(till: Till, numbers: Iterable[int]) -> list[Invoice]:
    """Add many invoices to node and database, faster than by checkout."""
    rows = [
        till.core.add_invoice(preimage=preimage_of(number), amount_msat=100_000, memo="", expiry_seconds=EXPIRY_SECONDS)
        for number in numbers
    ]
    invoices = [_invoice_of(row) for row in rows]
    await till.store.write(lambda tx: [tx.invoices.insert(invoice) for invoice in invoices])
    return invoices


def _invoice_of(row: SimulatedInvoice) -> Invoice:
    return replace(an_invoice(row.add_index), payment_hash=row.payment_hash.hex())


async def test_what_was_paid_while_nobody_listened_is_credited(till: Till) -> None:
    invoices = await till.sell_many(3)
    till.pay(invoices[0])
    till.pay(invoices[2])
    await till.sweeper.sweep()
    assert await till.states(invoices) == ["settled", "open", "settled"]
    assert (await till.balances())[NODE_ACCOUNT] == -200_000
    assert till.sweeper.found == 2


async def test_a_few_are_looked_up_singly_and_many_by_pages(till: Till, node: ObservedNode) -> None:
    await add_many(till, range(sweep.SINGLY_UP_TO))
    await till.sweeper.sweep()
    assert (node.asked("lookup"), node.asked("list_invoices")) == (sweep.SINGLY_UP_TO, 0)
    await add_many(till, [99])
    await till.sweeper.sweep()
    assert (node.asked("lookup"), node.asked("list_invoices")) == (sweep.SINGLY_UP_TO, 1)


async def test_pages_cover_everything_between_holes_and_other_peoples_invoices(till: Till, node: ObservedNode) -> None:
    till.core.quirks.forget_canceled = True
    invoices: list[Invoice] = []
    for first in range(0, 60, 3):
        invoices += await add_many(till, range(first, first + 3))
        for _ in range(40):
            foreign = till.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60)
            till.core.cancel(foreign.payment_hash)
        for _ in range(20):
            till.core.keysend(1_000)
    for invoice in invoices[::2]:
        till.pay(invoice)
    await till.sweeper.sweep()
    assert await till.states(invoices) == ["settled", "open"] * 30
    assert len(node.pages) == 3, "1,260 add indexes are three pages"


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])
async def test_the_first_and_last_of_every_page_are_found(till: Till, node: ObservedNode, count: int) -> None:
    invoices = await add_many(till, range(count))
    edges = [invoices[n] for n in {0, PAGE - 2, PAGE - 1, PAGE, count - 1} if n < count]
    for invoice in edges:
        till.pay(invoice)
    await till.sweeper.sweep()
    assert await till.states(edges) == ["settled"] * len(edges)
    assert till.sweeper.found == len(edges)
    assert len(node.pages) == -(-count // PAGE)


async def test_more_rows_than_are_read_at_once_are_all_swept(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROWS_AT_ONCE", 4)
    invoices = await add_many(till, range(11))
    for invoice in invoices:
        till.pay(invoice)
    await till.sweeper.sweep()
    assert await till.states(invoices) == ["settled"] * 11


async def test_questions_are_few_at_a_time(till: Till, node: ObservedNode) -> None:
    await add_many(till, range(10))
    node.gate.clear()
    task = asyncio.create_task(till.sweeper.sweep())
    await until(lambda: node.asked("lookup") == sweep.AT_ONCE)
    await unless_changed(lambda: node.asked("lookup") == sweep.AT_ONCE)
    node.gate.set()
    await task
    assert node.asked("lookup") == 10


async def test_an_invoice_is_asked_about_after_expiry_then_ever_more_rarely(till: Till, node: ObservedNode) -> None:
    till.core.quirks.watch_expiry = False
    invoice = await till.sell()
    asked_after: list[int] = []
    for seconds in range(3_000):
        till.clock.now = invoice.expires_at - 10 + seconds
        before = node.asked("lookup")
        await till.sweeper.sweep(due_only=True)
        if node.asked("lookup") > before:
            asked_after.append(seconds - 10)
    assert asked_after == [FIRST_CHECK_AFTER_EXPIRY_SECONDS, SECOND_CHECK_AFTER_EXPIRY_SECONDS, 300, 600, 1_200, 2_400]
    assert (await till.row(invoice)).state is InvoiceState.OPEN


async def test_canceled_is_only_the_nodes_word(till: Till) -> None:
    invoice = await till.sell()
    till.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    assert (await till.row(invoice)).state is InvoiceState.OPEN
    await till.sweeper.sweep(due_only=True)
    assert (await till.row(invoice)).state is InvoiceState.CANCELED


async def test_a_cancellation_is_announced_and_a_payment_is_not(till: Till) -> None:
    canceled, paid = await till.sell_many(2)
    till.pay(paid)
    till.core.cancel(bytes.fromhex(canceled.payment_hash))
    await till.sweeper.sweep()
    assert till.canceled == [canceled.payment_hash]


async def test_an_invoice_that_the_node_deleted_is_canceled_after_its_expiry_and_never_before(till: Till) -> None:
    till.core.quirks.forget_canceled = True
    invoice = await till.sell()
    till.core.cancel(bytes.fromhex(invoice.payment_hash))
    with capture_logs() as logs:
        await till.sweeper.sweep()
    assert [log["event"] for log in logs] == ["invoice_unknown_to_node"]
    assert (await till.row(invoice)).state is InvoiceState.OPEN
    till.clock.now = invoice.expires_at
    await till.sweeper.sweep()
    assert (await till.row(invoice)).state is InvoiceState.CANCELED


@pytest.mark.parametrize("count", [1, 30])
async def test_an_invoice_that_another_node_does_not_have_is_not_canceled(
    till: Till, node: ObservedNode, core: Simulator, clock: FakeClock, count: int
) -> None:
    invoices = await add_many(till, range(count))
    await till.pinned.confirm()
    till.pay(invoices[0])
    clock.advance(EXPIRY_SECONDS + 10)
    node._core = Simulator(clock=clock, random_bytes=lambda size: b"\7" * size)
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            await till.sweeper.sweep()
        assert refusal.value.code == "node_changed"
    assert set(await till.states(invoices)) == {"open"}
    node._core = core
    await till.sweeper.sweep()
    assert (await till.states(invoices)) == ["settled"] + ["canceled"] * (count - 1)


async def test_a_node_restored_from_its_seed_counts_anew_and_sells_on(till: Till, node: ObservedNode) -> None:
    node._core = till.core = Simulator(clock=till.clock, random_bytes=token_bytes, key=b"\1" * 32)
    before = await till.sell_many(2)
    node._core = till.core = Simulator(clock=till.clock, random_bytes=token_bytes, key=b"\1" * 32)
    after = await till.sell_many(2)
    assert [invoice.add_index for invoice in before] == [invoice.add_index for invoice in after] == [1, 2]
    till.pay(after[0])
    till.clock.advance(EXPIRY_SECONDS + 10)
    await till.sweeper.sweep()
    assert await till.states([*before, *after]) == ["canceled", "canceled", "settled", "canceled"]


@pytest.mark.parametrize("count", [sweep.SINGLY_UP_TO, sweep.SINGLY_UP_TO + 1])
async def test_payments_at_a_node_whose_add_indexes_moved_are_credited(
    till: Till, node: ObservedNode, count: int
) -> None:
    node._core = till.core = Simulator(clock=till.clock, random_bytes=token_bytes, key=b"\1" * 32)
    for _ in range(30):
        till.core.add_invoice(preimage=token_bytes(32), amount_msat=1_000, memo="another's", expiry_seconds=60)
    invoices = await add_many(till, range(count))
    for invoice in invoices[:5]:
        till.pay(invoice)
    moved = [replace(row, add_index=row.add_index - 30) for row in list(till.core.invoices)[30:]]
    node._core = till.core = Simulator(clock=till.clock, random_bytes=token_bytes, key=b"\1" * 32)
    till.core.restore(moved)
    till.clock.advance(EXPIRY_SECONDS + 10)
    await till.sweeper.sweep()
    assert await till.states(invoices) == ["settled"] * 5 + ["canceled"] * (count - 5)


async def test_a_settlement_without_its_amount_is_asked_about_ever_more_rarely(till: Till, node: ObservedNode) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    till.core.quirks.hide_paid_amount = True
    till.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    await till.sweeper.sweep(due_only=True)
    asked = node.asked("lookup")
    await till.sweeper.sweep(due_only=True)
    assert node.asked("lookup") == asked
    till.core.quirks.hide_paid_amount = False
    till.clock.now = invoice.expires_at + SECOND_CHECK_AFTER_EXPIRY_SECONDS
    await till.sweeper.sweep(due_only=True)
    assert (await till.row(invoice)).state is InvoiceState.SETTLED


async def test_parts_that_were_held_beyond_expiry_are_credited_by_the_second_look(till: Till) -> None:
    invoice = await till.sell()
    till.core.start_payment(bytes.fromhex(invoice.payment_hash))
    till.clock.now = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    await till.sweeper.sweep(due_only=True)
    assert (await till.row(invoice)).state is InvoiceState.OPEN
    till.clock.now = invoice.expires_at + 120
    till.pay(invoice)
    till.clock.now = invoice.expires_at + SECOND_CHECK_AFTER_EXPIRY_SECONDS
    await till.sweeper.sweep(due_only=True)
    assert (await till.row(invoice)).state is InvoiceState.SETTLED


@pytest.mark.parametrize("jump_seconds", [-3_600, 3_600])
async def test_a_clock_that_jumps_an_hour_loses_nothing(
    till: Till, node: ObservedNode, clock: FakeClock, jump_seconds: int
) -> None:
    node_clock = FakeClock(clock())
    node._core = till.core = Simulator(clock=node_clock, random_bytes=lambda size: b"\3" * size)
    paid, unpaid = await till.sell_many(2)
    clock.advance(jump_seconds)
    await till.sweeper.sweep()
    assert await till.states([paid, unpaid]) == ["open", "open"], "the node says that both can still be paid"
    till.pay(paid)
    for _ in range(60):
        clock.advance(100)
        node_clock.advance(100)
        await till.sweeper.sweep(due_only=True)
    assert await till.states([paid, unpaid]) == ["settled", "canceled"]


async def test_a_node_that_is_away_changes_nothing_and_leaves_no_question_behind(
    till: Till, node: ObservedNode, caplog: pytest.LogCaptureFixture
) -> None:
    await add_many(till, range(8))
    await till.pinned.confirm()
    before = till.dump()
    till.core.state = NodeState.ABSENT
    with pytest.raises(Unavailable, match="failed to connect"):
        await till.sweeper.sweep()
    asked = node.asked("lookup")
    await turns()
    gc.collect()
    assert node.asked("lookup") == asked
    assert till.dump() == before
    assert caplog.records == []


async def test_a_sweep_that_is_given_up_leaves_no_question_behind(till: Till, node: ObservedNode) -> None:
    await add_many(till, range(8))
    node.gate.clear()
    task = asyncio.create_task(till.sweeper.sweep())
    await until(lambda: node.asked("lookup") == sweep.AT_ONCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_sweep_that_a_locked_node_refuses_is_made_up_for_by_the_next(till: Till) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    till.core.state = NodeState.LOCKED
    with pytest.raises(Unavailable):
        await till.sweeper.sweep()
    till.core.state = NodeState.READY
    await till.sweeper.sweep()
    assert (await till.row(invoice)).state is InvoiceState.SETTLED
