"""Authorizing a token: one database read per token, then from a bounded memory."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.access import authorize
from gateway.access.authorize import Access, Authorizer
from gateway.access.tokens import Credential, mint_token
from gateway.errors import PaymentRequired, Unauthorized, Unavailable
from gateway.ports.node import NodeState
from gateway.rows import Invoice
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock
from tests.support.domain import Till, open_till
from tests.support.observed_node import ObservedNode
from tests.support.rows import START, an_invoice, an_item

FOR_AN_HOUR = an_item("for-an-hour", access_seconds=3_600)


@pytest.fixture
async def till(
    tmp_path: Path, database_url: str, clock: FakeClock, core: Simulator, node: ObservedNode
) -> AsyncIterator[Till]:
    async with open_till(tmp_path, clock, core, database_url=database_url, node=node, items=[FOR_AN_HOUR]) as opened:
        yield opened


def line_of(till: Till, invoice: Invoice) -> tuple[str, Credential]:
    """An Authorization line and its credential."""
    token = mint_token(till.keys, invoice)
    return f"Bearer {b64encode(token).decode()}", Credential(token, None)


async def test_a_granted_access_is_remembered_for_its_line_and_item(till: Till, node: ObservedNode) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    line, credential = line_of(till, invoice)
    assert till.authorizer.remembered(line, "welcome") is None
    access = await till.authorizer.authorize([(line, credential)], "welcome")
    assert access == Access(invoice.payment_hash, "welcome", None)
    assert till.authorizer.remembered(line, "welcome") == access
    assert till.authorizer.remembered(line, "other") is None
    assert till.authorizer.remembered(f"{line} ", "welcome") is None
    asked = node.asked("lookup")
    await till.authorizer.authorize([(line, credential)], "welcome")
    assert node.asked("lookup") == asked


async def test_a_remembered_access_ends_with_the_paid_time(till: Till) -> None:
    invoice = await till.sell("for-an-hour")
    till.clock.advance(30)
    preimage = till.pay(invoice)
    line, credential = line_of(till, invoice)
    access = await till.authorizer.authorize([(line, credential)], "for-an-hour")
    assert access.valid_until == START + 30 + 3_600
    proven = Credential(credential.macaroon, bytes.fromhex(preimage))
    by_preimage = await till.authorizer.authorize([("L402", proven)], "for-an-hour")
    assert by_preimage == access
    till.clock.now = START + 30 + 3_600
    assert till.authorizer.remembered(line, "for-an-hour") is None
    assert till.authorizer.remembered("L402", "for-an-hour") is None


async def test_a_refusal_is_not_remembered(till: Till) -> None:
    invoice = await till.sell()
    line, credential = line_of(till, invoice)
    with pytest.raises(Unauthorized):
        await till.authorizer.authorize([(line, credential)], "welcome")
    assert till.authorizer.remembered(line, "welcome") is None


async def test_only_the_line_that_opened_is_remembered(till: Till) -> None:
    paid, unpaid = await till.sell_many(2)
    till.pay(paid)
    good, bad = line_of(till, paid), line_of(till, unpaid)
    await till.authorizer.authorize([bad, good], "welcome")
    assert till.authorizer.remembered(good[0], "welcome") is not None
    assert till.authorizer.remembered(bad[0], "welcome") is None


async def test_long_or_many_lines_do_not_fill_the_memory(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorize, "_REMEMBERED", 3)
    invoice = await till.sell()
    till.pay(invoice)
    _, credential = line_of(till, invoice)
    long = "x" * (authorize._LONGEST_REMEMBERED + 1)
    for line in (long, "1", "2", "3", "4"):
        await till.authorizer.authorize([(line, credential)], "welcome")
    known = [line for line in (long, "1", "2", "3", "4") if till.authorizer.remembered(line, "welcome")]
    assert known == ["2", "3", "4"]


async def test_a_token_whose_row_is_gone_is_unpaid(till: Till) -> None:
    line, credential = line_of(till, an_invoice(99))
    with pytest.raises(Unauthorized) as refusal:
        await till.authorizer.authorize([(line, credential)], "welcome")
    assert refusal.value.code == "not_paid"


async def test_paid_items_open_while_the_node_is_away(till: Till) -> None:
    paid, unpaid = await till.sell_many(2)
    till.pay(paid)
    await till.sweeper.sweep()
    till.core.state = NodeState.ABSENT
    fresh = Authorizer(till.keys, till.store, till.rechecker, till.clock)
    assert await fresh.authorize([line_of(till, paid)], "welcome")
    with pytest.raises(Unavailable):
        await fresh.authorize([line_of(till, unpaid)], "welcome")


async def test_a_request_without_credentials_is_asked_to_pay(till: Till) -> None:
    with pytest.raises(PaymentRequired) as refusal:
        await till.authorizer.authorize([], "welcome")
    assert refusal.value.code == "payment_required"


async def test_the_first_refusal_other_than_402_is_the_answer(till: Till) -> None:
    invoice = await till.sell("for-an-hour")
    till.pay(invoice)
    await till.sweeper.sweep()
    till.clock.advance(4_000)
    ended, forged = line_of(till, invoice), ("", Credential(b"", None))
    with pytest.raises(Unauthorized):
        await till.authorizer.authorize([ended, forged], "for-an-hour")
    with pytest.raises(PaymentRequired):
        await till.authorizer.authorize([ended, ended], "for-an-hour")
