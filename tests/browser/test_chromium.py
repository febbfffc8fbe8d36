"""The browser of these tests does what they ask of it and little else, which is most of the time that they take."""

import re

from playwright.async_api import Browser

from tests.browser.reader import Reader

OFF = re.compile(r"--disable-features=(\S+)")


async def test_what_playwright_turns_off_stays_off(browser: Browser) -> None:
    session = await browser.new_browser_cdp_session()
    switches = (await session.send("SystemInfo.getInfo"))["commandLine"]
    await session.detach()
    *others, last = (set(names.split(",")) for names in OFF.findall(switches))
    assert others
    assert set.union(*others) <= last


async def test_a_window_loads_no_page_but_the_readers(browser: Browser, reader: Reader) -> None:
    await reader.open("/i/welcome")
    session = await browser.new_browser_cdp_session()
    everything = await session.send("Target.getTargets", {"filter": [{}]})
    await session.detach()
    assert {target["type"] for target in everything["targetInfos"]} == {"page", "tab"}
