"""Items over the admin API: an item that cannot be sold is refused, and no upload loses a concurrent change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.catalog.rules import MOST_MEMO_BYTES
from gateway.web.http.problems import MEDIA_TYPE
from tests.support.clock import until
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
ITEMS, ITEM, CONTENT = "/v1/admin/items", "/v1/admin/items/welcome", "/v1/admin/items/welcome/content"
NEW = {"creator": "alice", "price_msat": 1_000, "title": "T", "markdown": "Some words."}
BOOK = {"id": "book", "creator": "alice", "price_msat": 1_000, "file_name": "a.bin"}


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


async def refusal_of(site: Site, method: str, path: str, **options: Any) -> tuple[int, str]:
    """Status and code of a refusal, once it is sure that nothing changed."""
    before = site.dump()
    async with site.session.request(method, f"{site.url}{path}", headers=site.operator, **options) as response:
        problem = await response.json(content_type=None)
        assert response.content_type == MEDIA_TYPE
    assert len(problem["detail"].split()) > 3
    assert site.dump() == before
    return response.status, problem["code"]


BAD_ITEMS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"price_msat": 0}, (422, "body_invalid")),
    ({"price_msat": 999}, (422, "body_invalid")),
    ({"price_msat": 1_001}, (422, "body_invalid")),
    ({"price_msat": -1_000}, (422, "body_invalid")),
    ({"price_msat": 2**63}, (422, "body_invalid")),
    ({"price_msat": "1000"}, (422, "body_invalid")),
    ({"price_msat": 1_000.0}, (422, "body_invalid")),
    ({"creator": "nobody"}, (404, "creator_not_found")),
    ({"creator": "Alice"}, (422, "body_invalid")),
    ({"creator": "alice\n"}, (404, "creator_not_found")),
    ({"id": "Not a slug"}, (422, "body_invalid")),
    ({"id": "slug\n"}, (422, "item_invalid")),
    ({"id": "welcome"}, (409, "item_exists")),
    ({"id": ""}, (422, "body_invalid")),
    ({"title": ""}, (422, "body_invalid")),
    ({"title": "  "}, (422, "body_invalid")),
    ({"title": "t" * 201}, (422, "body_invalid")),
    ({"title": None}, (422, "item_invalid")),
    ({"markdown": ""}, (422, "body_invalid")),
    ({"markdown": "---"}, (422, "article_invalid")),
    ({"markdown": None}, (422, "item_invalid")),
    ({"file_name": "a.pdf"}, (422, "item_invalid")),
    ({"markdown": None, "file_name": "../a.pdf"}, (422, "body_invalid")),
    ({"markdown": None, "file_name": "a\r\nb"}, (422, "body_invalid")),
    ({"markdown": None, "file_name": " \u3000"}, (422, "body_invalid")),
    ({"markdown": None, "file_name": "a\n"}, (422, "item_invalid")),
    ({"markdown": None, "file_name": "a", "media_type": "text"}, (422, "body_invalid")),
    ({"markdown": None, "file_name": "a", "media_type": "text/plain\n"}, (422, "item_invalid")),
    ({"markdown": None, "file_name": "a", "media_type": "text/plain\r\nX: y"}, (422, "body_invalid")),
    ({"shares": [{"creator": "nobody", "weight": 1}]}, (404, "creator_not_found")),
    ({"shares": [{"creator": "bob", "weight": 0}]}, (422, "body_invalid")),
    ({"shares": [{"creator": "bob", "weight": 1_000_001}]}, (422, "body_invalid")),
    ({"shares": [{"creator": "bob", "weight": 1}] * 2}, (422, "item_invalid")),
    ({"shares": [{"creator": "bob"}]}, (422, "body_invalid")),
    ({"access_seconds": 0}, (422, "body_invalid")),
    ({"access_seconds": 2**62}, (422, "body_invalid")),
    ({"memo": ""}, (422, "body_invalid")),
    ({"memo": "ü" * MOST_MEMO_BYTES}, (422, "item_invalid")),
    ({"markdown": "---\nprize: 5sat\n---\nWords."}, (422, "article_invalid")),
    ({"unknown": 1}, (422, "body_invalid")),
    ({"state": "archived"}, (422, "body_invalid")),
]


@pytest.mark.parametrize(("fields", "expected"), BAD_ITEMS, ids=lambda value: str(value)[:60])
async def test_an_item_that_could_not_be_sold_is_refused(
    shop: Site, fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    body = {name: value for name, value in (NEW | fields).items() if value is not None}
    assert await refusal_of(shop, "POST", ITEMS, json=body) == expected


BAD_CHANGES: list[tuple[Any, tuple[int, str]]] = [
    ({"price_msat": 1}, (422, "body_invalid")),
    ({"price_msat": None}, (422, "body_invalid")),
    ({"title": " "}, (422, "body_invalid")),
    ({"shares": []}, (422, "body_invalid")),
    ({"shares": None}, (422, "body_invalid")),
    ({"shares": [{"creator": "nobody", "weight": 1}]}, (404, "creator_not_found")),
    ({"state": "deleted"}, (422, "body_invalid")),
    ({"access_seconds": -1}, (422, "body_invalid")),
    ({"creator": "bob"}, (422, "body_invalid")),
    ({"id": "other"}, (422, "body_invalid")),
    ({"digest": "0" * 64}, (422, "body_invalid")),
    ([], (422, "body_invalid")),
]


@pytest.mark.parametrize(("change", "expected"), BAD_CHANGES, ids=lambda value: str(value)[:60])
async def test_a_change_that_makes_no_sense_is_refused(shop: Site, change: Any, expected: tuple[int, str]) -> None:
    assert await refusal_of(shop, "PATCH", ITEM, json=change) == expected


@pytest.mark.parametrize(
    ("method", "path", "options", "expected"),
    [
        ("POST", ITEMS, {"data": b"{", "headers": None}, (415, "media_type_unsupported")),
        ("PATCH", f"{ITEMS}/nothing", {"json": {}}, (404, "item_not_found")),
        ("PUT", f"{ITEMS}/nothing/content", {"data": b"a"}, (404, "item_not_found")),
        ("PUT", CONTENT, {"data": b"\xff\xfe"}, (422, "article_invalid")),
        ("PUT", CONTENT, {"data": b""}, (422, "article_invalid")),
        ("POST", "/v1/admin/creators", {"json": {"name": "alice"}}, (409, "creator_exists")),
        ("POST", "/v1/admin/creators", {"json": {"name": "A"}}, (422, "body_invalid")),
        ("POST", "/v1/admin/creators", {"json": {"name": "a\n"}}, (422, "creator_invalid")),
        ("POST", "/v1/admin/creators", {"json": {"name": "a", "accent": "red"}}, (422, "body_invalid")),
        ("POST", "/v1/admin/creators", {"json": {"name": "a", "accent": "#aabbcc\n"}}, (422, "creator_invalid")),
        ("POST", "/v1/admin/creators", {"json": {"name": "a", "title": " "}}, (422, "body_invalid")),
        ("GET", "/v1/admin/payments?after=-1", {}, (422, "query_invalid")),
        ("GET", "/v1/admin/payments?after=99999999999999999999", {}, (422, "query_invalid")),
        ("GET", "/v1/admin/payments?limit=501", {}, (422, "query_invalid")),
        ("GET", "/v1/admin/payments?limit=", {}, (422, "query_invalid")),
        ("GET", "/v1/admin/payments?limit=١", {}, (422, "query_invalid")),
    ],
)
async def test_a_request_that_is_wrong_is_refused(
    shop: Site, method: str, path: str, options: dict[str, Any], expected: tuple[int, str]
) -> None:
    wanted = {name: value for name, value in options.items() if value is not None}
    assert await refusal_of(shop, method, path, **wanted) == expected


@pytest.mark.parametrize("file_name", ["", "a/b", "notes.txt"])
async def test_a_text_takes_no_file_name(shop: Site, file_name: str) -> None:
    await shop.sell_text("# A text\n\nFree.\n\nPaid.", item_id="a-text")
    path = f"/v1/admin/items/a-text/content?file_name={file_name}"
    assert await refusal_of(shop, "PUT", path, data=b"Words.") == (409, "item_not_file")


def files_of(shop: Site) -> set[str]:
    """What lies in the content folder, but for the empty file."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return {file.name for file in (shop.gateway.config.data_dir / "content").iterdir()} - {empty}


