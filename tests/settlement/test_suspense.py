"""Settlements that a restored backup does not have are found, booked once, and open for their payers."""

import shutil
from pathlib import Path

import pytest

from gateway.access.tokens import Credential, mint_token
from gateway.books.ledger import SUSPENSE_ACCOUNT
from gateway.errors import Conflict, NotFound
from gateway.rows import Invoice, InvoiceState, Origin
from gateway.settlement.reconcile import Difference, Reconciliation
from gateway.settlement.suspense import book_at_node
from gateway.simulator.core import Simulator
from gateway.simulator.server import SimulatedLnd
from gateway.wire.l402.challenge import encode_token
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants
from tests.support.domain import Domain, open_domain
from tests.support.processes.shell import Shell
from tests.support.rows import NODE_ACCOUNT, NODE_ID, an_invoice
from tests.support.settlements import audited, differences, sold_and_paid
from tests.support.site import Site
from tests.web.api.test_events import listening

pytestmark = pytest.mark.both_databases


async def restored(tmp_path: Path, clock: FakeClock, core: Simulator) -> tuple[Path, Invoice, bytes]:
    """A data folder as it was before a sale; that sale, and its reader's token."""
    async with open_domain(tmp_path / "old", clock, core) as domain:
        await sold_and_paid(domain, 2)
    shutil.copytree(tmp_path / "old", tmp_path / "restored")
    async with open_domain(tmp_path / "old", clock, core) as domain:
        [lost] = await sold_and_paid(domain, 1)
        return tmp_path / "restored", lost, mint_token(domain.keys, lost)


