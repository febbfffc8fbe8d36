"""A lease has one holder, by the database's clock; work runs while it is held."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gateway.app.background import replica_id
from gateway.errors import Unavailable
from gateway.settlement.lease import Lease
from gateway.store.engines.database import Database
from gateway.supervise import Progress, Supervisor
from tests.support.clock import unless_changed, until


async def test_a_lease_has_one_holder_until_it_ends_or_is_given_back(store: Database) -> None:
    def take(holder: str, seconds: float = 60.0) -> Any:
        return store.write(lambda tx: tx.leases.take("lnd", holder, seconds=seconds))

    assert await take("one")
    assert not await take("two")
    assert await take("one", -1.0)
    assert await take("two")
    assert not await take("one")
    await store.write(lambda tx: tx.leases.give_back("lnd", "one"))
    assert not await take("one")
    await store.write(lambda tx: tx.leases.give_back("lnd", "two"))
    assert await take("one")
    assert await store.write(lambda tx: tx.leases.take("another-node", "two", seconds=60.0))


async def test_a_gateway_that_crashed_takes_its_own_lease_back_at_once(store: Database, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    taken = [
        await store.write(lambda tx, f=folder: tx.leases.take("lnd", replica_id(f), seconds=60.0))  # type: ignore[misc]  # bound in the loop
        for folder in (folders[0], folders[1], folders[0])
    ]
    assert taken == [True, False, True]


async def test_of_many_that_want_a_lease_one_gets_it(store: Database) -> None:
    def take(number: int, seconds: float) -> Any:
        return store.write(lambda tx: tx.leases.take("lnd", f"r{number}", seconds=seconds))

    await asyncio.gather(*(take(number, -1.0) for number in range(12)))
    taken = await asyncio.gather(*(take(number, 60.0) for number in range(12)))
    assert sum(taken) == 1


async def test_work_runs_while_the_lease_is_held_and_ends_with_it(store: Database) -> None:
    running: list[str] = []
    leases = [Lease(store, "lnd", holder) for holder in ("one", "two")]

    def work_of(name: str) -> Callable[[Progress], Any]:
        async def work(_: Progress) -> None:
            running.append(name)
            try:
                await asyncio.Event().wait()
            finally:
                running.remove(name)

        return work

    keeping = [asyncio.create_task(lease.keep(Progress())) for lease in leases]
    working = [asyncio.create_task(lease.while_held(work_of(str(n)), Progress())) for n, lease in enumerate(leases)]
    await until(lambda: len(running) == 1)
    first = int(running[0])
    keeping[first].cancel()
    await asyncio.wait([keeping[first]])
    await until(lambda: running == [])
    await leases[first].give_back()
    await until(lambda: running == [str(1 - first)])
    for task in (*keeping, *working):
        task.cancel()
    await asyncio.wait([*keeping, *working])
    assert running == []


async def test_a_replica_that_cannot_reach_the_node_leaves_it_to_one_that_can(store: Database) -> None:
    able = {"one"}
    one, two = (
        Lease(store, "lnd", holder, able=partial(able.__contains__, holder), renew_every_seconds=0.01)
        for holder in ("one", "two")
    )
    async with asyncio.TaskGroup() as keeping:
        tasks = [keeping.create_task(each.keep(Progress())) for each in (one, two)]
        await until(one.held.is_set)
        able.add("two")
        await unless_changed(lambda: one.held.is_set() and not two.held.is_set())
        able.remove("one")
        await until(lambda: two.held.is_set() and not one.held.is_set())
        able.clear()
        await until(lambda: not two.held.is_set())
        able.add("one")
        await until(one.held.is_set)
        for task in tasks:
            task.cancel()


async def test_a_replica_that_waits_for_a_lease_is_well_whatever_failed_before(store: Database) -> None:
    one = Lease(store, "lnd", "one")
    supervisor = Supervisor()

    async def work(_: Progress) -> None:
        raise Unavailable("node_away", "The node is away.")

    async with supervisor.supervise("follow lnd", partial(one.while_held, work)):
        progress = supervisor.progress["follow lnd"]
        one._set(held=True)
        await until(lambda: bool(progress.last_error))
        one._set(held=False)
        await until(lambda: not progress.last_error and not progress.failures)
