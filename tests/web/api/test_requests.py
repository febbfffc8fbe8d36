"""Invalid requests of readers: each is refused with a stable code and advice, and changes nothing."""

import asyncio
import json
from io import BytesIO
from typing import Any

import pytest

from gateway.web.http.problems import MEDIA_TYPE, TITLES
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
HASH = "ab" * 32
JSON = {"Content-Type": "application/json"}
KEY = "A" * 22


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


async def refusal_of(site: Site, method: str, path: str, **options: Any) -> tuple[int, str]:
    """Status and code of a refusal, after checking its form, its CORS header and that it changed nothing."""
    before = site.dump(), len(list(site.core.invoices))
    async with site.session.request(method, f"{site.url}{path}", **options) as response:
        problem = await response.json(content_type=None)
        assert response.content_type == MEDIA_TYPE
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert problem.keys() >= {"type", "title", "status", "code", "detail"}
    assert (problem["status"], problem["title"]) == (response.status, TITLES[response.status])
    assert len(problem["detail"].split()) > 3
    assert (site.dump(), len(list(site.core.invoices))) == before
    return response.status, problem["code"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/items/nothing", "item_not_found"),
        ("GET", "/v1/items/WELCOME", "item_not_found"),
        ("GET", f"/v1/items/{'a' * 200}", "item_not_found"),
        ("GET", "/v1/items/%00", "item_not_found"),
        ("GET", "/v1/items/%ff%fe", "item_not_found"),
        ("GET", "/v1/items/..%2fwelcome", "item_not_found"),
        ("GET", "/v1/items/welcome/content/", "route_not_found"),
        ("POST", "/v1/items/nothing/invoices", "item_not_found"),
        ("POST", "/v1/creators/nobody/tips", "creator_not_found"),
        ("GET", f"/v1/invoices/{HASH}", "invoice_not_found"),
        ("GET", "/v1/invoices/%00%ff", "invoice_not_found"),
        ("GET", f"/v1/invoices/{HASH.upper()}", "invoice_not_found"),
        ("GET", f"/v1/invoices/{HASH}/events", "invoice_not_found"),
        ("GET", f"/v1/invoices/{HASH}/qr.svg", "invoice_not_found"),
        ("GET", "/v1/items/nothing/content", "item_not_found"),
        ("POST", "/v1/items/nothing/links", "item_not_found"),
        ("GET", "/v1/items/nothing/download", "item_not_found"),
        ("GET", "/v1/", "route_not_found"),
        ("GET", "/v1/nothing", "route_not_found"),
    ],
)
async def test_what_is_not_there_is_not_found(shop: Site, method: str, path: str, code: str) -> None:
    assert await refusal_of(shop, method, path) == (404, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/items/welcome"),
        ("DELETE", "/v1/items/welcome"),
        ("GET", "/v1/items/welcome/invoices"),
        ("GET", "/v1/creators/alice/tips"),
        ("POST", f"/v1/invoices/{HASH}"),
        ("PUT", "/v1/items/welcome/content"),
        ("GET", "/v1/items/welcome/links"),
        ("POST", "/v1/receipt"),
        ("TRACE", "/v1/receipt"),
    ],
)
async def test_a_method_that_is_not_meant_is_not_allowed(shop: Site, method: str, path: str) -> None:
    assert await refusal_of(shop, method, path) == (405, "method_not_allowed")


async def test_the_answer_to_a_wrong_method_names_the_right_ones(shop: Site) -> None:
    async with shop.session.delete(f"{shop.url}/v1/items/welcome") as response:
        assert response.headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize(
    "body", [b'{"price_msat": 1000}', b'{"amount_msat": 1}', b"[]", b"null", b"x", b'{"item_id":"other"}', b"\xff"]
)
async def test_a10_a_buyer_does_not_name_the_price(shop: Site, body: bytes) -> None:
    invoices = "/v1/items/welcome/invoices"
    assert await refusal_of(shop, "POST", invoices, data=body, headers=JSON) == (422, "body_invalid")
    status, invoice = await shop.call("POST", f"{invoices}?price_msat=1000&amount_msat=1000", data=b"{}", headers=JSON)
    assert (status, invoice["amount_msat"]) == (201, 100_000)


