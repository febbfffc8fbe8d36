"""The simulated node that pays, as `ports.Payer` without gRPC: plans, the network of two nodes, and time."""

import time
from pathlib import Path
from secrets import token_bytes

import pytest
from coincurve import PrivateKey

from gateway.errors import Invalid, Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeInvoiceState, NodeState
from gateway.ports.payer import PaymentState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.network import Network
from gateway.simulator.payments.payment import Answer, FailureReason, Plan, SimulatedPayment
from gateway.simulator.server import serve_simulator
from gateway.wire.bolt11.signing import encode
from tests.support.clock import FakeClock

PENDING, SUCCEEDED, FAILED, MISSING, UNKNOWN = PaymentState
FUNDS_MSAT = 10_000_000


class World:
    """A node that pays and the creator's that is paid, with a journal of the payments."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.recorded: list[SimulatedPayment] = []
        network = Network()
        self.creator = Simulator(clock=clock, random_bytes=token_bytes, network=network)
        self.core = Simulator(
            clock=clock,
            random_bytes=token_bytes,
            network=network,
            funds_msat=FUNDS_MSAT,
            record_payment=self.recorded.append,
        )
        self.payer = InProcessPayer(self.core)

    def invoice(self, amount_msat: int = 1_000_000, *, expiry_seconds: int = 600) -> tuple[str, str]:
        """An invoice of the creator's node: its payment request and hash."""
        row = self.creator.add_invoice(
            preimage=b"", amount_msat=amount_msat, memo="payout", expiry_seconds=expiry_seconds
        )
        return row.payment_request, row.payment_hash.hex()

    async def send(self, invoice: tuple[str, str], *, fee_limit_msat: int = 10_000) -> tuple[PaymentState, str]:
        report = await self.payer.send(
            invoice[0], payment_hash=invoice[1], fee_limit_msat=Msat(fee_limit_msat), timeout_seconds=60
        )
        assert report.payment_hash == invoice[1]
        return report.state, report.reason

    async def track(self, invoice: tuple[str, str]) -> PaymentState:
        return (await self.payer.track(invoice[1])).state

    def received_msat(self) -> int:
        return self.creator.liquidity().outbound_msat


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


def outside_invoice(clock: FakeClock, **fields: object) -> str:
    """An invoice of a node that is none of the network."""
    asked = {
        "prefix": "lnbcrt",
        "amount_msat": 1_000_000,
        "created_at": int(clock()),
        "expiry_seconds": 600,
        "payment_hash": token_bytes(32),
        "payment_secret": token_bytes(32),
        "description": "",
        "min_final_cltv": 80,
    }
    return encode(PrivateKey(b"\x05" * 32), **{**asked, **fields})  # type: ignore[arg-type]  # fields of one test


async def test_a_payment_to_another_node_moves_the_amount_there_and_costs_the_fee(world: World) -> None:
    invoice = world.invoice()
    report = await world.payer.send(invoice[0], payment_hash=invoice[1], fee_limit_msat=Msat(2000), timeout_seconds=60)
    assert (report.state, report.amount_msat, report.fee_msat) == (SUCCEEDED, 1_000_000, 1001)
    assert await world.payer.track(invoice[1]) == report
    assert world.received_msat() == 1_000_000
    assert await world.payer.outbound_msat() == FUNDS_MSAT - 1_001_001


async def test_an_invoice_of_a_node_outside_is_paid_too(world: World) -> None:
    text = outside_invoice(world.clock, description_hash=b"h" * 32)
    decoded = await world.payer.decode(text)
    assert (decoded.amount_msat, decoded.description_hash) == (1_000_000, (b"h" * 32).hex())
    assert decoded.expires_at == decoded.created_at + 600
    assert await world.send((text, decoded.payment_hash)) == (SUCCEEDED, "")


async def test_what_is_no_invoice_of_this_network_is_invalid(world: World) -> None:
    wrong = {"bech32": "lnbcrt1nonsense", "active network": outside_invoice(world.clock, prefix="lnbc")}
    for details, text in wrong.items():
        with pytest.raises(Invalid, match=details) as caught:
            await world.payer.decode(text)
        assert caught.value.code == "invoice_invalid"


async def test_a_payment_that_exists_is_pending_to_a_second_send_unless_it_failed(world: World) -> None:
    invoice = world.invoice()
    world.core.payments.plan = lambda: Plan(outcome=FailureReason.NO_ROUTE)
    assert await world.send(invoice) == (FAILED, "no_route")
    world.core.payments.plan = lambda: Plan(ends_after_seconds=None)
    assert (await world.send(invoice))[0] is PENDING
    again = await world.send(invoice)
    assert (again[0], again[1].endswith(": payment is in transition")) == (PENDING, True)
    assert [row.index for row in world.core.payments] == [2]


