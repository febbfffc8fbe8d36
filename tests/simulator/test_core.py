"""The simulated node: its calls, its stream, and each quirk of LND by name."""

import random

import pytest

from gateway.ports.node import NodeInvoiceState, NodeState
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import ReplayOrder, SimulatedInvoice
from gateway.simulator.refusals import CallRefused, PaymentRefused
from gateway.simulator.subscription import Subscription
from gateway.wire.bolt11.reading import decode
from gateway.wire.bolt11.signing import payee_of

OPEN, SETTLED, CANCELED, ACCEPTED = NodeInvoiceState


class World:
    """A simulator, its clock, and the stream of one subscriber."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.random = random.Random(0)
        self.recorded: list[SimulatedInvoice] = []
        self.core = self.node()

    def node(self) -> Simulator:
        return Simulator(clock=lambda: self.now, random_bytes=self.random.randbytes, record=self.recorded.append)

    def add(self, *, amount_msat: int = 1000, expiry_seconds: int = 600) -> SimulatedInvoice:
        return self.core.add_invoice(
            preimage=b"", amount_msat=amount_msat, memo="a memo", expiry_seconds=expiry_seconds
        )

    def subscribe(self, *, add_index: int = 0, settle_index: int = 0) -> Subscription:
        return self.core.subscribe(add_index=add_index, settle_index=settle_index, wake=lambda: None)


def told(subscription: Subscription) -> list[tuple[int, NodeInvoiceState]]:
    """What waits on a stream: (add_index, state)."""
    return [(row.add_index, row.state) for row in iter(subscription.take, None)]


@pytest.fixture
def world() -> World:
    return World()


def settle_in_the_order_4_2_0_5_1_3(world: World) -> None:
    rows = [world.add() for _ in range(6)]
    for place in (4, 2, 0, 5, 1, 3):
        world.core.pay(rows[place].payment_hash)


def test_an_invoice_is_signed_by_the_node_and_says_what_was_asked(world: World) -> None:
    row = world.core.add_invoice(preimage=b"p" * 32, amount_msat=123_000, memo="creator · host", expiry_seconds=60)
    invoice = decode(row.payment_request)
    assert payee_of(invoice).hex() == world.core.status().identity_pubkey
    assert (invoice.amount_msat, invoice.description, invoice.expiry_seconds) == (123_000, "creator · host", 60)
    assert invoice.payment_hash == row.payment_hash


def test_the_counters_grow_by_one_and_never_again(world: World) -> None:
    rows = [world.add() for _ in range(3)]
    assert [row.add_index for row in rows] == [1, 2, 3]
    assert [world.core.pay(row.payment_hash).settle_index for row in reversed(rows)] == [1, 2, 3]


def test_a_payment_hash_is_taken_only_once(world: World) -> None:
    world.core.add_invoice(preimage=b"p" * 32, amount_msat=1000, memo="", expiry_seconds=60)
    with pytest.raises(CallRefused, match="invoice with payment hash already exists") as refusal:
        world.core.add_invoice(preimage=b"p" * 32, amount_msat=1000, memo="", expiry_seconds=60)
    assert refusal.value.status == "UNKNOWN"


def test_settle_index_0_replays_nothing_and_1_skips_the_first(world: World) -> None:
    settle_in_the_order_4_2_0_5_1_3(world)
    assert told(world.subscribe()) == []
    assert [index for index, _ in told(world.subscribe(settle_index=1))] == [1, 2, 3, 4, 6]
    assert [index for index, _ in told(world.subscribe(settle_index=2))] == [1, 2, 4, 6]


def test_replay_goes_by_add_index_or_as_kvdb_does_by_settle_index(world: World) -> None:
    settle_in_the_order_4_2_0_5_1_3(world)
    world.core.quirks.replay_order = ReplayOrder.SETTLED
    assert [index for index, _ in told(world.subscribe(settle_index=1))] == [3, 1, 6, 2, 4]


def test_add_index_replays_what_was_added_later(world: World) -> None:
    rows = [world.add() for _ in range(3)]
    world.core.pay(rows[2].payment_hash)
    assert told(world.subscribe(add_index=1)) == [(2, OPEN), (3, SETTLED)]


def test_the_stream_tells_open_and_settled_in_the_order_they_happen(world: World) -> None:
    stream = world.subscribe()
    row = world.add()
    world.core.pay(row.payment_hash)
    assert told(stream) == [(1, OPEN), (1, SETTLED)]


def test_settlements_between_registration_and_backlog_come_twice(world: World) -> None:
    settle_in_the_order_4_2_0_5_1_3(world)
    world.core.quirks.overlap = 2
    assert [index for index, _ in told(world.subscribe(settle_index=1))] == [1, 2, 3, 4, 6, 4, 6]


def test_canceled_and_accepted_never_reach_the_stream(world: World) -> None:
    stream = world.subscribe()
    world.core.cancel(world.add().payment_hash)
    held = world.core.add_invoice(preimage=b"", amount_msat=1, memo="", expiry_seconds=60, is_hold=True)
    assert world.core.pay(held.payment_hash).state is ACCEPTED
    assert told(stream) == [(1, OPEN), (2, OPEN)]
    world.core.settle_held(held.payment_hash)
    assert told(stream) == [(2, SETTLED)]


def test_an_expired_invoice_is_canceled_in_silence(world: World) -> None:
    row = world.add(expiry_seconds=60)
    stream = world.subscribe()
    world.now += 60
    assert world.core.lookup(row.payment_hash).state is CANCELED
    assert told(stream) == []
    with pytest.raises(PaymentRefused):
        world.core.pay(row.payment_hash)


def test_a_canceled_invoice_may_be_forgotten_and_its_add_index_is_not_given_again(world: World) -> None:
    world.core.quirks.forget_canceled = True
    row = world.add(expiry_seconds=60)
    world.now += 60
    with pytest.raises(CallRefused, match="unable to locate invoice") as refusal:
        world.core.lookup(row.payment_hash)
    assert refusal.value.status == "NOT_FOUND"
    assert world.add().add_index == 2
    assert [row.add_index for row in world.core.list_invoices(index_offset=0, limit=500)] == [2]


def test_a_payment_in_flight_at_expiry_settles(world: World) -> None:
    row = world.add(expiry_seconds=60)
    world.core.start_payment(row.payment_hash)
    world.now += 120
    assert world.core.lookup(row.payment_hash).state is OPEN
    settled = world.core.pay(row.payment_hash)
    assert settled.settled_at > row.expires_at


def test_a_payment_in_flight_that_fails_lets_the_invoice_expire(world: World) -> None:
    row = world.add(expiry_seconds=60)
    world.core.start_payment(row.payment_hash)
    world.now += 120
    world.core.fail_payment(row.payment_hash)
    assert world.core.lookup(row.payment_hash).state is CANCELED


def test_while_the_watcher_lags_an_expired_invoice_is_open_and_payable(world: World) -> None:
    world.core.quirks.watch_expiry = False
    rows = [world.add(expiry_seconds=60), world.add(expiry_seconds=60)]
    world.now += 60
    assert world.core.pay(rows[0].payment_hash).state is SETTLED
    world.core.quirks.watch_expiry = True
    assert [world.core.lookup(row.payment_hash).state for row in rows] == [SETTLED, CANCELED]


def test_overpayment_is_taken_as_it_is_and_underpayment_refused(world: World) -> None:
    row = world.add(amount_msat=1000)
    with pytest.raises(PaymentRefused, match="too low"):
        world.core.pay(row.payment_hash, amount_msat=999)
    assert world.core.pay(row.payment_hash, amount_msat=5_000_000).paid_msat == 5_000_000


def test_a_settled_invoice_takes_no_second_payment(world: World) -> None:
    row = world.add()
    world.core.pay(row.payment_hash)
    with pytest.raises(PaymentRefused):
        world.core.pay(row.payment_hash)


def test_canceling_is_idempotent_and_refused_for_a_settled_invoice(world: World) -> None:
    first, second = world.add(), world.add()
    for _ in range(2):
        world.core.cancel(first.payment_hash)
    world.core.pay(second.payment_hash)
    with pytest.raises(CallRefused, match="invoice already settled"):
        world.core.cancel(second.payment_hash)
    assert world.core.lookup(second.payment_hash).state is SETTLED


def test_keysend_and_amp_lie_among_the_invoices_and_on_the_stream(world: World) -> None:
    stream = world.subscribe()
    assert world.core.keysend(7000).is_keysend
    amp = world.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=60, is_amp=True)
    for _ in range(2):
        assert world.core.pay(amp.payment_hash).state is OPEN
    assert [row.settle_index for row in world.core.list_invoices(index_offset=0, limit=9)] == [1, 3]
    assert told(stream) == [(1, OPEN), (1, SETTLED), (2, OPEN), (2, OPEN), (2, OPEN)]


def test_events_may_be_dropped_doubled_held_back_and_shuffled(world: World) -> None:
    stream = world.subscribe()
    world.core.quirks.drop_events = True
    world.add()
    assert told(stream) == []
    world.core.quirks.drop_events = False
    world.core.quirks.duplicate_events = True
    world.add()
    assert told(stream) == [(2, OPEN), (2, OPEN)]
    world.core.quirks.duplicate_events = False
    world.core.quirks.hold_events = True
    for _ in range(20):
        world.add()
    assert told(stream) == []
    world.core.release_events(shuffled=True)
    shuffled = [index for index, _ in told(stream)]
    assert shuffled != sorted(shuffled)
    assert sorted(shuffled) == list(range(3, 23))


def test_a_restart_breaks_streams_and_keeps_invoices(world: World) -> None:
    row = world.add()
    stream = world.subscribe()
    world.core.restart()
    world.core.pay(row.payment_hash)
    assert stream.broken
    assert told(stream) == []
    assert world.core.lookup(row.payment_hash).state is SETTLED


def test_pages_are_cut_by_add_index_in_either_direction(world: World) -> None:
    rows = [world.add() for _ in range(7)]
    world.core.pay(rows[3].payment_hash)

    def page(**options: bool | int) -> list[int]:
        asked = {"index_offset": 0, "limit": 3} | options
        return [row.add_index for row in world.core.list_invoices(**asked)]  # type: ignore[arg-type]

    assert page() == [1, 2, 3]
    assert page(index_offset=5) == [6, 7]
    assert page(index_offset=7) == []
    assert page(is_reversed=True) == [5, 6, 7]
    assert page(is_reversed=True, index_offset=5) == [2, 3, 4]
    assert page(pending_only=True, index_offset=2) == [3, 5, 6]


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"amount_msat": -1}, "negative"),
        ({"amount_msat": 10**17}, "too large"),
        ({"memo": "x" * 1025}, "memo too large"),
        ({"memo": "x" * 640}, "10 bits: 1024"),
        ({"expiry_seconds": 31_536_001}, "max expiry"),
    ],
)
def test_what_lnd_would_not_issue_is_refused(world: World, asked: dict[str, object], complaint: str) -> None:
    fields = {"preimage": b"", "amount_msat": 1000, "memo": "", "expiry_seconds": 60} | asked
    with pytest.raises(CallRefused, match=complaint):
        world.core.add_invoice(**fields)  # type: ignore[arg-type]
    assert world.core.list_invoices(index_offset=0, limit=9) == []


@pytest.mark.parametrize("state", [NodeState.LOCKED, NodeState.STARTING, NodeState.ABSENT])
def test_a_node_that_is_not_up_refuses_calls(world: World, state: NodeState) -> None:
    world.core.check_ready()
    world.core.state = state
    with pytest.raises(CallRefused):
        world.core.check_ready()


def test_what_was_received_moves_the_channels(world: World) -> None:
    before = world.core.liquidity()
    world.core.pay(world.add(amount_msat=5000).payment_hash, amount_msat=6000)
    after = world.core.liquidity()
    assert (before.inbound_msat - after.inbound_msat, after.outbound_msat - before.outbound_msat) == (6000, 6000)


def test_what_was_recorded_restores_a_node_with_its_counters(world: World) -> None:
    world.core.quirks.forget_canceled = True
    settle_in_the_order_4_2_0_5_1_3(world)
    open_row, forgotten = world.add(expiry_seconds=60), world.add()
    world.core.cancel(forgotten.payment_hash)
    world.core = world.node()
    world.core.restore(list(world.recorded))
    assert told(world.subscribe(settle_index=1)) == [(index, SETTLED) for index in (1, 2, 3, 4, 6)]
    assert world.add().add_index == 9
    world.now += 60
    assert world.core.lookup(open_row.payment_hash).state is CANCELED