@pytest.mark.parametrize("key", ["", "short", "a" * 21, "a" * 65, "a" * 21 + "!", "ü" * 22, "a" * 10 + " " + "a" * 11])
async def test_an_idempotency_key_that_could_be_guessed_or_is_no_key_is_refused(shop: Site, key: str) -> None:
    headers = {"Idempotency-Key": key}
    invoices, tips = "/v1/items/welcome/invoices", "/v1/creators/alice/tips"
    assert await refusal_of(shop, "POST", invoices, headers=headers) == (422, "idempotency_key_invalid")
    _, token = await shop.buy("welcome")
    assert await refusal_of(shop, "POST", invoices, headers=headers | token) == (422, "idempotency_key_invalid")
    tip = {"amount_msat": 1_000}
    assert await refusal_of(shop, "POST", tips, headers=headers, json=tip) == (422, "idempotency_key_invalid")


async def test_an_idempotency_key_belongs_to_one_amount(shop: Site) -> None:
    tips, headers = "/v1/creators/alice/tips", {"Idempotency-Key": KEY}
    status, _ = await shop.call("POST", tips, json={"amount_msat": 1_000}, headers=headers)
    assert status == 201
    other = {"json": {"amount_msat": 2_000}, "headers": headers}
    assert await refusal_of(shop, "POST", tips, **other) == (409, "idempotency_key_reused")


OUT_OF_RANGE = ("-1", "0", "1", "999", "1001", "9007199254740992", "9223372036854775807", "100000000001000", "-1000")
NO_INTEGER = ("1e99", "1e3", "1000.0", '"1000"', "null", "true", "[1000]", "1" * 5000)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        *((amount, (422, "tip_invalid")) for amount in OUT_OF_RANGE),
        *((amount, (422, "body_invalid")) for amount in NO_INTEGER),
        ("NaN", (400, "body_malformed")),
    ],
)
async def test_a9_an_amount_that_is_no_whole_number_of_sat_is_refused(
    shop: Site, amount: str, expected: tuple[int, str]
) -> None:
    body = f'{{"amount_msat": {amount}}}'.encode()
    assert await refusal_of(shop, "POST", "/v1/creators/alice/tips", data=body, headers=JSON) == expected


@pytest.mark.parametrize(
    ("tip", "expected"),
    [
        ({}, (422, "body_invalid")),
        ({"amount_msat": 1_000, "extra": 1}, (422, "body_invalid")),
        ({"amount_msat": 1_000, "message": "m" * 501}, (422, "body_invalid")),
        ({"amount_msat": 1_000, "name": "n" * 81}, (422, "body_invalid")),
        ({"amount_msat": 1_000, "message": None}, (422, "body_invalid")),
        ({"amount_msat": 1_000, "message": ["a"]}, (422, "body_invalid")),
        ([1_000], (422, "body_invalid")),
        (None, (422, "body_invalid")),
    ],
)
async def test_a_tip_that_is_not_one_is_refused(shop: Site, tip: Any, expected: tuple[int, str]) -> None:
    body = json.dumps(tip).encode()
    assert await refusal_of(shop, "POST", "/v1/creators/alice/tips", data=body, headers=JSON) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"amount_msat": 1000,}', b'{"amount_msat":1000,"name":"\xff"}', b'{"name":"\\ud800"}'],
)  # fmt: skip
async def test_a_body_that_is_no_json_is_malformed(shop: Site, body: bytes) -> None:
    expected = (400, "body_malformed")
    assert await refusal_of(shop, "POST", "/v1/creators/alice/tips", data=body, headers=JSON) == expected


