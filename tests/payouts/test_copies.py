"""A copy of the books from before money was reserved or sent is known to be older."""

from pathlib import Path

from gateway.simulator.payments.payment import Plan
from gateway.store.engines.newest_position import NewestPosition, position_file
from tests.payouts.conftest import PayingDomain


async def test_books_from_before_a_payout_was_reserved_or_sent_are_older(paying: PayingDomain, tmp_path: Path) -> None:
    books = tmp_path / "books.db"
    newest = NewestPosition(paying.domain.store, books)

    async def recorded() -> list[int]:
        await newest.record()
        return [int(number) for number in position_file(books).read_text().split()]

    paying.core.payments.plan = lambda: Plan(ends_after_seconds=None)
    before = await recorded()
    await paying.ask(1_000)
    reserved = await recorded()
    await paying.process.work()
    sent = await recorded()
    assert before < reserved < sent
