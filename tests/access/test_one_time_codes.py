"""One-time codes: they open a sealed text on its own page once, within an hour."""

import asyncio
import re
from base64 import b64decode, b64encode
from html import unescape

import pytest

from gateway.access.one_time_codes import CODE_SECONDS
from gateway.books.retention import USED_CODE_SECONDS
from tests.access.test_tokens import narrowed
from tests.cli.sealing.test_items import NEW, PAGE_URL, PERSON
from tests.support.site import Site

RECOVERIES, CONTENT = "/v1/recoveries", "/v1/items/essay/content"
ITEM, ITEMS = "/v1/admin/items/essay", "/v1/admin/items"


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells a sealed text."""
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    assert (await site.call("POST", ITEMS, json=NEW, headers=site.operator))[0] == 201
    return site


async def bought(shop: Site) -> dict[str, str]:
    """Headers with the token of a paid text."""
    invoice, headers = await shop.buy("essay")
    await shop.settle(invoice["payment_hash"])
    return headers


async def link_of(shop: Site, headers: dict[str, str]) -> str:
    status, receipt = await shop.call("GET", "/v1/receipt", headers=headers)
    assert status == 200
    return str(receipt["page_url"])


async def code_of(shop: Site, headers: dict[str, str]) -> str:
    address, _, code = (await link_of(shop, headers)).partition("#tuppence=")
    assert (address, bool(code)) == (PAGE_URL, True)
    return code


async def exchange(shop: Site, code: str) -> tuple[int, str]:
    """The status of an exchange, and the token or the error code."""
    status, answer = await shop.call("POST", RECOVERIES, json={"code": code})
    return status, answer.get("access_token") or answer["code"]


async def opens(shop: Site, token: str) -> int:
    return (await shop.call("GET", CONTENT, headers={"Authorization": f"Bearer {token}"}))[0]


async def links_without_script(shop: Site) -> tuple[dict[str, str], list[str]]:
    """The links on the item's page and on its receipt, for a browser that bought it there; headers of its token."""
    async with shop.session.post(
        f"{shop.url}/i/essay", headers={"Origin": shop.url}, allow_redirects=False
    ) as response:
        cookies = {name: morsel.value for name, morsel in response.cookies.items()}
    [invoice] = [row for row in shop.dump()["invoices"] if "essay" in row]
    await shop.settle(str(invoice[0]))
    _, page = await shop.call("GET", "/i/essay", headers=PERSON, cookies=cookies)
    _, receipt = await shop.call("GET", "/r", headers=PERSON, cookies=cookies)
    found = re.findall(r'id="page" href="([^"]+)"', page) + re.findall(r'id="item" href="([^"]+)"', receipt)
    return {"Authorization": f"Bearer {cookies['tuppence']}"}, [unescape(link) for link in found]


async def test_a_used_code_in_a_browser_history_opens_nothing(shop: Site) -> None:
    headers, links = await links_without_script(shop)
    links.append(await link_of(shop, headers))
    assert len(set(links)) == 3
    for link in links:
        address, _, code = link.partition("#tuppence=")
        assert address == PAGE_URL
        status, token = await exchange(shop, code)
        assert (status, await opens(shop, token)) == (200, 200)
        for left in (code, *code.split("."), link):
            assert await opens(shop, left) != 200
            assert (await exchange(shop, left))[0] in {404, 422}
        assert token not in link
        assert await exchange(shop, code) == (404, "recovery_unknown")
        shop.clock.advance(60)


async def test_one_of_several_concurrent_uses_of_a_code_gets_a_token(shop: Site) -> None:
    code = await code_of(shop, await bought(shop))
    answers = await asyncio.gather(*(exchange(shop, code) for _ in range(5)))
    assert [status for status, _ in answers].count(200) == 1
    assert {what for status, what in answers if status != 200} <= {"recovery_unknown", "too_many_tries"}


async def test_an_unused_code_ends_after_an_hour(shop: Site) -> None:
    headers = await bought(shop)
    codes = [await code_of(shop, headers) for _ in range(2)]
    shop.clock.advance(CODE_SECONDS - 1)
    assert (await exchange(shop, codes[0]))[0] == 200
    shop.clock.advance(1)
    before = shop.dump()
    assert await exchange(shop, codes[1]) == (404, "recovery_unknown")
    assert shop.dump() == before


