"""The steps for a reader who has no wallet: on the pages, in their language and for their device, and in the API."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.simulator.core import Simulator
from gateway.web.http.language import LANGUAGES, words_in
from tests.support.clock import FakeClock
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

TEXT = "# A text\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
IPHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1"}
ANDROID = {"User-Agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/131.0 Mobile Safari/537.36"}
LIST = """
[[wallet]]
name = "Penny"
url = "https://penny.example"
devices = ["ios"]
minutes = 3

[[wallet]]
name = "Börse"
url = "https://boerse.example"
devices = ["android", "browser"]
minutes = 12
languages = ["de"]
"""
# Words of the trade that no newcomer knows, in any of the languages that spell them so.
TRADE = re.compile(r"\b(nodes?|invoices?|channels?|liquidity|NWC|LNURL|custod\w+|seed|msat|on-chain)\b", re.IGNORECASE)


@pytest.fixture
async def shop(tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """A gateway whose operator has named two wallets."""
    named = tmp_path / "named.toml"
    named.write_text(LIST)
    async with open_site(load_config(data_dir=tmp_path / "data", wallets=named), clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        yield site


async def steps(site: Site, path: str, **headers: str) -> str:
    """The part of a page that explains, as HTML."""
    status, page = await site.call("GET", path, headers=headers)
    assert status == 200
    [found] = re.findall(r'<details class="help".*?</details>', page, re.DOTALL)
    return unescape(str(found))


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("path", ["/i/welcome", "/t/alice"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_page_explains_itself_before_the_press_in_three_steps_without_a_word_of_the_trade(
    shop: Site, path: str, language: str
) -> None:
    html = await steps(shop, path, **{"Accept-Language": language})
    say = words_in(language).say
    assert text_of(html).startswith(text_of(f"{say('No account. Any Lightning wallet.')} {say('First time?')}"))
    assert len(re.findall("<li>", html.replace("<li><a", ""))) == 3
    assert say("If it fails, nothing is taken: your wallet keeps the money. Your place here is kept.") in html
    assert say("Open wallet") in html.partition("<ol>")[2]
    assert not TRADE.search(text_of(html))


async def test_a_desk_is_shown_all_wallets_and_where_they_run(shop: Site) -> None:
    html = await steps(shop, "/i/welcome", **{"Accept-Language": "de-DE, en"})
    assert re.findall(r'<a href="([^"]+)"', html) == ["https://boerse.example", "https://penny.example"]
    assert "Android · im Browser · etwa\xa012\xa0Min." in html
    assert "iPhone · etwa\xa03\xa0Min." in html
    assert html.count('target="_blank" rel="noopener noreferrer"') == 2


@pytest.mark.parametrize(("phone", "name"), [(IPHONE, "Penny"), (ANDROID, "Börse")])
async def test_a_phone_is_shown_its_own_wallets(shop: Site, phone: dict[str, str], name: str) -> None:
    html = await steps(shop, "/i/welcome", **{"Accept-Language": "de"}, **phone)
    assert re.findall(r"<a [^>]+>([^<]+)", html) == [name]
    assert "iPhone" not in html
    assert "Android" not in html


async def test_the_steps_stay_in_reach_while_the_payment_is_waited_for(shop: Site) -> None:
    ours = {"Origin": shop.gateway.config.public_url}
    async with shop.session.post(f"{shop.url}/i/welcome", headers=ours, allow_redirects=False) as response:
        cookie = response.headers["Set-Cookie"].partition(";")[0]
    # The page is loaded again every few seconds, which would close them.
    assert (await steps(shop, "/i/welcome", Cookie=cookie)).startswith('<details class="help" open>')


async def test_what_is_no_longer_sold_explains_no_payment(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"state": "archived"}, headers=shop.operator)
    assert 'class="help"' not in (await shop.call("GET", "/i/welcome"))[1]


async def test_any_site_may_read_the_wallets_for_a_language_and_a_cache_may_keep_them(shop: Site) -> None:
    asked = {"Accept-Language": "de", "Origin": "https://blog.example"}
    async with shop.session.get(f"{shop.url}/v1/wallets", headers=asked) as response:
        assert await response.json() == [
            {"name": "Börse", "url": "https://boerse.example", "devices": ["android", "browser"], "minutes": 12},
            {"name": "Penny", "url": "https://penny.example", "devices": ["ios"], "minutes": 3},
        ]
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "public, max-age=300"
        assert "Accept-Language" in response.headers["Vary"]
    _, wallets = await shop.call("GET", "/v1/wallets", headers={"Accept-Language": "ko"})
    assert [wallet["name"] for wallet in wallets] == ["Penny"]


async def test_without_a_list_of_the_operators_the_gateway_names_wallets(site: Site) -> None:
    await site.sell_text(TEXT)
    assert 'href="https://phoenix.acinq.co"' in await steps(site, "/i/welcome")


async def test_with_an_empty_list_no_wallet_is_named(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    (tmp_path / "none.toml").touch()
    async with open_site(load_config(data_dir=tmp_path / "data", wallets=tmp_path / "none.toml"), clock, core) as site:
        await site.gateway.catalog.add_creator(a_creator("alice"))
        html = await steps(site, "/t/alice")
        assert "<a" not in html
        assert "Get a Lightning wallet" in html
        assert (await site.call("GET", "/v1/wallets")) == (200, [])
