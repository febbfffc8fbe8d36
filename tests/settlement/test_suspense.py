"""What a restored backup lacks, as its payer and its operator see it."""

import pytest

from gateway.access.tokens import mint_token
from gateway.simulator.server import SimulatedLnd
from gateway.wire.l402.challenge import encode_token
from tests.conftest import Site
from tests.support.processes.shell import Shell
from tests.support.rows import an_invoice
from tests.web.api.test_events import listening

pytestmark = pytest.mark.both_databases


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
