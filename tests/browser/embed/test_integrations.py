"""What creators copy for their generator: each sample is built, sealed and paid for, and no feed holds what is paid."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nh3
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, expect

from tests.browser.reader import DESKTOP
from tests.browser.visitor import KEEP_EVENTS, Visitor
from tests.support.processes.npm_packages import add_packages
from tests.support.processes.seal_command import run, run_seal
from tests.support.site import Site, serve_app

SAMPLES = Path(__file__).parents[3] / "paywall" / "integrations"
PAID = ("The road that was never built", "two people can keep a tally without asking a third")
FREE = "nobody built the road for it"
GATEWAY, BLOG = "https://pay.example", "https://blog.example"
MARKING = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


@dataclass(slots=True)
class Sample:
    """A copy of a folder of samples, with real addresses in it, and what stands at the blog's."""

    folder: Path
    site: Site
    visitor: Visitor
    public: Path = Path()

    def copy(self, name: str) -> None:
        """Take a folder, with the addresses of this test."""
        without = shutil.ignore_patterns("node_modules", "public", "_site", "dist")
        shutil.copytree(SAMPLES / name, self.folder, dirs_exist_ok=True, ignore=without)
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "package-lock.json":
                text = path.read_text().replace(GATEWAY, self.site.url).replace(BLOG, self.visitor.press)
                path.write_text(text)

    async def is_sold(self, page: str, *, feed: str | None) -> None:
        """Seal what was built, look through it, and pay for its page in a browser."""
        built = (self.public / page).read_text()
        assert all(words in built for words in PAID)
        [marking] = MARKING.findall(built)
        part = json.loads(marking)["hasPart"]
        assert (json.loads(marking)["isAccessibleForFree"], part["isAccessibleForFree"]) == (False, False)
        assert part["cssSelector"] == ".paywall"
        assert '<tuppence-paywall class="paywall"' in built
        status, printed = await run_seal(
            self.site, self.public, "--in-place", "--creator", "alice", "--site", self.visitor.press
        )
        assert status == 0, printed
        for path in self.public.rglob("*"):
            if path.is_file():
                assert not any(words.encode() in path.read_bytes() for words in PAID), path
        if feed is not None:
            assert "On small sums" in (self.public / feed).read_text()
        address = f"{self.visitor.press}/{page.removesuffix('index.html')}"
        assert (await self.site.call("GET", "/v1/items/small-sums"))[1]["page_url"] == address
        await self.is_paid_for(address)

    async def is_paid_for(self, address: str) -> None:
        """In a browser; a file that a generator left out is not asked for."""
        page = self.visitor.page
        await page.goto(address)
        await self.visitor.is_in("offered")
        invoice = await self.visitor.tap()
        await self.site.settle(invoice["payment_hash"])
        await self.visitor.is_in("open")
        for words in (*PAID, FREE):
            await expect(page.get_by_text(words)).to_have_count(1)
            await expect(page.get_by_text(words)).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def sample(browser: Browser, site: Site, tmp_path: Path) -> AsyncIterator[Sample]:
    """An empty folder, a blog that serves what is built into it, and somebody who looks at that."""
    app = web.Application()

    async def serve(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        path = here.public / (f"{name}index.html" if not name or name.endswith("/") else name)
        return web.FileResponse(path) if path.is_file() else web.Response(status=204)

    app.router.add_get("/{name:.*}", serve)
    async with serve_app(app) as url:
        context = await browser.new_context(**DESKTOP)
        await context.add_init_script(KEEP_EVENTS)
        visitor = Visitor(context, await context.new_page(), url.replace("127.0.0.1", "localhost"), site.url)
        here = Sample(tmp_path / "sample", site, visitor)
        yield here
        await context.close()
        assert visitor.complaints == []


async def test_a_page_written_by_hand(sample: Sample) -> None:
    sample.copy("html")
    sample.public = sample.folder
    await sample.is_sold("essay.html", feed=None)


@pytest.mark.generators
async def test_hugo(sample: Sample) -> None:
    sample.copy("hugo")
    await run("hugo", "--quiet", folder=sample.folder)
    sample.public = sample.folder / "public"
    await sample.is_sold("posts/small-sums/index.html", feed="index.xml")


@pytest.mark.generators
async def test_hugo_without_a_summary_is_stopped_or_sealed(sample: Sample) -> None:
    sample.copy("hugo")
    post = sample.folder / "content" / "posts" / "small-sums.md"
    post.write_text(re.sub("summary = .*\n", "", post.read_text()))
    await run("hugo", "--quiet", folder=sample.folder)
    status, printed = await run_seal(sample.site, sample.folder / "public", "--in-place", "--creator", "alice")
    assert (status, "paid_words_in_clear" in printed, "index.html" in printed) == (1, True, True)
    assert "index.xml" not in printed, "the feed's own shortcode left the paid part out"


@pytest.mark.generators
async def test_jekyll(sample: Sample) -> None:
    sample.copy("jekyll")
    await run("jekyll", "build", "--quiet", "--disable-disk-cache", folder=sample.folder)
    sample.public = sample.folder / "_site"
    await sample.is_sold("small-sums/index.html", feed="feed.xml")


@pytest.mark.node
async def test_astro(sample: Sample) -> None:
    sample.copy("astro")
    variables = {"PUBLIC_TUPPENCE_GATEWAY": sample.site.url, "ASTRO_TELEMETRY_DISABLED": "1"}
    await asyncio.to_thread(add_packages, sample.folder)
    await run("npm", "run", "build", folder=sample.folder, **variables)
    sample.public = sample.folder / "dist"
    await sample.is_sold("small-sums/index.html", feed="feed.xml")


async def test_a_card_of_ghost_outlives_a_system_that_strips_unknown_tags(sample: Sample) -> None:
    await sample.site.sell_text(f"# On small sums\n\n{FREE}\n\n{PAID[0]}\n\n{PAID[1]}", item_id="small-sums")
    sample.copy("ghost")
    assert stripped('<tuppence-paywall item="small-sums">Read</tuppence-paywall>') == "Read"
    card = stripped((sample.folder / "card.html").read_text())
    header, marking = ((sample.folder / name).read_text() for name in ("header.html", "marking.html"))
    assert json.loads(MARKING.findall(marking)[0])["isAccessibleForFree"] is False
    sample.public = sample.folder
    (sample.folder / "post.html").write_text(f"<!doctype html><html><head>{header}</head><body><p>{FREE}</p>{card}")
    await sample.is_paid_for(f"{sample.visitor.press}/post.html")


def stripped(html: str) -> str:
    """What is left by a system that knows these elements, and keeps attributes of data."""
    return nh3.clean(html, tags={"div", "p", "a"}, generic_attribute_prefixes={"data-"})