async def test_a_settlement_lost_in_a_restore_is_listed_booked_once_and_opens(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    folder, lost, token = await restored(tmp_path, clock, core)
    async with open_domain(folder, clock, core) as domain:
        found = await audited(domain)
        assert found.discrepancies == []
        assert [(each.difference, each.payment_hash) for each in found.lacking] == [
            (Difference.LACKING, lost.payment_hash)
        ]
        for _ in range(2):
            booked = await book_at_node(domain.settler, domain.store, lost.payment_hash)
            assert (booked.state, booked.paid_msat) == (InvoiceState.SETTLED, 100_000)
        balances = await domain.balances()
        assert (balances[SUSPENSE_ACCOUNT], balances[NODE_ACCOUNT]) == (100_000, -300_000)
        assert await audited(domain) == Reconciliation(credited_msat=300_000, received_msat=300_000)
        access = await domain.authorizer.authorize([("line", Credential(token, None))], "welcome")
        assert access.payment_hash == lost.payment_hash


async def test_a_crash_while_booking_to_suspense_is_made_up_for_by_the_sweep(
    tmp_path: Path, clock: FakeClock, core: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lost, _ = await restored(tmp_path, clock, core)
    async with open_domain(folder, clock, core) as domain:
        with monkeypatch.context() as patch:
            patch.setattr(domain.settler, "settle", _crash)
            with pytest.raises(ConnectionError):
                await book_at_node(domain.settler, domain.store, lost.payment_hash)
        await domain.sweeper.sweep()
        assert (await domain.balances())[SUSPENSE_ACCOUNT] == 100_000
        assert broken_invariants(domain.database_url) == []


async def _crash(_: object) -> list[Invoice]:
    raise ConnectionError


async def test_only_a_settlement_without_a_row_is_booked_to_suspense(domain: Domain) -> None:
    [credited] = await sold_and_paid(domain, 1)
    unpaid = await domain.sell()
    before = domain.dump()
    with pytest.raises(Conflict, match="creators of its sale"):
        await book_at_node(domain.settler, domain.store, credited.payment_hash)
    for payment_hash in (unpaid.payment_hash, "00" * 32):
        with pytest.raises(NotFound):
            await book_at_node(domain.settler, domain.store, payment_hash)
    assert domain.dump() == before


async def test_what_was_given_up_and_paid_all_the_same_is_credited_to_whom_it_was_sold_for(domain: Domain) -> None:
    given_up = await domain.sell()
    await domain.store.write(lambda tx: tx.invoices.cancel(NODE_ID, [given_up.payment_hash], now=int(domain.clock.now)))
    domain.pay(given_up)
    assert differences(await audited(domain)) == [(Difference.UNCREDITED, given_up.payment_hash)]
    booked = await book_at_node(domain.settler, domain.store, given_up.payment_hash)
    assert (booked.state, booked.item_id, booked.origin) == (InvoiceState.SETTLED, "welcome", Origin.CHECKOUT)
    assert await domain.balances() == {"creator:alice": 70_000, "creator:bob": 30_000, NODE_ACCOUNT: -100_000}
    assert await audited(domain) == Reconciliation(credited_msat=100_000, received_msat=100_000)
    with pytest.raises(Conflict, match="creators of its sale"):
        await book_at_node(domain.settler, domain.store, given_up.payment_hash)


async def test_an_invoice_of_another_node_is_not_credited(domain: Domain) -> None:
    foreign = domain.core.add_invoice(preimage=b"", amount_msat=100_000, memo="", expiry_seconds=600)
    domain.core.pay(foreign.payment_hash)
    elsewhere = an_invoice(7, node_id="south", payment_hash=foreign.payment_hash.hex())
    await domain.store.write(lambda tx: tx.invoices.insert(elsewhere))
    before = domain.dump()
    with pytest.raises(Conflict, match="another node, south"):
        await book_at_node(domain.settler, domain.store, elsewhere.payment_hash)
    assert domain.dump() == before


async def test_the_operator_alone_audits_and_what_is_in_suspense_is_shown_to_no_creator(site: Site) -> None:
    key = (await site.call("POST", "/v1/admin/creators", json={"name": "carol"}, headers=site.operator))[1]["api_key"]
    carol = {"Authorization": f"Bearer {key}"}
    foreign = site.core.add_invoice(preimage=b"", amount_msat=5_000, memo="lost", expiry_seconds=600)
    site.core.pay(foreign.payment_hash)
    site.clock.advance(61)
    body = {"payment_hash": foreign.payment_hash.hex()}
    for headers, status in (({}, 401), (carol, 403)):
        assert (await site.call("GET", "/v1/admin/nodes/lnd/audit", headers=headers))[0] == status
        assert (await site.call("POST", "/v1/admin/suspense", json=body, headers=headers))[0] == status
    _, found = await site.call("GET", "/v1/admin/nodes/lnd/audit", headers=site.operator)
    assert [(each["memo"], each["amount_msat"]) for each in found["lacking"]] == [("lost", 5_000)]
    status, booked = await site.call("POST", "/v1/admin/suspense", json=body, headers=site.operator)
    assert (status, booked["paid_msat"], booked["item_id"], booked["tip_to"]) == (201, 5_000, None, None)
    # Only its payer knows the payment hash.
    status, told = await site.call("GET", f"/v1/invoices/{foreign.payment_hash.hex()}")
    assert (status, told["state"], told.get("item_id"), told.get("tip_to")) == (200, "settled", None, None)
    _, payments = await site.call("GET", "/v1/admin/payments", headers=site.operator)
    assert [(p["item_id"], p["tip_to"], p["shares"][0]["title"]) for p in payments] == [(None, None, "suspense")]
    assert (await site.call("GET", "/v1/admin/payments", headers=carol))[1] == []
    assert (await site.call("POST", "/v1/admin/suspense", json={"payment_hash": "x"}, headers=site.operator))[0] == 422


@pytest.mark.parametrize("sold", ["an item", "a tip", "an item that is not here any more"])
async def test_the_payer_of_what_is_in_suspense_learns_that_it_is_paid_and_whom_to_ask(site: Site, sold: str) -> None:
    await site.sell_text("# A text\n\nThe free part.\n\nThe paid part.")
    settled = site.core.add_invoice(preimage=b"", amount_msat=100_000, memo="lost", expiry_seconds=600)
    site.core.pay(settled.payment_hash)
    names = {"an item": ("welcome", None), "a tip": (None, "alice")}
    item_id, tip_to = names.get(sold, ("forgotten", None))
    lost = an_invoice(7, payment_hash=settled.payment_hash.hex(), item_id=item_id, tip_to=tip_to)
    headers = {"Authorization": f"Bearer {encode_token(mint_token(site.gateway.keys, lost))}"}
    invoice = f"/v1/invoices/{lost.payment_hash}"
    for path in (invoice, f"{invoice}/events", "/v1/receipt"):
        status, problem = await site.call("GET", path, headers=headers)
        assert (status, problem["code"]) == (404, "invoice_not_found")
        assert "keep its token" in problem["detail"]
    assert (await site.call("GET", "/r", headers=headers))[0] == 404
    body = {"payment_hash": lost.payment_hash}
    assert (await site.call("POST", "/v1/admin/suspense", json=body, headers=site.operator))[0] == 201
    status, told = await site.call("GET", invoice)
    assert (status, told["state"], told["paid_msat"]) == (200, "settled", 100_000)
    async with listening(site, lost.payment_hash) as listener:
        assert (await listener.next())[0] == "settled"
    status, receipt = await site.call("GET", "/v1/receipt", headers=headers)
    assert (status, receipt["state"], receipt["item_id"], receipt["tip_to"]) == (200, "settled", item_id, tip_to)
    status, page = await site.call("GET", "/r", headers=headers)
    assert status == 200
    assert "Send the payment hash below to the creator" in page
    assert lost.payment_hash in page
    assert (">Open it<" in page) is (sold == "an item")
    if item_id is not None:
        content = await site.call("GET", f"/v1/items/{item_id}/content", headers=headers)
        assert content[0] == (200 if sold == "an item" else 404)


async def test_an_audit_of_the_first_minute_after_a_restore_says_what_is_lost(shell: Shell, lnd: SimulatedLnd) -> None:
    memo = f"Alice · {shell.variables['TUPPENCE_LISTEN']}"
    row = lnd.core.add_invoice(preimage=b"", amount_msat=5_000, memo=memo, expiry_seconds=600)
    lnd.core.pay(row.payment_hash)
    assert (await shell.type("creator", "add", "alice"))[0] == 0
    status, output = await shell.type("audit")
    assert (status, "lost in a restore" in output) == (1, True), output