async def test_a_body_that_is_nested_deeply_is_refused(shop: Site) -> None:
    expected = (422, "body_invalid")
    assert await refusal_of(shop, "POST", "/v1/creators/alice/tips", data=b"[" * 7999, headers=JSON) == expected


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", "a/b; c"])
async def test_a_body_of_another_media_type_is_not_understood(shop: Site, media_type: str) -> None:
    options = {"data": b'{"amount_msat": 1000}', "headers": {"Content-Type": media_type}}
    assert await refusal_of(shop, "POST", "/v1/creators/alice/tips", **options) == (415, "media_type_unsupported")


@pytest.mark.parametrize("path", ["/v1/creators/alice/tips", "/v1/items/welcome/invoices"])
async def test_a_body_of_megabytes_is_too_large(shop: Site, path: str) -> None:
    body = b'{"message": "' + b"m" * 4 * 1024**2 + b'"}'
    assert await refusal_of(shop, "POST", path, data=BytesIO(body), headers=JSON) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, (401, "token_missing")),
        ("Basic YTpi", (401, "token_missing")),
        ("Bearer", (401, "token_malformed")),
        ("Bearer !!!", (401, "token_malformed")),
        ("Bearer \xff\xfe", (401, "token_malformed")),
        ("Bearer AgJC", (401, "token_malformed")),
        ("L402", (401, "token_malformed")),
        ("L402 a:b:c", (401, "token_malformed")),
    ],
)
async def test_a_receipt_needs_a_token(shop: Site, authorization: str | None, expected: tuple[int, str]) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert await refusal_of(shop, "GET", "/v1/receipt", headers=headers) == expected


@pytest.mark.parametrize(
    "query", ["", "?expires=1", "?signature=aa", "?expires=99999999999&signature=", "?expires=%ff&signature=%ff",
              f"?expires=99999999999&signature={HASH}", "?expires=a&expires=b&signature=%00"]
)  # fmt: skip
async def test_a_link_that_was_not_made_here_is_refused(shop: Site, query: str) -> None:
    assert await refusal_of(shop, "GET", f"/v1/items/welcome/download{query}") == (403, "link_wrong")


async def test_a_link_needs_a_token(shop: Site) -> None:
    links = "/v1/items/welcome/links"
    assert await refusal_of(shop, "POST", links) == (402, "payment_required")
    _, headers = await shop.buy("welcome")
    assert await refusal_of(shop, "POST", links, headers=headers) == (401, "not_paid")


async def test_an_archived_item_is_not_sold(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"state": "archived"}, headers=shop.operator)
    assert await refusal_of(shop, "POST", "/v1/items/welcome/invoices") == (404, "item_archived")
    assert await refusal_of(shop, "GET", "/v1/items/welcome/content") == (404, "item_archived")


RAW = (
    b"GET /v1/receipt HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\xfe\xfd\r\nConnection: close\r\n\r\n",
    b"GET /v1/admin/items HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: \xff\r\nX-Forwarded-For: \xff\r\nConnection: close\r\n\r\n",
    b"GET /v1/invoices/\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /v1/items/a\x80/content HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /i/welcome HTTP/1.1\r\nHost: a\r\nCookie: tuppence-i-welcome=\xff\xff\r\nConnection: close\r\n\r\n",
    b"GET /v1/items/welcome/content HTTP/1.1\r\nHost: \xff\r\nAccept: \xff\r\nConnection: close\r\n\r\n",
    b"POST /v1/items/welcome/invoices HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \xff\r\nConnection: close\r\n\r\n",
    b"NONSENSE /v1/receipt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET http://elsewhere.example/v1/items/welcome HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01 this is TLS\r\n\r\n",
)


@pytest.mark.parametrize("request_bytes", RAW)
async def test_bytes_that_are_no_text_are_no_defect(shop: Site, request_bytes: bytes) -> None:
    host, _, port = shop.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_bytes)
    status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert 200 <= int(status_line.split()[1]) < 500
