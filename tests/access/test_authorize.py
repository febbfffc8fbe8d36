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
from tests.support.domain import Domain, open_domain
from tests.support.nodes.observed_node import ObservedNode
from tests.support.rows import START, an_invoice, an_item

FOR_AN_HOUR = an_item("for-an-hour", access_seconds=3_600)


@pytest.fixture
async def domain(
    tmp_path: Path, database_url: str, clock: FakeClock, core: Simulator, node: ObservedNode
) -> AsyncIterator[Domain]:
    async with open_domain(tmp_path, clock, core, database_url=database_url, node=node, items=[FOR_AN_HOUR]) as opened:
        yield opened


def line_of(domain: Domain, invoice: Invoice) -> tuple[str, Credential]:
    """An Authorization line and its credential."""
    token = mint_token(domain.keys, invoice)
    return f"Bearer {b64encode(token).decode()}", Credential(token, None)


async def test_a_granted_access_is_remembered_for_its_line_and_item(domain: Domain, node: ObservedNode) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    line, credential = line_of(domain, invoice)
    assert domain.authorizer.remembered(line, "welcome") is None
    access = await domain.authorizer.authorize([(line, credential)], "welcome")
    assert access == Access(invoice.payment_hash, "welcome", None)
    assert domain.authorizer.remembered(line, "welcome") == access
    assert domain.authorizer.remembered(line, "other") is None
    assert domain.authorizer.remembered(f"{line} ", "welcome") is None
    asked = node.asked("lookup")
    await domain.authorizer.authorize([(line, credential)], "welcome")
    assert node.asked("lookup") == asked


async def test_a_remembered_access_ends_with_the_paid_time(domain: Domain) -> None:
    invoice = await domain.sell("for-an-hour")
    domain.clock.advance(30)
    preimage = domain.pay(invoice)
    line, credential = line_of(domain, invoice)
    access = await domain.authorizer.authorize([(line, credential)], "for-an-hour")
    assert access.valid_until == START + 30 + 3_600
    proven = Credential(credential.macaroon, bytes.fromhex(preimage))
    by_preimage = await domain.authorizer.authorize([("L402", proven)], "for-an-hour")
    assert by_preimage == access
    domain.clock.now = START + 30 + 3_600
    assert domain.authorizer.remembered(line, "for-an-hour") is None
    assert domain.authorizer.remembered("L402", "for-an-hour") is None


async def test_a_refusal_is_not_remembered(domain: Domain) -> None:
    invoice = await domain.sell()
    line, credential = line_of(domain, invoice)
    with pytest.raises(Unauthorized):
        await domain.authorizer.authorize([(line, credential)], "welcome")
    assert domain.authorizer.remembered(line, "welcome") is None


async def test_only_the_line_that_opened_is_remembered(domain: Domain) -> None:
    paid, unpaid = await domain.sell_many(2)
    domain.pay(paid)
    good, bad = line_of(domain, paid), line_of(domain, unpaid)
    await domain.authorizer.authorize([bad, good], "welcome")
    assert domain.authorizer.remembered(good[0], "welcome") is not None
    assert domain.authorizer.remembered(bad[0], "welcome") is None


async def test_long_or_many_lines_do_not_fill_the_memory(domain: Domain) -> None:
    authorizer = Authorizer(domain.keys, domain.store, domain.rechecker, domain.clock, most_remembered=3)
    invoice = await domain.sell()
    domain.pay(invoice)
    _, credential = line_of(domain, invoice)
    long = "x" * (authorize._LONGEST_REMEMBERED + 1)
    for line in (long, "1", "2", "3", "4"):
        await authorizer.authorize([(line, credential)], "welcome")
    known = [line for line in (long, "1", "2", "3", "4") if authorizer.remembered(line, "welcome")]
    assert known == ["2", "3", "4"]


async def test_a_token_whose_row_is_gone_is_unpaid(domain: Domain) -> None:
    line, credential = line_of(domain, an_invoice(99))
    with pytest.raises(Unauthorized) as refusal:
        await domain.authorizer.authorize([(line, credential)], "welcome")
    assert refusal.value.code == "not_paid"


async def test_paid_items_open_while_the_node_is_away(domain: Domain) -> None:
    paid, unpaid = await domain.sell_many(2)
    domain.pay(paid)
    await domain.sweeper.sweep()
    domain.core.state = NodeState.ABSENT
    fresh = Authorizer(domain.keys, domain.store, domain.rechecker, domain.clock)
    assert await fresh.authorize([line_of(domain, paid)], "welcome")
    with pytest.raises(Unavailable):
        await fresh.authorize([line_of(domain, unpaid)], "welcome")


async def test_a_request_without_credentials_is_asked_to_pay(domain: Domain) -> None:
    with pytest.raises(PaymentRequired) as refusal:
        await domain.authorizer.authorize([], "welcome")
    assert refusal.value.code == "payment_required"


async def test_the_first_refusal_other_than_402_is_the_answer(domain: Domain) -> None:
    invoice = await domain.sell("for-an-hour")
    domain.pay(invoice)
    await domain.sweeper.sweep()
    domain.clock.advance(4_000)
    ended, forged = line_of(domain, invoice), ("", Credential(b"", None))
    with pytest.raises(Unauthorized):
        await domain.authorizer.authorize([ended, forged], "for-an-hour")
    with pytest.raises(PaymentRequired):
        await domain.authorizer.authorize([ended, ended], "for-an-hour")
