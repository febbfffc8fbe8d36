"""The client of an LND node: its calls, their errors, and renewed credentials."""

import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.errors import OutcomeUnknown
from gateway.lnd import translate
from gateway.lnd.channel import certificate_expires_at
from gateway.lnd.client import LndNode
from gateway.lnd.liveness import Timing
from gateway.money import Msat
from gateway.ports.node import NodeInvoiceState, NodeState
from gateway.simulator.identity import Identity
from gateway.simulator.server import SimulatedLnd, serve_simulator
from gateway.wire.lnd_macaroon import SALES
from tests.support.nodes.lnd_client import PREIMAGE, add, client, refusal

# AddInvoice -----------------------------------------------------------------------------------------------------------


async def test_an_answer_that_never_comes_is_asked_for_again_and_gives_the_same_invoice(
    simulated: SimulatedLnd,
) -> None:
    simulated.core.quirks.lose_answers = 1
    async with client(simulated, timing=Timing(add_seconds=0.3, repeat_seconds=5)) as node:
        invoice = await node.add_invoice(PREIMAGE, amount_msat=Msat(1000), memo="memo", expiry_seconds=600)
    (row,) = simulated.core.invoices
    assert (invoice.payment_hash, invoice.payment_request, invoice.add_index) == (
        row.payment_hash.hex(),
        row.payment_request,
        1,
    )


async def test_a_connection_that_breaks_before_the_answer_gives_the_same_invoice(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    simulated.core.quirks.break_answers = 1
    assert await add(node) == await add(node)
    assert len(list(simulated.core.invoices)) == 1


async def test_a_node_that_is_too_slow_twice_leaves_the_outcome_unknown(simulated: SimulatedLnd) -> None:
    simulated.latency_seconds["AddInvoice"] = 30
    async with client(simulated, timing=Timing(add_seconds=0.1, repeat_seconds=0.1)) as node:
        with pytest.raises(OutcomeUnknown) as caught:
            await add(node)
    assert caught.value.code == "node_outcome_unknown"


async def test_an_invoice_that_exists_but_cannot_be_looked_up_leaves_the_outcome_unknown(
    simulated: SimulatedLnd,
) -> None:
    simulated.latency_seconds["LookupInvoice"] = 30
    async with client(simulated, timing=Timing(call_seconds=0.1)) as node:
        await add(node)
        with pytest.raises(OutcomeUnknown):
            await add(node)


async def test_what_lnd_will_not_issue_is_refused_in_its_own_words(node: LndNode) -> None:
    call = node.add_invoice(PREIMAGE, amount_msat=Msat(1000), memo="x" * 1025, expiry_seconds=600)
    refused = await refusal(call)
    assert refused.code == "node_refused"
    assert "memo too large" in refused.detail


# Certificate and macaroon ---------------------------------------------------------------------------------------------


async def test_a_renewed_certificate_is_taken_up_without_a_failed_call(simulated: SimulatedLnd, node: LndNode) -> None:
    payment_hash = await add(node)
    simulated.renew_certificate()
    await simulated.restart()
    await add(node, b"q" * 32)
    simulated.renew_certificate()
    await simulated.restart()
    assert await node.lookup(payment_hash)
    simulated.renew_certificate()
    await simulated.restart()
    assert (await node.status()).state is NodeState.READY


async def test_a_certificate_that_is_not_the_nodes_is_named_as_the_reason(
    simulated: SimulatedLnd, tmp_path: Path
) -> None:
    async with serve_simulator(tmp_path / "other", clock=time.time) as other:
        foreign = LndNode(
            node_id="lnd", target=simulated.target, tls_cert=other.tls_cert_path, macaroon=simulated.macaroon_path
        )
        refused = await refusal(add(foreign))
        await foreign.close()
    assert refused.code == "node_away"
    assert "certificate" in refused.detail


async def test_a_macaroon_that_is_refused_says_how_to_bake_one_and_is_read_again_when_it_changes(
    simulated: SimulatedLnd, tmp_path: Path
) -> None:
    macaroon = tmp_path / "weak.macaroon"
    simulated.identity.bake(macaroon, ["info:read"])
    async with client(simulated, macaroon=macaroon) as node:
        refused = await refusal(add(node))
        assert refused.code == "node_refused"
        assert "lncli bakemacaroon" in refused.detail
        assert (await node.status()).state is NodeState.READY
        macaroon.write_bytes(simulated.macaroon_path.read_bytes())
        await add(node)


async def test_a_macaroon_of_another_node_is_refused(simulated: SimulatedLnd, tmp_path: Path) -> None:
    async with (
        serve_simulator(tmp_path / "other", clock=time.time) as other,
        client(simulated, macaroon=other.macaroon_path) as node,
    ):
        assert (await refusal(add(node))).code == "node_refused"
        assert (await refusal(node.status())).code == "node_refused"


async def test_a_file_that_is_no_macaroon_is_refused(simulated: SimulatedLnd, tmp_path: Path) -> None:
    (tmp_path / "odd.macaroon").write_bytes(b"not a macaroon")
    async with client(simulated, macaroon=tmp_path / "odd.macaroon") as node:
        assert (await refusal(add(node))).code == "node_refused"


async def test_a_missing_file_is_named(simulated: SimulatedLnd, tmp_path: Path) -> None:
    async with client(simulated, macaroon=tmp_path / "nowhere.macaroon") as node:
        refused = await refusal(add(node))
    assert refused.code == "node_refused"
    assert "nowhere.macaroon" in refused.detail


def test_the_days_of_a_certificate_are_read_from_it(tmp_path: Path) -> None:
    now = 1_800_000_000
    identity = Identity(tmp_path, random_bytes=lambda size: b"\x07" * size, now=now)
    assert certificate_expires_at(identity.tls_cert_path) == now + 424 * 86_400


# Reading --------------------------------------------------------------------------------------------------------------


async def test_other_applications_keysend_and_amp_are_left_out_and_end_no_page(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    await add(node)
    for _ in range(7):
        simulated.core.keysend(5000)
    amp = simulated.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=60, is_amp=True)
    await add(node, b"q" * 32)
    first = await node.list_invoices(after_add_index=0, limit=3)
    second = await node.list_invoices(after_add_index=first[-1].add_index, limit=3)
    assert [row.add_index for row in (*first, *second)] == [1, 10]
    assert await node.list_invoices(after_add_index=10, limit=3) == []
    assert await node.lookup(amp.payment_hash.hex()) is None


async def test_a_page_holds_at_most_500(simulated: SimulatedLnd, node: LndNode) -> None:
    for _ in range(501):
        simulated.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600)
    assert len(await node.list_invoices(after_add_index=0, limit=10_000)) == 500
    assert len(await node.list_invoices(after_add_index=500, limit=10_000)) == 1