@pytest.mark.parametrize(
    ("amount_msat", "fee_limit_msat", "reason"),
    [
        (1_000_000, 1000, "no_route"),
        (FUNDS_MSAT, 10_000, "no_route"),
        (FUNDS_MSAT + 1, 10_000, "insufficient_balance"),
    ],
)
async def test_fee_limit_and_balance_are_kept(world: World, amount_msat: int, fee_limit_msat: int, reason: str) -> None:
    assert await world.send(world.invoice(amount_msat), fee_limit_msat=fee_limit_msat) == (FAILED, reason)
    assert await world.payer.outbound_msat() == FUNDS_MSAT


async def test_what_the_node_refuses_is_unknown_and_recorded_nowhere(world: World, clock: FakeClock) -> None:
    expired, amountless = world.invoice(expiry_seconds=60), world.invoice(0)
    clock.advance(61)
    own = world.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600)
    refused = {
        "self-payments not allowed": (own.payment_request, own.payment_hash.hex()),
        "invoice expired. Valid until ": expired,
        "amount must be specified": amountless,
    }
    for words, invoice in refused.items():
        state, reason = await world.send(invoice)
        assert (state, reason.startswith(words)) == (UNKNOWN, True), reason
        assert await world.track(invoice) is MISSING
    assert world.recorded == []


async def test_a_success_after_an_hour_is_pending_until_then_even_past_expiry(world: World, clock: FakeClock) -> None:
    invoice = world.invoice(expiry_seconds=600)
    world.core.payments.plan = lambda: Plan(ends_after_seconds=3600)
    assert await world.send(invoice) == (PENDING, "")
    clock.advance(3599)
    assert await world.track(invoice) is PENDING
    assert await world.payer.outbound_msat() == FUNDS_MSAT - 1_001_001
    clock.advance(1)
    assert await world.track(invoice) is SUCCEEDED
    assert world.received_msat() == 1_000_000


async def test_a_payment_that_fails_at_last_gives_the_invoice_back_to_its_expiry(
    world: World, clock: FakeClock
) -> None:
    invoice = world.invoice()
    world.core.payments.plan = lambda: Plan(
        ends_after_seconds=3600, outcome=FailureReason.TIMEOUT, answer=Answer.SILENT
    )
    assert (await world.send(invoice))[0] is UNKNOWN
    clock.advance(3600)
    assert await world.payer.track(invoice[1]) == (await world.payer.list_payments(after_index=0, limit=1))[0].report
    assert await world.track(invoice) is FAILED
    assert world.creator.lookup(bytes.fromhex(invoice[1])).state is NodeInvoiceState.CANCELED
    assert await world.payer.outbound_msat() == FUNDS_MSAT


async def test_a_held_invoice_keeps_its_payment_in_flight_until_it_is_settled(world: World) -> None:
    row = world.creator.add_invoice(preimage=b"p" * 32, amount_msat=1000, memo="", expiry_seconds=60, is_hold=True)
    invoice = (row.payment_request, row.payment_hash.hex())
    assert (await world.send(invoice))[0] is PENDING
    world.creator.settle_held(row.payment_hash)
    assert await world.track(invoice) is SUCCEEDED


async def test_an_invoice_that_another_has_paid_fails(world: World) -> None:
    invoice = world.invoice()
    world.creator.pay(bytes.fromhex(invoice[1]))
    assert await world.send(invoice) == (FAILED, "incorrect_payment_details")
    assert world.received_msat() == 1_000_000


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer.SILENT, UNKNOWN),
        (Answer.BROKEN, UNKNOWN),
        (Answer.UNIMPLEMENTED, UNKNOWN),
        (Answer.ALREADY_EXISTS, PENDING),
    ],
)
async def test_an_answer_says_nothing_of_what_the_node_does(world: World, answer: Answer, state: PaymentState) -> None:
    done, undone = world.invoice(), world.invoice()
    world.core.payments.plan = lambda: Plan(answer=answer)
    assert (await world.send(done))[0] is state
    assert await world.track(done) is SUCCEEDED
    world.core.payments.plan = lambda: Plan(answer=answer, is_recorded=False)
    assert (await world.send(undone))[0] is state
    assert await world.track(undone) is MISSING
    world.core.payments.track_answer = lambda: answer
    assert await world.track(done) is UNKNOWN


