"""What the client says of a payment, whatever becomes of the call: never that it failed unless LND says so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.errors import Invalid
from gateway.lnd import translate
from gateway.money import Msat
from gateway.ports.node import NodeState
from gateway.ports.payer import PaymentReport, PaymentState
from gateway.simulator.identity import ADMIN
from gateway.simulator.payments.payment import Answer, FailureReason, Plan
from gateway.simulator.server import serve_simulator
from gateway.wire.lnd_macaroon import PAYOUTS
from tests.contract.test_payer import made_up
from tests.lnd.paying import World, hash_of, open_world, payer_of
from tests.support.clock import until
from tests.support.nodes.lnd_client import is_answered, refusal

PENDING, SUCCEEDED, FAILED, MISSING, UNKNOWN = PaymentState


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "lnd") as opened:
        yield opened


# Calls that break off ---------------------------------------------------------------------------------------------


async def test_a_payment_that_found_no_connection_was_not_sent(world: World) -> None:
    text = world.ask()
    world.proxy.refuse()
    assert (await refusal(world.send(text))).code == "node_away"
    # From now on it is known to be away.
    assert (await refusal(world.send(text))).code == "node_away"
    world.proxy.pass_on()

    async def is_missing() -> bool:
        return await world.track(text) is MISSING

    await until(is_missing)
    assert list(world.node.core.payments) == []


async def test_a_node_is_not_asked_about_an_invoice_that_is_damaged_or_names_two_payments(world: World) -> None:
    text = world.ask()
    world.proxy.refuse()
    for damaged in (text[:-1] + ("q" if text[-1] != "q" else "p"), "ln\ud800", made_up(b"1" * 32, b"2" * 32)):
        with pytest.raises(Invalid):
            await world.payer.decode(damaged)
    assert (await refusal(world.payer.decode(text))).code == "node_away"


async def test_a_payment_whose_answer_is_lost_on_the_way_is_unknown(world: World) -> None:
    text = world.ask()
    await world.payer.identity_pubkey()
    world.proxy.lose_answers()
    assert (await world.send(text)).state is UNKNOWN
    world.proxy.pass_on()
    assert await _known(world, text) in {SUCCEEDED, MISSING}


async def test_a_connection_that_is_reset_or_closed_leaves_a_payment_in_flight_pending(world: World) -> None:
    world.plan(Plan(ends_after_seconds=60))
    for text, cut in ((world.ask(), world.proxy.reset), (world.ask(), world.proxy.pass_on)):
        await until(lambda: is_answered(world.payer.identity_pubkey()))
        sending = asyncio.ensure_future(world.send(text, timeout_seconds=30))
        await until(lambda: any(row.payment_request == text for row in world.node.core.payments))  # noqa: B023 - awaited
        await until(lambda: len(world.node.core.payments._watchers) == 1)
        cut()
        assert (await sending).state in {PENDING, UNKNOWN}
    world.clock.advance(60)
    assert world.node.core.liquidity().outbound_msat == 100_000_000 - 2 * 1_001_001


async def test_a_black_hole_leaves_it_unknown_at_the_deadline(world: World) -> None:
    text = world.ask()
    await world.payer.identity_pubkey()
    world.proxy.swallow()
    assert await world.send(text) == PaymentReport(
        payment_hash=hash_of(text), state=UNKNOWN, reason="LND did not answer in time"
    )
    assert await world.track(text) is UNKNOWN


async def test_a_client_that_closes_or_is_cancelled_leaves_the_payment_to_the_node(world: World) -> None:
    world.plan(Plan(ends_after_seconds=60))
    first, second = world.ask(), world.ask()
    for text in (first, second):
        sending = asyncio.ensure_future(world.send(text, timeout_seconds=30))
        await until(lambda: len(world.node.core.payments._watchers) == 1)
        if text == first:
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await until(lambda: not world.node.core.payments._watchers)
    await world.payer.close()
    assert (await sending).state in {PENDING, UNKNOWN}
    world.clock.advance(60)
    world.node.core.payments.advance()
    assert world.received_msat() == 2_000_000


# What LND answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer.SILENT, UNKNOWN),
        (Answer.BROKEN, UNKNOWN),
        (Answer.UNIMPLEMENTED, UNKNOWN),
        (Answer.ALREADY_EXISTS, PENDING),
    ],
)
@pytest.mark.parametrize("is_recorded", [True, False])
async def test_an_answer_that_is_no_state_is_no_failure(
    world: World, answer: Answer, state: PaymentState, is_recorded: bool
) -> None:
    text = world.ask()
    world.plan(Plan(answer=answer, is_recorded=is_recorded, outcome=FailureReason.TIMEOUT))
    assert (await world.send(text)).state is state
    assert await _known(world, text) is (FAILED if is_recorded else MISSING)
    world.node.core.payments.track_answer = lambda: answer
    assert await world.track(text) is UNKNOWN


async def _known(world: World, text: str) -> PaymentState:
    """What the node says, once it is no longer believed to be away."""
    states: list[PaymentState] = []

    async def is_told() -> bool:
        states.append(await world.track(text))
        return states[-1] is not UNKNOWN

    await until(is_told)
    return states[-1]


async def test_the_call_follows_a_payment_to_its_end_and_repeated_updates_change_nothing(world: World) -> None:
    world.node.core.payments.repeat_updates = True
    for outcome, expected in ((FailureReason.NONE, (SUCCEEDED, "")), (FailureReason.NO_ROUTE, (FAILED, "no_route"))):
        text = world.ask()
        world.plan(Plan(ends_after_seconds=10, outcome=outcome))
        sending = asyncio.ensure_future(world.send(text, timeout_seconds=30))
        await until(lambda: bool(world.node.core.payments._watchers))
        world.clock.advance(10)
        report = await sending
        assert (report.state, report.reason) == expected
        assert await world.payer.track(hash_of(text)) == report
        await until(lambda: not world.node.core.payments._watchers)


async def test_a_state_or_reason_that_the_stubs_do_not_name_is_pending(world: World) -> None:
    world.node.core.payments.report_initiated = True
    world.plan(Plan(ends_after_seconds=None))
    assert (await world.send(world.ask())).state is PENDING
    world.plan(Plan(outcome=FailureReason.CANCELED))
    text = world.ask()
    assert (await world.send(text)).state is PENDING
    assert await world.track(text) is PENDING


@given(
    status=st.integers(0, 9) | st.integers(-(2**31), 2**31 - 1),
    reason=st.integers(0, 9) | st.integers(-(2**31), 2**31 - 1),
)
def test_only_what_is_named_ends_a_payment(status: int, reason: int) -> None:
    report = translate.to_payment_report(ln.Payment(status=status, failure_reason=reason))
    has_failed = status == ln.Payment.FAILED and 1 <= reason <= 5
    expected = SUCCEEDED if status == ln.Payment.SUCCEEDED else FAILED if has_failed else PENDING
    assert report.state is expected


async def test_an_answer_about_another_payment_says_nothing_of_this_one(world: World) -> None:
    report = await world.payer.send(world.ask(), payment_hash="11" * 32, fee_limit_msat=Msat(10_000), timeout_seconds=1)
    assert report == PaymentReport(payment_hash="11" * 32, state=UNKNOWN, reason="LND told of another payment")


async def test_a_locked_node_is_no_reason_to_call_an_invoice_wrong_or_a_payment_failed(world: World) -> None:
    text = world.ask()
    world.node.core.state = NodeState.LOCKED
    assert (await refusal(world.payer.decode(text))).code == "node_locked"
    assert (await refusal(world.send(text))).code == "node_locked"
    assert await world.track(text) is UNKNOWN


async def test_what_a_macaroon_forbids_leaves_a_payment_unknown(world: World, tmp_path: Path) -> None:
    other = serve_simulator(tmp_path / "other", clock=world.clock)
    async with other as node, payer_of(world.node, world.proxy.target, node.identity.payout_macaroon_path) as payer:
        world.payer, text = payer, world.ask()
        assert (await world.send(text)).state is UNKNOWN
        assert await world.track(text) is UNKNOWN
        assert (
            "bake a macaroon that allows it: lncli bakemacaroon --save_to payout.macaroon"
            in (await refusal(payer.decode(text))).detail
        )


# What is never sent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fee_limit_msat", "timeout_seconds"), [(0, 60), (-1, 60), (-(2**63), 60), (1000, 0)])
async def test_t12_a_payment_without_a_limit_is_never_sent(
    world: World, fee_limit_msat: int, timeout_seconds: int
) -> None:
    text = world.ask()
    with pytest.raises(ValueError, match="fee limit"):
        await world.payer.send(
            text,
            payment_hash=hash_of(text),
            fee_limit_msat=Msat(fee_limit_msat),
            timeout_seconds=timeout_seconds,
        )
    assert list(world.node.core.payments) == []


async def test_a_macaroon_that_can_do_more_or_less_is_not_used_until_it_is_replaced(
    world: World, tmp_path: Path
) -> None:
    exact, macaroon, text = [f"uri:{method}" for method in PAYOUTS.needed], tmp_path / "payout.macaroon", world.ask()
    async with payer_of(world.node, world.proxy.target, macaroon) as payer:
        world.payer = payer
        for allowed, says in (
            (exact[1:], "does not allow /routerrpc.Router/SendPaymentV2;"),
            ([*exact, "onchain:write"], "also allows onchain:write;"),
            ([*exact, "uri:/lnrpc.Lightning/AddInvoice"], "also allows uri:/lnrpc.Lightning/AddInvoice;"),
            (ADMIN, "also allows onchain:read, "),
        ):
            world.node.identity.bake(macaroon, allowed)
            for call in (world.send(text), payer.outbound_msat(), payer.list_payments(after_index=0, limit=1)):
                refused = await refusal(call)
                assert refused.code == "node_refused"
                assert f"payout.macaroon is not used: it {says}" in refused.detail
            assert await world.track(text) is UNKNOWN
        world.node.identity.bake(macaroon, exact)
        assert (await world.send(text)).state is SUCCEEDED
