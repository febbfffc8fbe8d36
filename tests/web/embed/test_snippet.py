"""The snippet that a creator pastes: its script is pinned by integrity, and its texts are escaped."""

import json
import re
from base64 import b64encode
from hashlib import sha384
from html import escape

import pytest

from gateway.cli.sealing.page import read_page
from tests.support.rows import a_creator
from tests.support.site import Site

PAGE = {"Accept": "text/html"}


async def test_a_program_gets_the_pieces_and_they_hold(site: Site) -> None:
    await site.sell_text("# A text\n\nFree & <b>bold</b>.\n\n<!-- more -->\n\nPaid.")
    status, snippet = await site.call("GET", "/embed?what=welcome&theme=dark")
    url = site.gateway.config.public_url
    assert status == 200
    assert snippet["tag"].startswith('<tuppence-paywall item="welcome" theme="dark" class="paywall">')
    assert f'<a href="{url}/i/welcome">Read the rest for 100 sat</a>' in snippet["tag"]
    assert "Free &amp; " in snippet["tag"]
    assert "Paid" not in snippet["tag"]
    assert snippet["policy"] == f"script-src {url}; connect-src {url}"
    path, integrity = re.findall(rf'src="{url}(/embed/[^"]+)" integrity="([^"]+)"', snippet["pinned"])[0]
    async with site.session.get(f"{site.url}{path}") as response:
        body = await response.read()
    assert integrity == f"sha384-{b64encode(sha384(body).digest()).decode()}"


async def test_search_engines_are_told_which_part_is_paid_for(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.", title="</script><b>A & B")
    _, snippet = await site.call("GET", "/embed?what=welcome")
    text = snippet["marking"].removeprefix('<script type="application/ld+json">').removesuffix("</script>")
    assert "<" not in text
    marking = json.loads(text)
    assert (marking["headline"], marking["isAccessibleForFree"]) == ("</script><b>A & B", False)
    assert marking["hasPart"]["cssSelector"] == ".paywall"
    assert marking["hasPart"]["isAccessibleForFree"] is False
    for other in ("/embed?what=@alice", "/embed?what=welcome&shape=button"):
        assert (await site.call("GET", other))[1]["marking"] == ""


async def test_a_sealed_texts_tag_has_a_place_for_it(site: Site) -> None:
    sealed = {"page_url": "https://blog.example/essay"}
    new = {"id": "essay", "creator": "alice", "price_msat": 1_000, "sealed": sealed}
    assert (await site.call("POST", "/v1/admin/items", json=new, headers=site.operator))[0] == 201
    _, snippet = await site.call("GET", "/embed?what=essay")
    assert read_page(snippet["tag"]).paywalls[0].paid


async def test_a_tip_and_a_button_have_tags_of_their_own(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    _, button = await site.call("GET", "/embed?what=welcome&shape=button&theme=loud")
    assert button["tag"].startswith('<tuppence-button item="welcome"><a ')
    _, tip = await site.call("GET", "/embed?what=@alice")
    assert tip["tag"].startswith('<tuppence-tip to="alice">')


async def test_a_creators_name_cannot_leave_its_place(site: Site) -> None:
    await site.gateway.catalog.add_creator(a_creator("mallory", title='<script>alert("1")</script>'))
    for headers in ({}, PAGE):
        _, body = await site.call("GET", "/embed?what=@mallory", headers=headers)
        text = body if isinstance(body, str) else body["tag"]
        assert "<script>alert" not in text


@pytest.mark.parametrize("what", ["nothing", "@nobody", "<b>", "@"])
async def test_what_is_not_sold_is_said_to_a_person_and_to_a_program(site: Site, what: str) -> None:
    status, problem = await site.call("GET", "/embed", params={"what": what})
    assert (status, "detail" in problem) == (404, True)
    status, page = await site.call("GET", "/embed", params={"what": what}, headers=PAGE)
    assert status == 404
    assert "<form" in page
    assert "<b>" not in page


@pytest.mark.parametrize("what", ["nothing", " @nobody ", "<b>&"])
async def test_a_refusal_names_what_was_looked_for_and_belongs_to_the_field(site: Site, what: str) -> None:
    _, page = await site.call("GET", "/embed", params={"what": what}, headers=PAGE)
    field = re.findall(r'<input class="field" id="what"[^>]*>', page)[0]
    assert 'aria-invalid="true"' in field
    said = re.findall(r'id="what-hint"><strong role="alert">(.*?)</strong>', page)[0]
    assert f'<bdi translate="no">{escape(what.strip())}</bdi>' in said
    assert 'aria-describedby="what-hint"' in field


async def test_who_does_not_know_a_name_chooses_from_what_is_on_sale(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.", title="A & B")
    for path, status in (("/embed", 200), ("/embed?what=nope", 404)):
        answered, page = await site.call("GET", path, headers=PAGE)
        assert answered == status
        assert '<a href="/embed?what=welcome"><bdi>A &amp; B</bdi></a>' in page
        assert '<a href="/embed?what=%40alice">' in page
    await site.call("PATCH", "/v1/admin/items/welcome", json={"state": "archived"}, headers=site.operator)
    assert "what=welcome" not in (await site.call("GET", "/embed", headers=PAGE))[1]


@pytest.mark.parametrize("path", ["/embed", "/embed?what=welcome", "/embed?what=nope", "/docs"])
async def test_a_page_in_english_alone_says_so_in_any_language_and_offers_no_other(site: Site, path: str) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    for query, accepted in (("lang=ko", "de"), ("", "ko-KR,ko")):
        address = f"{path}{'&' if '?' in path else '?'}{query}"
        _, page = await site.call("GET", address, headers=PAGE | {"Accept-Language": accepted})
        assert '<html lang="en">' in page
        assert "hreflang=" not in page


async def test_the_page_asks_first(site: Site) -> None:
    status, page = await site.call("GET", "/embed", headers=PAGE)
    assert status == 200
    assert "<textarea" not in page


async def test_the_pages_hints_show_no_tags(site: Site) -> None:
    _, page = await site.call("GET", "/embed?what=welcome", headers=PAGE)
    assert [hint for hint in re.findall(r'<p class="hint">(.*?)</p>', page) if "&lt;" in hint] == []
