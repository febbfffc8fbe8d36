"""What was paid for opens on a database that takes nothing: full, read-only, or locked by another program."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.access.key_rotation import pin_keys
from gateway.errors import Unavailable
from gateway.nodes.identity import PinnedNode
from gateway.ports.store import Tx
from gateway.settlement.recheck import RECHECK_EVERY_SECONDS
from gateway.simulator.in_process_node import InProcessNode
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.sqlite import sqlite_engine
from tests.support.site import Site
from tests.web.api.test_events import listening

pytestmark = pytest.mark.both_databases

CONTENT, RECEIPT = "/v1/items/welcome/content", "/v1/receipt"
WITHIN_SECONDS = 4.0


@pytest.fixture
async def shop(site: Site) -> AsyncIterator[Site]:
    """A site that sells `welcome`, in a folder of its own."""
    await site.sell_text("# A text\n\nThe free part.\n\nThe paid part.")
    yield site
    await site.gateway.settlers["lnd"].settle(
        await site.gateway.nodes["lnd"].node.list_invoices(after_add_index=0, limit=500)
    )


@pytest.fixture
def refuse(shop: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the database refuse every write from now on."""

    async def write(_work: Callable[[Tx], Any]) -> Any:
        raise Unavailable("database_away", "The database refused; nothing was written.", retry_after_seconds=2)

    return lambda: monkeypatch.setattr(shop.gateway.store._store, "write", write)  # type: ignore[attr-defined]  # to break it


async def opened(shop: Site, headers: dict[str, str]) -> tuple[int, int]:
    """How content and receipt answer a token."""
    (content, _), (receipt, _) = [await shop.call("GET", path, headers=headers) for path in (CONTENT, RECEIPT)]
    return content, receipt


async def test_what_was_booked_opens_and_has_its_receipt(shop: Site, refuse: Callable[[], None]) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    refuse()
    assert await opened(shop, headers) == (200, 200)
    receipt = (await shop.call("GET", RECEIPT, headers=headers))[1]
    assert (receipt["state"], receipt["recovery_code"]) == ("settled", None), "a code that nothing keeps opens nothing"
    assert (await shop.call("POST", "/v1/items/welcome/links", headers=headers))[0] == 200
    assert (await shop.call("GET", "/r", headers=headers))[0] == 200


async def test_what_the_node_settled_opens_before_it_can_be_booked(shop: Site, refuse: Callable[[], None]) -> None:
    invoice, headers = await shop.buy("welcome")
    refuse()
    shop.pay(invoice["payment_hash"])
    path = f"/v1/invoices/{invoice['payment_hash']}"
    for _ in range(3):
        assert (await shop.call("GET", path))[1]["state"] == "settled"
        assert await opened(shop, headers) == (200, 200)
        shop.clock.advance(RECHECK_EVERY_SECONDS / 2)
    async with listening(shop, invoice["payment_hash"]) as listener:
        assert (await listener.next())[0] == "settled"


async def test_what_was_not_paid_stays_closed(shop: Site, refuse: Callable[[], None]) -> None:
    _, headers = await shop.buy("welcome")
    refuse()
    assert (await opened(shop, headers))[0] == 401


async def test_a_start_writes_nothing_about_keys_and_nodes_that_are_known(
    shop: Site, refuse: Callable[[], None]
) -> None:
    refuse()
    gateway = shop.gateway
    await pin_keys(gateway.store, gateway.keys.fingerprints())
    await PinnedNode(InProcessNode(shop.core), gateway.store).confirm()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_another_programs_lock_keeps_no_payer_waiting(shop: Site) -> None:
    booked, its = await shop.buy("welcome")
    await shop.settle(booked["payment_hash"])
    paid, headers = await shop.buy("welcome")
    path = sqlite_path(shop.gateway.config.database_url)
    assert path is not None
    engine = sqlite_engine(path)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        # What waits for the lock already is no reason to wait longer.
        waiting = [asyncio.ensure_future(shop.gateway.store.write(lambda _: None)) for _ in range(3)]
        shop.pay(paid["payment_hash"])
        async with asyncio.timeout(WITHIN_SECONDS):
            assert (await shop.call("GET", f"/v1/invoices/{paid['payment_hash']}"))[1]["state"] == "settled"
            assert await opened(shop, headers) == (200, 200)
            assert await opened(shop, its) == (200, 200)
        other.exec_driver_sql("ROLLBACK")
    engine.dispose()
    await asyncio.gather(*waiting, return_exceptions=True)
