"""`tuppence seal` on a site: no paid text is left in it, buyers can open it, and a second run changes nothing."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from gateway.catalog.api_keys import new_key
from gateway.catalog.sealed_key import MEDIA_TYPE, read_key
from gateway.cli.sealing.jwe import unseal
from gateway.cli.sealing.page import read_page
from tests.support.databases import put_database
from tests.support.processes.seal_command import run_seal
from tests.support.processes.shell import Shell
from tests.support.rows import START
from tests.support.site import Site

PAID = "<p>The paid words are <em>these</em>, and there are enough of them that a copy would be seen at once.</p>"
SITE = "https://blog.example"
NEW = ("--creator", "alice", "--price", "100sat", "--site", SITE)


def page_of(paid: str = PAID, attributes: str = 'item="essay"') -> str:
    return (
        "<!doctype html><title>An essay</title><p>Free.</p>"
        f"<tuppence-paywall {attributes}><template data-paid>{paid}</template></tuppence-paywall>"
    )


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """On one kind of database: what is sealed is in files."""
    return put_database(tmp_path / "tuppence.db")


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """What a generator wrote: a page, its picture, a feed with a teaser."""
    folder = tmp_path / "public"
    (folder / "essay").mkdir(parents=True)
    (folder / "essay" / "index.html").write_text(page_of())
    (folder / "essay" / "moon.png").write_bytes(b"\x89PNG\xff")
    (folder / "index.html").write_text("<h1>Blog</h1>")
    (folder / "feed.xml").write_text("<rss><item><description>Free.</description></item></rss>")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def bought_key(site: Site, item_id: str) -> Any:
    """What a reader gets who pays."""
    invoice, token = await site.buy(item_id)
    assert (await site.call("GET", f"/v1/items/{item_id}/content", headers=token))[0] == 401
    await site.settle(invoice["payment_hash"])
    async with site.session.get(f"{site.url}/v1/items/{item_id}/content", headers=token) as response:
        assert (response.status, response.content_type) == (200, MEDIA_TYPE)
        return await response.json(content_type=None)


def opened(page: Path, jwk: Any) -> str:
    [paywall] = read_page(page.read_text()).paywalls
    assert paywall.sealed is not None
    return unseal(paywall.sealed, read_key(jwk))


async def test_a_site_is_sealed_sold_and_opened(site: Site, public: Path, tmp_path: Path) -> None:
    before, out = contents(public), tmp_path / "out"
    status, printed = await run_seal(site, public, "--out", out, *NEW)
    assert status == 0, printed
    assert contents(public) == before
    after = contents(out)
    assert {name for name, data in after.items() if before[name] != data} == {"essay/index.html"}
    assert after.keys() == before.keys()
    assert b"paid words" not in after["essay/index.html"]
    assert opened(out / "essay" / "index.html", await bought_key(site, "essay")) == PAID
    _, item = await site.call("GET", "/v1/items/essay")
    assert (item["kind"], item["title"], item["price_msat"]) == ("sealed", "An essay", 100_000)
    assert (item["page_url"], item["word_count"]) == (f"{SITE}/essay/", 20)


async def test_sealing_again_changes_nothing_and_keeps_the_key_of_those_who_paid(
    site: Site, public: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert (await run_seal(site, public, "--out", out, "--check", *NEW))[0] == 1
    assert not out.exists()
    assert (await site.call("GET", "/v1/items/essay"))[0] == 404
    assert (await run_seal(site, public, "--out", out, *NEW))[0] == 0
    first, rows = contents(out), site.dump()
    status, printed = await run_seal(site, public, "--out", out, *NEW)
    assert (status, "nothing to do" in printed) == (0, True)
    assert (await run_seal(site, public, "--out", out, "--check", *NEW))[0] == 0
    assert (contents(out), site.dump()) == (first, rows)
    key = await bought_key(site, "essay")
    (public / "essay" / "index.html").write_text(page_of("<p>Other words.</p>", 'item="essay" price="200sat"'))
    assert (await run_seal(site, public, "--out", out, "--check", *NEW))[0] == 1
    assert contents(out) == first
    assert (await run_seal(site, public, "--out", out, *NEW))[0] == 0
    assert opened(out / "essay" / "index.html", key) == "<p>Other words.</p>"
    assert (await site.call("GET", "/v1/items/essay"))[1]["price_msat"] == 200_000


async def test_in_place_is_for_a_generators_output_and_may_be_run_twice(site: Site, public: Path) -> None:
    assert (await run_seal(site, public, "--in-place", "--check", *NEW))[0] == 1
    assert (await run_seal(site, public, "--in-place", *NEW))[0] == 0
    once, rows = contents(public), site.dump()
    for options in ((), ("--check",)):
        status, printed = await run_seal(site, public, "--in-place", *options, *NEW)
        assert (status, "nothing to do" in printed) == (0, True)
    assert (contents(public), site.dump()) == (once, rows)
    page = public / "essay" / "index.html"
    sealed = read_page(page.read_text()).paywalls[0].sealed or ""
    page.write_text(page.read_text().replace(sealed, sealed[:-9] + "AAAAAAAAA"))
    status, printed = await run_seal(site, public, "--in-place", "--check")
    assert (status, "seal_broken" in printed) == (1, True)


async def test_a_copy_in_clear_stops_everything(site: Site, public: Path, tmp_path: Path) -> None:
    rows = site.dump()
    for name in ("feed.xml", "search.json", "essay/summary.html"):
        copy = public / name
        before = copy.read_text() if copy.exists() else ""
        copy.write_text(f"<item>{PAID}</item>")
        status, printed = await run_seal(site, public, "--out", tmp_path / "out", *NEW)
        assert (status, "paid_words_in_clear" in printed, name in printed) == (1, True, True)
        copy.write_text(before)
    assert not (tmp_path / "out").exists()
    assert site.dump() == rows
    (public / "index.html").write_text(f"<blockquote>{PAID}</blockquote>")
    status, printed = await run_seal(site, public, "--out", tmp_path / "out", "--allow-copies", *NEW)
    assert (status, "as allowed: index.html" in printed) == (0, True)


async def test_what_is_missing_or_wrong_is_said_and_nothing_is_written(
    site: Site, public: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await site.sell_text("# A text\n\nFree.\n\nPaid.", item_id="text")
    key, key_id, key_hash = new_key(site.gateway.random_bytes)
    await site.gateway.catalog.rotate_key("bob", key_id=key_id, key_hash=key_hash, now=START)
    page = public / "essay" / "index.html"
    wrong: list[tuple[str, tuple[str, ...], str, str]] = [
        ("item_incomplete", ("--site", SITE), "", page_of()),
        ("page_without_address", NEW[:4], "", page_of()),
        ("item_not_sealed", NEW, "", page_of(attributes='item="text"')),
        ("page_invalid", NEW, "", page_of(attributes="")),
        ("creator_not_found", NEW, "", page_of(attributes='item="a" creator="nobody"')),
        ("not_yours", NEW, key, page_of()),
        ("api_key_wrong", NEW, "tpk_nothing", page_of()),
        ("gateway_away", (*NEW, "--gateway", "http://127.0.0.1:1"), "", page_of()),
        ("out_inside", (*NEW, "--out", str(public / "out")), "", page_of()),
    ]
    for code, options, api_key, source in wrong:
        page.write_text(source)
        rows = site.dump()
        status, printed = await run_seal(site, public, "--out", out, *options, key=api_key)
        assert (status, code in printed, "Traceback" in printed) == (1, True, False), printed
        assert not out.exists()
        assert site.dump() == rows


async def test_gateway_and_key_may_stand_in_the_file_of_the_working_folder(
    site: Site, public: Path, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"TUPPENCE_GATEWAY={site.url}\nTUPPENCE_API_KEY={site.gateway.operator_key}\n")
    status, printed = await Shell(tmp_path).type("seal", str(public), *NEW)
    assert status == 0, printed
    assert (await site.call("GET", "/v1/items/essay"))[0] == 200


async def test_a_creators_own_key_seals_and_one_item_may_stand_in_many_pages(site: Site, tmp_path: Path) -> None:
    key, key_id, key_hash = new_key(site.gateway.random_bytes)
    await site.gateway.catalog.rotate_key("alice", key_id=key_id, key_hash=key_hash, now=START)
    pages = {name: page_of(f"<p>Part {name}</p>", 'item="course" creator="alice" share="bob=30"') for name in "ab"}
    for name, source in pages.items():
        (tmp_path / f"{name}.html").write_text(source)
    files = [tmp_path / f"{name}.html" for name in pages]
    options = ("--price", "5sat", "--site", SITE, "--origin", SITE, "--out", tmp_path / "out")
    status, printed = await run_seal(site, *files, *options, key=key)
    assert status == 0, printed
    jwk = await bought_key(site, "course")
    assert [opened(tmp_path / "out" / f.name, jwk) for f in files] == ["<p>Part a</p>", "<p>Part b</p>"]
    _, item = await site.call("GET", "/v1/admin/items/course", headers=site.operator)
    assert (item["allowed_origins"], item["word_count"], item["page_url"]) == ([SITE], 4, f"{SITE}/a.html")
    assert item["shares"] == [{"creator": "alice", "weight": 70}, {"creator": "bob", "weight": 30}]


async def test_a_site_without_a_paid_part_is_an_error_that_counts(site: Site, public: Path, tmp_path: Path) -> None:
    for source in ("<p>Words.</p>", "<p><!-- raw HTML omitted -->Words.<!-- raw HTML omitted --></p>"):
        (public / "essay" / "index.html").write_text(source)
        for options in ((), ("--check",)):
            status, printed = await run_seal(site, public, "--out", tmp_path / "out", *options, *NEW)
            assert (status, "0 paid parts in 4 files" in printed) == (1, True), printed
            assert ("essay/index.html" in printed) == ("omitted" in source)
    assert not (tmp_path / "out").exists()


async def test_a_paywall_without_a_part_stops_it_unless_the_gateway_serves_that_or_it_is_meant(
    site: Site, public: Path, tmp_path: Path
) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.", item_id="text")
    for item_id, options, expected in (
        ("other", (), 1),
        ("essay", (), 1),
        ("", (), 1),
        ("text", (), 0),
        ("other", ("--unsealed", "list.html"), 0),
    ):
        (public / "list.html").write_text(f'<tuppence-paywall item="{item_id}">Words.</tuppence-paywall>')
        out = tmp_path / f"out{item_id}{expected}"
        status, printed = await run_seal(site, public, "--out", out, *options, *NEW)
        assert (status, "paywall_unsealed" in printed, out.exists()) == (expected, expected == 1, expected == 0), (
            printed
        )


async def test_sealing_again_as_another_creators_or_at_another_price_stops_with_what_differs(
    site: Site, public: Path
) -> None:
    where = ("--in-place", "--site", SITE)
    assert (await run_seal(site, public, "--in-place", *NEW))[0] == 0
    once, rows = contents(public), site.dump()
    for options in (("--creator", "bob", "--price", "100sat"), ("--price", "101sat"), ("--creator", "bob", "--check")):
        status, printed = await run_seal(site, public, *where, *options)
        assert (status, "item_differs" in printed, "alice" in printed or "100 sat" in printed) == (1, True, True), (
            printed
        )
        assert (contents(public), site.dump()) == (once, rows)
    shared = (*where, "--creator", "alice", "--share", "bob=30")
    status, printed = await run_seal(site, public, *shared, "--check")
    assert (status, "essay, shares" in printed, site.dump()) == (1, True, rows), printed
    assert (await run_seal(site, public, *shared))[0] == 0
    _, item = await site.call("GET", "/v1/admin/items/essay", headers=site.operator)
    assert item["shares"] == [{"creator": "alice", "weight": 70}, {"creator": "bob", "weight": 30}]


async def test_two_pages_that_say_different_things_of_one_item_are_refused(site: Site, tmp_path: Path) -> None:
    for name, price in (("a", "1sat"), ("b", "2sat")):
        (tmp_path / f"{name}.html").write_text(page_of(f"<p>Part {name}</p>", f'item="course" price="{price}"'))
    files = [tmp_path / "a.html", tmp_path / "b.html"]
    status, printed = await run_seal(site, *files, "--out", tmp_path / "out", *NEW)
    assert (status, "item_differs" in printed, "b.html" in printed) == (1, True, True)
    assert (await site.call("GET", "/v1/items/course"))[0] == 404


async def test_what_is_sealed_already_is_looked_for_as_all_paid_words_are(site: Site, public: Path) -> None:
    assert (await run_seal(site, public, "--in-place", *NEW))[0] == 0
    (public / "feed.xml").write_text(f"<item>{PAID}</item>")
    for options in ((), ("--check",)):
        status, printed = await run_seal(site, public, "--in-place", *options, *NEW)
        assert (status, "paid_words_in_clear" in printed, "feed.xml" in printed) == (1, True, True)


async def test_a_packed_copy_beside_a_single_page_is_found(site: Site, public: Path) -> None:
    page = public / "essay" / "index.html"
    page.with_name("index.html.gz").write_bytes(gzip.compress(page.read_bytes()))
    before = contents(public)
    status, printed = await run_seal(site, page, "--in-place", *NEW)
    assert (status, "index.html.gz" in printed, contents(public)) == (1, True, before), printed


async def test_a_canonical_link_to_another_site_is_not_where_readers_are_sent(
    site: Site, public: Path, tmp_path: Path
) -> None:
    link = '<link rel="canonical" href="https://other.example/essay">'
    (public / "essay" / "index.html").write_text(page_of().replace("<title>", f"{link}<title>"))
    status, printed = await run_seal(site, public, "--out", tmp_path / "out", *NEW)
    assert (status, "not used" in printed, "other.example" in printed) == (0, True, True), printed
    assert (await site.call("GET", "/v1/items/essay"))[1]["page_url"] == f"{SITE}/essay/"