async def test_a_changed_code_gives_nothing_and_writes_nothing(shop: Site) -> None:
    code = await code_of(shop, await bought(shop))
    before = shop.dump()
    for at in (0, 1, 42, 50, 60, 66, 107):
        changed = code[:at] + ("B" if code[at] != "B" else "C") + code[at + 1 :]
        assert await exchange(shop, changed) == (404, "recovery_unknown")
        shop.clock.advance(60)
    assert (await exchange(shop, code.replace(".essay", ".welcome")))[0] == 404
    for other in (
        code[:-1] + "É",
        code + "=",
        code.replace(".", ""),
        code.partition(".")[0] + ".",
        f" {code}",
        code * 2,
    ):
        assert (await exchange(shop, other))[0] == 422
    assert shop.dump() == before
    assert (await exchange(shop, code))[0] == 200


async def test_guesses_count_as_those_of_recovery_codes(shop: Site) -> None:
    code = await code_of(shop, await bought(shop))
    assert (await exchange(shop, code))[0] == 200
    assert [(await exchange(shop, code))[0] for _ in range(6)] == [404] * 5 + [429]
    assert await exchange(shop, "0000-0000-0000") == (429, "too_many_tries")


async def test_a_link_for_a_narrowed_token_carries_no_code(shop: Site) -> None:
    headers = await bought(shop)
    minted = b64decode(headers["Authorization"].removeprefix("Bearer "))
    for caveat in ("x=1", "item=essay", f"valid_until={int(shop.clock()) + 60}"):
        narrow = {"Authorization": f"Bearer {b64encode(narrowed(minted, caveat)).decode()}"}
        assert await link_of(shop, narrow) == PAGE_URL
        _, page = await shop.call("GET", "/r", headers=PERSON | narrow)
        assert "#tuppence=" not in page


async def test_a_link_of_an_unpaid_invoice_or_a_challenge_carries_no_code(shop: Site) -> None:
    _, headers = await shop.buy("essay")
    assert await link_of(shop, headers) == PAGE_URL
    _, challenge = await shop.call("GET", CONTENT)
    preimage = await shop.settle(challenge["paymentHash"])
    assert await link_of(shop, {"Authorization": f"L402 {challenge['macaroon']}:{preimage}"}) == PAGE_URL


async def test_a_text_that_is_not_sealed_has_no_page_url(shop: Site) -> None:
    _, headers = await shop.buy("welcome")
    assert (await shop.call("GET", "/v1/receipt", headers=headers))[1]["page_url"] is None


async def test_a_code_does_not_outlive_the_paid_time(shop: Site) -> None:
    await shop.call("PATCH", ITEM, json={"access_seconds": 600}, headers=shop.operator)
    headers = await bought(shop)
    codes = [await code_of(shop, headers) for _ in range(2)]
    shop.clock.advance(599)
    assert (await exchange(shop, codes[0]))[0] == 200
    shop.clock.advance(1)
    assert await exchange(shop, codes[1]) == (404, "recovery_unknown")
    assert await link_of(shop, headers) == PAGE_URL


async def test_showing_a_link_writes_nothing(shop: Site) -> None:
    headers = await bought(shop)
    await link_of(shop, headers)
    before = shop.dump()
    for _ in range(3):
        await code_of(shop, headers)
        await shop.call("GET", "/r", headers=PERSON | headers)
    assert shop.dump() == before


async def test_a_used_code_is_kept_until_no_clock_would_accept_it_and_then_deleted(shop: Site) -> None:
    code = await code_of(shop, await bought(shop))
    assert (await exchange(shop, code))[0] == 200
    for seconds, rows in ((0, 1), (CODE_SECONDS + USED_CODE_SECONDS - 1, 1), (1, 0)):
        shop.clock.advance(seconds)
        await shop.gateway.purger.purge(at_once=True)
        assert len(shop.dump()["used_codes"]) == rows
        assert await exchange(shop, code) == (404, "recovery_unknown")
