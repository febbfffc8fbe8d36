"""Sealed texts at the gateway: the key is created once and sold as the item's content."""

import re
from typing import Any

import pytest

from gateway.catalog.sealed_key import read_key
from tests.support.site import Site

ITEMS, ITEM = "/v1/admin/items", "/v1/admin/items/essay"
PAGE_URL = "https://blog.example/essay/?a=b"
NEW = {
    "id": "essay",
    "creator": "alice",
    "price_msat": 50_000,
    "title": "An essay",
    "preview": "What it is *about*.",
    "sealed": {"page_url": PAGE_URL, "word_count": 660},
}
PERSON = {"Accept": "text/html"}


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells a text sealed elsewhere, and `welcome`."""
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    status, item = await site.call("POST", ITEMS, json=NEW, headers=site.operator)
    assert (status, item["kind"], item["page_url"]) == (201, "sealed", PAGE_URL)
    return site


async def key_of(site: Site) -> Any:
    status, jwk = await site.call("GET", f"{ITEM}/content", headers=site.operator)
    assert status == 200
    return jwk


async def test_its_creator_reads_the_key_and_nobody_else_does(shop: Site) -> None:
    jwk = await key_of(shop)
    assert len(read_key(jwk)) == 32
    assert (await shop.call("GET", f"{ITEM}/content"))[0] == 401
    before = shop.dump()
    for path in ("/v1/items/essay", "/i/essay", "/embed?what=essay"):
        for headers in ({}, PERSON):
            _, body = await shop.call("GET", path, headers=headers)
            assert jwk["k"] not in str(body)
    assert shop.dump() == before
    assert jwk["k"] not in str(before)


async def test_a_count_of_words_that_is_not_given_stays(shop: Site) -> None:
    moved = {"page_url": "https://blog.example/moved"}
    status, item = await shop.call("PATCH", ITEM, json={"sealed": moved}, headers=shop.operator)
    assert (status, item["page_url"], item["word_count"]) == (200, moved["page_url"], 660)
    none = {"sealed": moved | {"word_count": 0}}
    assert (await shop.call("PATCH", ITEM, json=none, headers=shop.operator))[1]["word_count"] == 0


async def test_the_key_stays_whatever_else_is_changed(shop: Site) -> None:
    jwk = await key_of(shop)
    sealed = {"page_url": "https://blog.example/other", "word_count": 7}
    status, item = await shop.call("PATCH", ITEM, json={"sealed": sealed, "title": "Other"}, headers=shop.operator)
    assert (status, item["page_url"], item["word_count"], item["title"]) == (200, sealed["page_url"], 7, "Other")
    status, problem = await shop.call("PUT", f"{ITEM}/content", data=b"another", headers=shop.operator)
    assert (status, problem["code"]) == (409, "item_sealed")
    status, problem = await shop.call("POST", ITEMS, json=NEW, headers=shop.operator)
    assert (status, problem["code"]) == (409, "item_exists")
    assert await key_of(shop) == jwk


async def test_what_is_no_sealed_text_does_not_become_one(shop: Site) -> None:
    change = {"sealed": NEW["sealed"]}
    status, problem = await shop.call("PATCH", f"{ITEMS}/welcome", json=change, headers=shop.operator)
    assert (status, problem["code"]) == (409, "item_not_sealed")
    for wrong in ("javascript:alert(1)", "https://blog.example/#part", "blog.example", "https://blog.example/ü", ""):
        body = NEW | {"id": "other", "sealed": {"page_url": wrong}}
        assert (await shop.call("POST", ITEMS, json=body, headers=shop.operator))[0] == 422
    for also in ({"markdown": "Words."}, {"file_name": "a.pdf"}):
        assert (await shop.call("POST", ITEMS, json=NEW | {"id": "other"} | also, headers=shop.operator))[0] == 422


async def test_its_page_says_before_the_payment_that_the_text_is_elsewhere(shop: Site) -> None:
    _, page = await shop.call("GET", "/i/essay", headers=PERSON)
    assert "stands sealed in its own page and opens there, with JavaScript" in page
    assert 'href="https://blog.example/essay/?a=b">blog.example</a>' in page.replace("&amp;", "&")
    assert f'rel="canonical" href="{PAGE_URL}">' in page.replace("&amp;", "&")
    assert "What it is <em>about</em>" in page
    assert "3 min read" in page.replace("\u202f", " ").replace("\xa0", " ")


async def test_without_script_a_payment_leads_to_the_page_with_a_code_in_the_fragment(shop: Site) -> None:
    form = {"headers": {"Origin": shop.url}, "allow_redirects": False}
    async with shop.session.post(f"{shop.url}/i/essay", **form) as response:  # type: ignore[arg-type]
        assert response.status == 303
        cookies = {name: morsel.value for name, morsel in response.cookies.items()}
    invoices = [row for row in shop.dump()["invoices"] if "essay" in row]
    await shop.settle(str(invoices[0][0]))
    _, page = await shop.call("GET", "/i/essay", headers=PERSON, cookies=cookies)
    [link] = re.findall(r'id="page" href="([^"]+)"', page)
    address, _, code = link.replace("&amp;", "&").partition("#tuppence=")
    assert address == PAGE_URL
    _, found = await shop.call("POST", "/v1/recoveries", json={"code": code})
    token = found["access_token"]
    status, jwk = await shop.call("GET", "/v1/items/essay/content", headers={"Authorization": f"Bearer {token}"})
    assert (status, jwk) == (200, await key_of(shop))
    _, receipt = await shop.call("GET", "/r", headers=PERSON | {"Authorization": f"Bearer {token}"})
    [carried] = re.findall(r'id="item" href="[^"]+#tuppence=([^"]+)" rel="noreferrer"', receipt)
    _, found = await shop.call("POST", "/v1/recoveries", json={"code": carried})
    assert found["payment_hash"] == invoices[0][0]


async def test_a_program_buys_the_key_over_l402(shop: Site) -> None:
    status, challenge = await shop.call("GET", "/v1/items/essay/content")
    assert status == 402
    preimage = await shop.settle(challenge["paymentHash"])
    l402 = {"Authorization": f"L402 {challenge['macaroon']}:{preimage}"}
    assert await shop.call("GET", "/v1/items/essay/content", headers=l402) == (200, await key_of(shop))
