"""The demo's creators have addresses that are paid at a node of their own, at the same host after every start."""

from pathlib import Path
from secrets import token_bytes

import pytest

from gateway.demo.address_host import serve_addresses
from gateway.demo.simulated_payee import serve_simulated_payee
from gateway.errors import Unavailable
from gateway.lnaddress.hosts import LnurlHosts
from gateway.money import Msat
from gateway.outgoing.client import open_outgoing
from gateway.ports.addresses import PayOffer
from gateway.ports.payer import PaymentState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from tests.support.clock import FakeClock

AMOUNT_MSAT = Msat(50_000)


async def ask(address_host: str) -> tuple[PayOffer, str]:
    """The offer of a name there, and an invoice."""
    async with open_outgoing([address_host]) as outgoing:
        hosts = LnurlHosts(outgoing, public_url="http://127.0.0.1:8402", allow=[address_host])
        offer = await hosts.offer(f"tomas@{address_host}")
        return offer, await hosts.invoice(offer, AMOUNT_MSAT)


async def test_an_invoice_of_a_creator_s_address_is_paid_by_the_gateway_s_node(
    tmp_path: Path, clock: FakeClock
) -> None:
    core = Simulator(clock=clock, random_bytes=token_bytes, funds_msat=1_000_000)
    payer = InProcessPayer(core)
    async with serve_simulated_payee(core, tmp_path, clock=clock) as host:
        offer, payment_request = await ask(host)
        decoded = await payer.decode(payment_request)
        assert (decoded.amount_msat, decoded.description_hash) == (AMOUNT_MSAT, offer.metadata_hash)
        assert decoded.payee_pubkey != core.status().identity_pubkey
        report = await payer.send(
            payment_request, payment_hash=decoded.payment_hash, fee_limit_msat=Msat(5_000), timeout_seconds=60
        )
        assert (report.state, report.amount_msat) == (PaymentState.SUCCEEDED, AMOUNT_MSAT)


async def test_the_host_keeps_its_port_unless_another_program_has_taken_it(tmp_path: Path) -> None:
    async def make_invoice(*_: object) -> str:
        return "an invoice"

    port = tmp_path / "port"
    async with serve_addresses(make_invoice, port) as first:
        pass
    async with serve_addresses(make_invoice, port) as again, serve_addresses(make_invoice, tmp_path / "other") as other:
        assert again == first != other
        async with serve_addresses(make_invoice, port) as elsewhere:
            assert elsewhere not in {first, other}
            assert (await ask(elsewhere))[1] == "an invoice"


async def test_a_payee_whose_node_is_away_says_so(tmp_path: Path) -> None:
    async def make_invoice(*_: object) -> str:
        raise Unavailable("payee_away", "The node does not answer.")

    async with serve_addresses(make_invoice, tmp_path / "port") as host:
        with pytest.raises(Unavailable, match="refuses: The node does not answer"):
            await ask(host)
