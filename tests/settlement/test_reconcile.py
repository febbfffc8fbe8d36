"""A reconciliation finds every way in which books and node can differ."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.ports.node import NodeInvoiceState
from gateway.rows import Invoice
from gateway.settlement.reconcile import Difference, Reconciliation, reconcile
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import SimulatedInvoice
from gateway.store.engines.database_url import sqlite_path
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.nodes.observed_node import ObservedNode
from tests.support.rows import NODE_ID
from tests.support.settlements import audited, differences, sold_and_paid

pytestmark = pytest.mark.both_databases


def forge(domain: Domain, statement: str, *values: Any) -> None:
    """Write to the database directly, as no code of the gateway does."""
    path = sqlite_path(domain.database_url)
    assert path is not None, "forged where it is easy"
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


def overstate(domain: Domain, invoice: Invoice) -> None:
    """Make the node report a millisatoshi more than was paid."""
    row = domain.core._registry.get(bytes.fromhex(invoice.payment_hash))
    assert isinstance(row, SimulatedInvoice)
    domain.core._registry.change(replace(row, paid_msat=100_001))


@pytest.mark.parametrize("count", [0, 3, 501])
async def test_books_in_order_agree_with_the_node_to_the_millisatoshi(domain: Domain, count: int) -> None:
    await sold_and_paid(domain, count)
    await domain.sell()
    domain.core.keysend(9_000)
    found = await audited(domain)
    assert found == Reconciliation(credited_msat=count * 100_000, received_msat=count * 100_000)


async def test_what_settled_within_the_last_minute_is_not_missed_yet(domain: Domain) -> None:
    domain.pay(await domain.sell())
    assert await reconcile(domain.node, domain.store, now=int(domain.clock.now)) == Reconciliation()


async def test_what_settled_within_the_last_minute_is_compared_and_what_is_not_booked_yet_is_said(
    domain: Domain,
) -> None:
    booked = await sold_and_paid(domain, 2)
    on_its_way = await domain.sell()
    domain.pay(on_its_way)
    lost = domain.core.add_invoice(preimage=b"", amount_msat=5_000, memo="Alice · pay.example", expiry_seconds=600)
    domain.core.pay(lost.payment_hash)
    found = await reconcile(domain.node, domain.store, now=int(domain.clock.now))
    assert (found.credited_msat, found.received_msat) == (200_000, 200_000)
    assert [each.payment_hash for each in found.pending] == [on_its_way.payment_hash]
    assert [each.payment_hash for each in found.lacking] == [lost.payment_hash.hex()]
    overstate(domain, booked[0])
    found = await reconcile(domain.node, domain.store, now=int(domain.clock.now))
    assert differences(found) == [(Difference.AMOUNT, booked[0].payment_hash)]
    assert (found.credited_msat, found.received_msat) == (200_000, 200_001)
    found = await audited(domain)
    assert (differences(found)[1:], found.pending) == ([(Difference.UNCREDITED, on_its_way.payment_hash)], [])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_credit_of_the_last_minute_that_the_node_has_not_settled_is_found(domain: Domain) -> None:
    [paid] = await sold_and_paid(domain, 1)
    forged = await domain.sell()
    domain.pay(forged)
    await domain.sweeper.sweep()
    row = domain.core._registry.get(bytes.fromhex(forged.payment_hash))
    assert isinstance(row, SimulatedInvoice)
    domain.core._registry.change(replace(row, state=NodeInvoiceState.OPEN))
    found = await reconcile(domain.node, domain.store, now=int(domain.clock.now))
    assert differences(found) == [(Difference.UNPAID, forged.payment_hash)]
    assert (found.credited_msat, found.received_msat) == (200_000, 100_000)
    assert paid.payment_hash not in {each.payment_hash for each in found.discrepancies}


async def test_i6_a_settlement_that_was_not_credited_is_found(domain: Domain) -> None:
    await sold_and_paid(domain, 2)
    missed = await domain.sell()
    domain.pay(missed)
    found = await audited(domain)
    assert differences(found) == [(Difference.UNCREDITED, missed.payment_hash)]
    assert (found.credited_msat, found.received_msat) == (200_000, 300_000)
    assert "pay.example" in found.discrepancies[0].memo


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_i6_a_credit_that_the_node_has_not_settled_is_found(domain: Domain) -> None:
    await sold_and_paid(domain, 2)
    forged = await domain.sell()
    paid = "UPDATE invoices SET state = 'settled', paid_msat = 100000, settled_at = ? WHERE payment_hash = ?"
    forge(domain, paid, domain.clock.now, forged.payment_hash)
    forge(domain, "INSERT INTO events VALUES (99, ?, 1)", forged.payment_hash)
    for n, (creator, msat) in enumerate((("alice", 70_000), ("bob", 30_000))):
        share = "INSERT INTO transfers VALUES (?, 'share', ?, 'node:lnd', ?, ?, 1, NULL, NULL)"
        forge(domain, share, forged.payment_hash, n, f"creator:{creator}", msat)
        forge(
            domain, "UPDATE accounts SET balance_msat = balance_msat + ? WHERE account = ?", msat, f"creator:{creator}"
        )
    forge(domain, "UPDATE accounts SET balance_msat = balance_msat - 100000 WHERE account = 'node:lnd'")
    found = await audited(domain)
    assert differences(found) == [(Difference.UNPAID, forged.payment_hash)]
    assert (found.credited_msat, found.received_msat) == (300_000, 200_000)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_i6_a_credit_with_a_date_of_the_future_is_found(domain: Domain) -> None:
    invoice, forged = (await sold_and_paid(domain, 1))[0], await domain.sell()
    paid = "UPDATE invoices SET state = 'settled', paid_msat = 100000, settled_at = ? WHERE payment_hash = ?"
    for settled_at in (9_999_999_999, 10**18):
        forge(domain, paid, settled_at, forged.payment_hash)
        forge(domain, "INSERT OR IGNORE INTO events VALUES (99, ?, 1)", forged.payment_hash)
        assert differences(await audited(domain)) == [(Difference.UNPAID, forged.payment_hash)]
    forge(domain, "DELETE FROM events WHERE position = 99")
    forge(
        domain, "UPDATE invoices SET state = 'open', paid_msat = NULL, settled_at = NULL WHERE settled_at = ?", 10**18
    )
    # A payment stays paid, whatever its date.
    forge(domain, "UPDATE invoices SET settled_at = ? WHERE payment_hash = ?", 9_999_999_999, invoice.payment_hash)
    assert await audited(domain) == Reconciliation(credited_msat=100_000, received_msat=100_000)


async def test_i7_an_amount_that_is_not_what_the_node_received_is_found(domain: Domain) -> None:
    invoice, _ = await sold_and_paid(domain, 2)
    overstate(domain, invoice)
    found = await audited(domain)
    assert differences(found) == [(Difference.AMOUNT, invoice.payment_hash)]
    assert (found.credited_msat, found.received_msat) == (200_000, 200_001)


async def test_an_audit_looks_up_only_what_may_be_an_error(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    node = ObservedNode(core, node_id=NODE_ID)
    async with open_domain(tmp_path, clock, core, node=node) as domain:
        invoice, *_ = await sold_and_paid(domain, 5)
        for _ in range(5):
            core.keysend(9_000)
            core.pay(core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=600).payment_hash)
        overstate(domain, invoice)
        node.calls.clear()
        found = await audited(domain)
        assert differences(found) == [(Difference.AMOUNT, invoice.payment_hash)]
        assert len(found.lacking) >= 5
        assert node.asked("lookup") == 1


async def test_an_audit_changes_nothing(domain: Domain) -> None:
    await sold_and_paid(domain, 3)
    domain.pay(await domain.sell())
    before = domain.dump()
    await audited(domain)
    assert domain.dump() == before
