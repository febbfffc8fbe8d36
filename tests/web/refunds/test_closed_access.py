"""What was refunded opens no more, whichever way its payer asks; what else they bought stays open."""

from base64 import b64decode
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.access.one_time_codes import new_one_time_code
from gateway.access.tokens import read_token
from gateway.config import load_config
from gateway.simulator.core import Simulator
from tests.access.test_tokens import bearer, narrowed
from tests.support.clock import FakeClock
from tests.support.databases import in_a_thread
from tests.support.postgres_server import Cluster
from tests.support.rows import a_creator
from tests.support.site import Site, open_site
from tests.web.pages.test_purchases import Browser, payment_hash
from tests.web.refunds.conftest import CONTENT, TEXT, Headers, Shop

REFUNDED = (402, "payment_refunded")


async def answer(site: Site, headers: Headers, path: str = CONTENT) -> tuple[int, str]:
    """Status and error code of a request for the content."""
    status, body = await site.call("GET", path, headers=headers)
    assert status == 200 or "paid part" not in str(body)
    return status, "" if status == 200 else body["code"]


async def test_a_token_opens_nothing_from_the_moment_of_the_refund(shop: Shop) -> None:
    hash_, headers = await shop.bought()
    path = f"/v1/admin/payments/{hash_}/refund"
    await shop.site.call("PUT", path, json={"operator_pays": True}, headers=shop.site.operator)
    assert await answer(shop.site, headers) == REFUNDED
    status, problem = await shop.site.call("POST", "/v1/items/welcome/links", headers=headers)
    assert (status, problem["code"]) == REFUNDED


@pytest.mark.parametrize("access_seconds", [None, 86_400])
async def test_every_way_to_present_a_token_closes(shop: Shop, access_seconds: int | None) -> None:
    change = {"access_seconds": access_seconds}
    await shop.site.call("PATCH", "/v1/admin/items/welcome", json=change, headers=shop.site.operator)
    invoice, headers = await shop.site.buy("welcome")
    preimage = await shop.site.settle(invoice["payment_hash"])
    _, other = await shop.bought()
    token = invoice["access_token"]
    _, receipt = await shop.site.call("GET", "/v1/receipt", headers=headers)
    _, recovered = await shop.site.call("POST", "/v1/recoveries", json={"code": receipt["recovery_code"]})
    ways = {
        "bearer": headers,
        "preimage": {"Authorization": f"L402 {token}:{preimage}"},
        "narrowed": bearer(narrowed(b64decode(token), "note=mine")),
        "recovered": {"Authorization": f"Bearer {recovered['access_token']}"},
    }
    for way in ways.values():
        assert await answer(shop.site, way) == (200, ""), "from here on it is remembered"
    await shop.refund(invoice["payment_hash"])
    assert {name: await answer(shop.site, way) for name, way in ways.items()} == dict.fromkeys(ways, REFUNDED)
    assert await answer(shop.site, other) == (200, ""), "another payment of the same item"


@pytest.mark.parametrize("access_seconds", [None, 86_400])
async def test_a_challenges_token_closes(shop: Shop, access_seconds: int | None) -> None:
    change = {"access_seconds": access_seconds}
    await shop.site.call("PATCH", "/v1/admin/items/welcome", json=change, headers=shop.site.operator)
    _, challenge = await shop.site.call("GET", CONTENT)
    preimage = await shop.site.settle(challenge["paymentHash"])
    l402 = {"Authorization": f"L402 {challenge['macaroon']}:{preimage}"}
    assert await answer(shop.site, l402) == (200, "")
    await shop.refund(challenge["paymentHash"])
    assert await answer(shop.site, l402) == REFUNDED
    _, receipt = await shop.site.call("GET", "/v1/receipt", headers=l402)
    assert receipt["refund"]["lnurl"].startswith("lnurl1")


async def test_a_link_closes(shop: Shop) -> None:
    hash_, headers = await shop.bought()
    _, link = await shop.site.call("POST", "/v1/items/welcome/links", headers=headers)
    path = link["url"].removeprefix(shop.site.gateway.config.public_url)
    assert await answer(shop.site, {}, path) == (200, "")
    await shop.refund(hash_)
    assert await answer(shop.site, {}, path) == REFUNDED


async def test_a_recovery_code_still_leads_to_the_receipt_but_opens_nothing(shop: Shop) -> None:
    hash_, headers = await shop.bought()
    _, receipt = await shop.site.call("GET", "/v1/receipt", headers=headers)
    await shop.refund(hash_)
    status, recovered = await shop.site.call("POST", "/v1/recoveries", json={"code": receipt["recovery_code"]})
    assert status == 200
    token = {"Authorization": f"Bearer {recovered['access_token']}"}
    assert await answer(shop.site, token) == REFUNDED
    _, receipt = await shop.site.call("GET", "/v1/receipt", headers=token)
    assert receipt["refund"]["state"] == "offered"


async def test_a_one_time_code_opens_nothing_and_no_new_one_is_made(shop: Shop) -> None:
    hash_, headers = await shop.bought()
    gateway = shop.site.gateway
    token = read_token(gateway.keys, b64decode(headers["Authorization"].removeprefix("Bearer ")))
    invoice = await gateway.store.read(lambda tx: tx.invoices.get(hash_))
    assert invoice is not None
    code = new_one_time_code(gateway.keys, token, invoice, now=gateway.now())
    assert code
    await shop.refund(hash_)
    status, problem = await shop.site.call("POST", "/v1/recoveries", json={"code": code})
    assert (status, problem["code"]) == (404, "recovery_unknown")
    assert not new_one_time_code(gateway.keys, token, replace(invoice, refunded_at=1), now=gateway.now())


async def test_the_page_of_a_browser_that_bought_it_offers_it_again(shop: Shop) -> None:
    browser = Browser(shop.site)
    await browser.submit("/i/welcome")
    hash_ = payment_hash((await browser.get("/i/welcome"))[1])
    await shop.site.settle(hash_)
    assert "The paid part." in (await browser.get("/i/welcome"))[1]
    await shop.refund(hash_)
    status, page = await browser.get("/i/welcome")
    assert (status, "The paid part." in page, "Pay 100 sat" in page) == (200, False, True)
    await browser.submit("/i/welcome")
    assert payment_hash((await browser.get("/i/welcome"))[1]) != hash_


@pytest.mark.postgres
async def test_every_replica_closes_when_it_has_looked(
    cluster: Cluster, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    url = cluster.url(in_a_thread(cluster.emptied()))
    async with AsyncExitStack() as stack:
        here, there = [
            await stack.enter_async_context(
                open_site(
                    load_config(
                        data_dir=tmp_path / name,
                        shared_dir=tmp_path / "shared",
                        database_url=url,
                        listen="127.0.0.1:80",
                    ),
                    clock,
                    core,
                )
            )
            for name in "ab"
        ]
        for name in ("alice", "bob"):
            await here.gateway.catalog.add_creator(a_creator(name))
        await here.sell_text(TEXT)
        invoice, headers = await here.buy("welcome")
        await here.settle(invoice["payment_hash"])
        assert await answer(there, headers) == (200, "")
        path = f"/v1/admin/payments/{invoice['payment_hash']}/refund"
        await here.call("PUT", path, json={"operator_pays": True}, headers=here.operator)
        await there.gateway.authorizer.refunded.refresh()
        assert await answer(there, headers) == REFUNDED
