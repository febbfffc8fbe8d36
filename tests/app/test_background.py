"""Background work looks again soon enough after its failures."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.access.refunded import RefundedPayments
from gateway.app.background import BACKOFF_OF, REFUNDED_EVERY_SECONDS
from gateway.errors import Unavailable
from gateway.ports.store import Store
from gateway.supervise import Supervisor, every
from tests.support.site import Site
from tools.days.loop import run_virtually

REFUNDED = "refunded"
CLOSED_WITHIN_SECONDS = 2.0


class FailingStore(Store):
    """A store whose reads fail for so many seconds; then there is one refund."""

    def __init__(self, seconds: float) -> None:
        self.heals_at = asyncio.get_running_loop().time() + seconds
        self.read_at: float | None = None

    async def read(self, work: Callable[[Any], Any]) -> Any:  # noqa: ARG002  # the port's
        """As in the Protocol."""
        now = asyncio.get_running_loop().time()
        if now < self.heals_at:
            raise Unavailable("database_away", "The database is away.")
        self.read_at = self.read_at or now
        return ["refunded"]

    async def write(self, work: Callable[[Any], Any]) -> Any:
        """Nothing is written here."""
        raise AssertionError(work)


async def seconds_until_closed(away_seconds: float) -> float:
    """How long after the database answers again a refunded payment is closed."""
    store = FailingStore(away_seconds)
    refunded = RefundedPayments(store, asyncio.get_running_loop().time)
    work = every(REFUNDED_EVERY_SECONDS, refunded.refresh)
    async with Supervisor().supervise(REFUNDED, work, backoff=BACKOFF_OF[REFUNDED]):
        # Time leaps as long as nothing else is to be done.
        while "refunded" not in refunded:
            try:
                async with asyncio.timeout(CLOSED_WITHIN_SECONDS):
                    await asyncio.Event().wait()
            except TimeoutError:
                continue
    assert store.read_at is not None
    return store.read_at - store.heals_at


@pytest.mark.parametrize("away_seconds", [0.5, 3.0, 61.7, 3_600.3])
def test_what_is_refunded_closes_within_2_s_of_a_database_that_answers_again(away_seconds: float) -> None:
    for seed in range(5):
        assert run_virtually(seconds_until_closed(away_seconds), seed=seed) <= CLOSED_WITHIN_SECONDS


async def test_a_gateway_looks_for_refunds_so(site: Site) -> None:
    assert site.gateway.supervisor.progress[REFUNDED].backoff == BACKOFF_OF[REFUNDED]