async def test_a_preimage_that_lnd_gives_away_early_stays_in_the_client(simulated: SimulatedLnd, node: LndNode) -> None:
    payment_hash = await add(node)
    assert await node.preimage(payment_hash) is None
    looked_up = await node.lookup(payment_hash)
    assert PREIMAGE.hex() not in repr(looked_up)
    simulated.core.pay(bytes.fromhex(payment_hash))
    assert await node.preimage(payment_hash) == PREIMAGE.hex()


async def test_a_settlement_that_tells_no_amount_is_passed_on_as_it_is(simulated: SimulatedLnd, node: LndNode) -> None:
    payment_hash = await add(node)
    simulated.core.pay(bytes.fromhex(payment_hash))
    simulated.core.quirks.hide_paid_amount = True
    found = await node.lookup(payment_hash)
    assert found is not None
    assert (found.state, found.paid_msat) == (NodeInvoiceState.SETTLED, 0)


def test_importing_the_client_warns_of_nothing_and_brings_no_other_technology() -> None:
    code = (
        "import sys, gateway.lnd.client\n"
        "brought = {'aiohttp', 'sqlalchemy', 'coincurve', 'cryptography'} & set(sys.modules)\n"
        "sys.exit(f'brought {brought}' if brought else 0)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_state_that_is_unknown_here_is_not_final() -> None:
    [settled, unknown] = [translate.to_node_invoice(ln.Invoice(state=state)) for state in (ln.Invoice.SETTLED, 9)]
    assert settled is not None
    assert unknown is not None
    assert (settled.state, unknown.state) == (NodeInvoiceState.SETTLED, NodeInvoiceState.ACCEPTED)


@pytest.mark.parametrize("details", ["grpc: error while marshaling: string field contains invalid UTF-8", "AWAY"])
def test_an_answer_that_cannot_be_sent_says_nothing_about_the_connection(details: str) -> None:
    error = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)
    expected = translate.NODE_AWAY if details == "AWAY" else translate.NODE_REFUSED
    assert translate.to_unavailable(error, "ListInvoices", SALES).code == expected
