"""A store in which alice has earned a million msat and bob nothing."""

import pytest

from gateway.ports.store import Tx
from gateway.store.engines.database import Database
from tests.support.payout_rows import earn
from tests.support.rows import a_creator, an_item


@pytest.fixture
async def books(store: Database) -> Database:
    await store.write(begin)
    return store


def begin(tx: Tx) -> None:
    """Let alice earn."""
    for name in ("alice", "bob"):
        tx.creators.insert(a_creator(name))
    tx.items.insert(an_item())
    earn(tx, amount_msat=1_000_000, number=899)
