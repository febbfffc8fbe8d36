"""Many reads at once cost one more; each returns the row as it is after it was asked for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from gateway.errors import Unavailable
from gateway.events.shared_reads import SharedReads
from gateway.ports.store import Tx
from gateway.rows import Invoice
from gateway.store.engines.database import Database
from tests.support.clock import until
from tests.support.rows import a_creator, an_invoice, an_item, hash_of

T = TypeVar("T")
COUNT = 1_200


class Slow:
    """A store whose reads wait until the test lets them on, and can be refused."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self.begun = 0
        self.letting_on = asyncio.Event()
        self.refusing = False

    async def read(self, work: Callable[[Tx], T]) -> T:
        """As the store's."""
        self.begun += 1
        await self.letting_on.wait()
        if self.refusing:
            raise Unavailable("database_away", "Gone.", retry_after_seconds=2)
        return await self._store.read(work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """As the store's."""
        return await self._store.write(work)


@pytest.fixture
async def slow(store: Database) -> AsyncIterator[Slow]:
    """With invoices 0 to COUNT - 1."""

    def stock(tx: Tx) -> None:
        for name in ("alice", "bob"):
            tx.creators.insert(a_creator(name))
        tx.items.insert(an_item())
        for number in range(COUNT):
            tx.invoices.insert(an_invoice(number))

    await store.write(stock)
    slow = Slow(store)
    yield slow
    slow.letting_on.set()


async def test_all_who_ask_while_a_read_runs_share_the_next_one(slow: Slow) -> None:
    reads = SharedReads(slow)
    first = asyncio.create_task(reads.invoice(hash_of(0)))
    await until(lambda: slow.begun == 1)
    others = [asyncio.create_task(reads.invoice(hash_of(number))) for number in range(COUNT)]
    unknown = asyncio.create_task(reads.invoice("0" * 64))
    slow.letting_on.set()
    found = await asyncio.gather(first, *others)
    assert [_hash(invoice) for invoice in found] == [hash_of(0), *(hash_of(number) for number in range(COUNT))]
    assert await unknown is None
    assert slow.begun == 2


async def test_what_is_asked_after_a_read_began_is_read_after_it(slow: Slow) -> None:
    reads = SharedReads(slow)
    early = asyncio.create_task(reads.invoice(hash_of(0)))
    await until(lambda: slow.begun == 1)
    late = asyncio.create_task(reads.invoice(hash_of(0)))
    slow.letting_on.set()
    assert _hash(await early) == _hash(await late)
    assert slow.begun == 2


async def test_a_refusal_reaches_all_who_shared_the_read_and_nobody_after_them(slow: Slow) -> None:
    reads = SharedReads(slow)
    slow.refusing = True
    slow.letting_on.set()
    refused = await asyncio.gather(*(reads.invoice(hash_of(n)) for n in range(3)), return_exceptions=True)
    assert [type(refusal) for refusal in refused] == [Unavailable] * 3
    slow.refusing = False
    assert _hash(await reads.invoice(hash_of(1))) == hash_of(1)


async def test_whoever_leaves_takes_nothing_from_the_others(slow: Slow) -> None:
    reads = SharedReads(slow)
    leaving, staying = (asyncio.create_task(reads.invoice(hash_of(number))) for number in (0, 1))
    await until(lambda: slow.begun == 1)
    leaving.cancel()
    slow.letting_on.set()
    assert _hash(await staying) == hash_of(1)
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_refusal_that_nobody_stayed_for_is_no_alarm(slow: Slow) -> None:
    reads = SharedReads(slow)
    slow.refusing = True
    leaving = asyncio.create_task(reads.invoice(hash_of(0)))
    await until(lambda: slow.begun == 1)
    leaving.cancel()
    slow.letting_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    slow.refusing = False
    assert _hash(await reads.invoice(hash_of(0))) == hash_of(0)


def _hash(invoice: Invoice | None) -> str | None:
    return None if invoice is None else invoice.payment_hash