async def test_a_request_may_arrive_after_the_node_said_that_it_has_none(world: World, clock: FakeClock) -> None:
    invoice, late = world.invoice(), world.invoice(expiry_seconds=60)
    world.core.payments.plan = lambda: Plan(arrives_after_seconds=90)
    for sent in (invoice, late):
        assert (await world.send(sent))[0] is UNKNOWN
        assert await world.track(sent) is MISSING
    clock.advance(90)
    assert await world.track(invoice) is SUCCEEDED
    assert await world.track(late) is MISSING


async def test_what_the_stubs_do_not_name_is_pending(world: World) -> None:
    world.core.payments.report_initiated = True
    world.core.payments.plan = lambda: Plan(ends_after_seconds=None)
    assert (await world.send(world.invoice()))[0] is PENDING
    world.core.payments.plan = lambda: Plan(outcome=FailureReason.CANCELED)
    assert await world.send(world.invoice()) == (PENDING, "unnamed_6")


async def test_payments_are_listed_by_index_whatever_their_state(world: World) -> None:
    plans = iter([Plan(), Plan(outcome=FailureReason.ERROR), Plan(ends_after_seconds=None)])
    world.core.payments.plan = lambda: next(plans)
    for _ in range(3):
        await world.send(world.invoice())
    first = await world.payer.list_payments(after_index=0, limit=2)
    rest = await world.payer.list_payments(after_index=first[-1].index, limit=2)
    assert [each.index for each in (*first, *rest)] == [1, 2, 3]
    assert [each.report.state for each in (*first, *rest)] == [SUCCEEDED, FAILED, PENDING]
    assert await world.payer.list_payments(after_index=3, limit=2) == []


async def test_payments_outlive_a_restart_and_those_in_flight_go_on(world: World, clock: FakeClock) -> None:
    plans = iter([Plan(outcome=FailureReason.ERROR), Plan(), Plan(ends_after_seconds=60)])
    world.core.payments.plan = lambda: next(plans)
    paid, slow = world.invoice(), world.invoice()
    for invoice in (paid, paid, slow):
        await world.send(invoice)
    restarted = Simulator(
        clock=clock, random_bytes=token_bytes, network=world.core.network, funds_msat=FUNDS_MSAT, key=b"\x09" * 32
    )
    restarted.payments.restore(list(world.recorded))
    payer = InProcessPayer(restarted)
    assert await payer.list_payments(after_index=0, limit=9) == await world.payer.list_payments(after_index=0, limit=9)
    assert await payer.outbound_msat() == await world.payer.outbound_msat()
    clock.advance(60)
    assert (await payer.track(slow[1])).state is SUCCEEDED


async def test_a_node_that_is_away_refuses_and_says_nothing_of_a_payment(world: World) -> None:
    invoice = world.invoice()
    world.core.state = NodeState.ABSENT
    with pytest.raises(Unavailable) as caught:
        await world.send(invoice)
    assert caught.value.code == "node_away"
    assert await world.track(invoice) is UNKNOWN
    world.core.state = NodeState.READY
    assert await world.payer.identity_pubkey() == world.core.status().identity_pubkey
    assert await world.track(invoice) is MISSING


@pytest.mark.parametrize(("fee_limit_msat", "timeout_seconds"), [(0, 60), (-1, 60), (1000, 0)])
async def test_a_payment_without_limits_is_never_sent(world: World, fee_limit_msat: int, timeout_seconds: int) -> None:
    text, payment_hash = world.invoice()
    with pytest.raises(ValueError, match="fee limit"):
        await world.payer.send(
            text, payment_hash=payment_hash, fee_limit_msat=Msat(fee_limit_msat), timeout_seconds=timeout_seconds
        )


async def test_a_node_that_is_served_again_from_its_folder_has_its_payments(tmp_path: Path) -> None:
    network = Network()
    creator = Simulator(clock=time.time, random_bytes=token_bytes, network=network)
    row = creator.add_invoice(preimage=b"", amount_msat=1_000_000, memo="", expiry_seconds=600)
    payment_hash = row.payment_hash.hex()
    async with serve_simulator(tmp_path, clock=time.time, network=network, funds_msat=FUNDS_MSAT) as server:
        sent = await InProcessPayer(server.core).send(
            row.payment_request, payment_hash=payment_hash, fee_limit_msat=Msat(2000), timeout_seconds=60
        )
    async with serve_simulator(tmp_path, clock=time.time, network=network, funds_msat=FUNDS_MSAT) as server:
        again = InProcessPayer(server.core)
        assert await again.track(payment_hash) == sent
        assert await again.outbound_msat() == FUNDS_MSAT - 1_001_001