async def test_an_upload_that_breaks_off_changes_nothing(shop: Site) -> None:
    await shop.call("POST", ITEMS, json=BOOK, headers=shop.operator)
    path = f"{ITEMS}/book/content"
    assert (await shop.call("PUT", path, data=b"whole", headers=shop.operator))[0] == 200
    before, files = shop.dump(), files_of(shop)

    head = f"PUT {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {shop.operator['Authorization']}\r\n"
    host, _, port = shop.url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}Content-Length: 8\r\n\r\nhalf".encode())
    await until(lambda: files_of(shop) > files)
    writer.transport.abort()
    await until(lambda: files_of(shop) == files)
    assert shop.dump() == before


async def test_an_empty_upload_changes_nothing(shop: Site) -> None:
    await shop.call("POST", ITEMS, json=BOOK, headers=shop.operator)
    assert await refusal_of(shop, "PUT", f"{ITEMS}/book/content", data=b"") == (422, "content_empty")


async def test_a_price_that_changes_during_an_upload_stays_changed(shop: Site) -> None:
    await shop.call("POST", ITEMS, json=BOOK, headers=shop.operator)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"the first half, "
        change = {"price_msat": 5_000, "state": "archived"}
        assert (await shop.call("PATCH", f"{ITEMS}/book", json=change, headers=shop.operator))[0] == 200
        yield b"the second"

    status, item = await shop.call("PUT", f"{ITEMS}/book/content", data=slowly(), headers=shop.operator)
    assert (status, item["byte_size"]) == (200, 26)
    assert (item["price_msat"], item["state"]) == (5_000, "archived")
