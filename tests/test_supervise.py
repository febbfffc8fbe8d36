"""Supervised work: it is restarted with growing delays and ends when it is cancelled."""

import asyncio
import gc
import random

import pytest
from structlog.testing import capture_logs

from gateway.errors import Unavailable
from gateway.supervise import BACKOFF, Backoff, Progress, Supervisor, finish
from tests.support.clock import turns, until

QUICK = Backoff(first_seconds=0.001, longest_seconds=0.002)


async def test_failing_work_is_restarted_until_it_is_cancelled() -> None:
    rounds: list[int] = []

    async def work(progress: Progress) -> None:
        rounds.append(progress.failures)
        if len(rounds) % 3 == 1:
            raise Unavailable("node_away", "The node is away.")
        if len(rounds) % 3 == 2:
            raise RuntimeError

    supervisor = Supervisor(QUICK)
    with capture_logs() as logs:
        async with supervisor.supervise("work", work):
            await until(lambda: len(rounds) >= 7)
            assert supervisor.dead() == []
    assert rounds[:7] == list(range(7)), "an end without progress counts as a failure"
    assert supervisor.tasks == {}
    events = [(log["event"], log["log_level"]) for log in logs]
    assert events[:2] == [("work_interrupted", "warning"), ("work_failed", "error")]
    assert logs[0]["code"] == "node_away"
    assert logs[1]["exc_info"]


async def test_the_last_error_is_reported_until_there_is_progress() -> None:
    told: list[str] = []
    errors: list[Exception] = [Unavailable("node_away", "The node is away."), RuntimeError("secret")]

    async def work(progress: Progress) -> None:
        told.append(progress.last_error)
        if errors:
            raise errors.pop(0)
        progress.made()
        told.append(progress.last_error)
        await asyncio.Event().wait()

    supervisor = Supervisor(QUICK)
    async with supervisor.supervise("work", work):
        await until(lambda: len(told) == 4)
        assert supervisor.progress["work"].failures == 0
    assert told == ["", "The node is away.", "an internal error; see the log", ""]


async def test_leaving_the_context_cancels_and_awaits_the_work() -> None:
    ended = asyncio.Event()

    async def work(_: Progress) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await turns()
            ended.set()

    async with Supervisor(QUICK).supervise("work", work):
        await turns()
    assert ended.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_work_is_restarted_after_a_cancellation_from_inside() -> None:
    rounds: list[int] = []

    async def work(progress: Progress) -> None:
        rounds.append(progress.failures)
        given_up = asyncio.get_running_loop().create_future()
        given_up.cancel()
        await given_up

    supervisor = Supervisor(QUICK)
    with capture_logs() as logs:
        async with supervisor.supervise("work", work):
            await until(lambda: len(rounds) >= 3)
            assert supervisor.dead() == []
    assert logs[0]["event"] == "work_failed"
    assert logs[0]["exc_info"]


async def test_work_that_ended_by_itself_is_dead() -> None:
    async def work(_: Progress) -> None:
        raise GeneratorExit

    supervisor = Supervisor(QUICK)
    async with supervisor.supervise("work", work):
        await until(lambda: supervisor.dead() == ["work"])
    assert supervisor.dead() == []


def test_the_wait_grows_with_every_failure_up_to_a_limit_and_is_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 1.0)
    longest = [Progress(failures=failures).delay_seconds() for failures in range(12)]
    assert longest[:3] == [BACKOFF.first_seconds, BACKOFF.first_seconds * 2, BACKOFF.first_seconds * 4]
    assert longest == sorted(longest)
    assert longest[-1] == BACKOFF.longest_seconds
    monkeypatch.setattr(random, "random", lambda: 0.0)
    assert [Progress(failures=failures).delay_seconds() for failures in range(12)] == [each / 2 for each in longest]


def test_a_thousand_failures_do_not_overflow() -> None:
    assert Progress(failures=10**6).delay_seconds() <= BACKOFF.longest_seconds


async def test_work_finishes_after_its_caller_is_cancelled_and_fails_without_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await turns()
        ended.set()
        raise Unavailable("node_away", "The node is away.")

    caller = asyncio.create_task(finish(work()))
    await begun.wait()
    caller.cancel()
    await asyncio.wait([caller])
    await ended.wait()
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    gc.collect()
    assert caplog.records == []


async def test_recovered_work_is_not_failing() -> None:
    errors: list[Exception] = [Unavailable("database_away", "The database is away.")] * 3

    async def work(progress: Progress) -> None:
        if errors:
            raise errors.pop()
        progress.recovered()
        await asyncio.Event().wait()

    supervisor = Supervisor(QUICK)
    async with supervisor.supervise("work", work):
        progress = supervisor.progress
        await until(lambda: progress["work"].failures == 3 and not progress["work"].last_error)
        assert not progress["work"].is_failing()
    assert Progress(failures=2, last_error="The node is away.").is_failing()
    assert not Progress(failures=1, last_error="The node is away.").is_failing(), "it is tried again at once"


async def test_work_is_retried_at_once_when_its_dependency_answers_again_except_after_a_defect() -> None:
    tried: list[str] = []

    async def away(_: Progress) -> None:
        tried.append("away")
        raise Unavailable("database_away", "The database is away.")

    async def broken(_: Progress) -> None:
        tried.append("broken")
        raise RuntimeError

    supervisor = Supervisor(Backoff(first_seconds=3_600.0, longest_seconds=3_600.0))
    async with supervisor.supervise("away", away), supervisor.supervise("broken", broken):
        await until(lambda: sorted(tried) == ["away", "broken"])
        for progress in supervisor.progress.values():
            progress.retry_now()
        await until(lambda: sorted(tried) == ["away", "away", "broken"])
