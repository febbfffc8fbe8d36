"""Translations: complete catalogues, and pages in the language that the reader requested."""

import gzip
import re
from pathlib import Path

import pytest

from gateway.web.http.language import LANGUAGES, words_in
from tests.support.site import Site
from tools import catalogues

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
TRANSLATED = [tag for tag in LANGUAGES if tag != "en"]
KOREAN, ENGLISH, GERMAN = "100 sat 결제하기", "Pay 100 sat", "100 sat bezahlen"
# What is the same in every language, and so in no catalogue.
NAMES = {"sat", "Tuppence", "Regtest", "tuppence", "pay"}
UNSPOKEN = r"lang\b|state\b|kind\b|copy\b|step\b|method\b|opens\b|invoices\b|receipt\b"
SPOKEN_ATTRIBUTES = rf'(?:aria-label|alt|title|placeholder|data-(?!{UNSPOKEN})[\w-]+)="([^"]*)"'
# A macro gives attributes outside a tag.
TAGS_AND_ATTRIBUTES = r'<[^>]*>|(?:[\w-]+="[^"]*"\s*)+(?:autofocus\b)?'
# For those who build with it, in the language of its documents.
FOR_BUILDERS = {"docs.html", "gallery.html", "embedding_site.html", "snippet.html", "state.html"}
PAGES = [path for path in catalogues.ROOT.glob("gateway/*/templates/*.html") if path.name not in FOR_BUILDERS]


# Catalogues -----------------------------------------------------------------------------------------------------------


def test_the_template_of_the_catalogues_lists_the_sentences_of_the_code() -> None:
    written = (catalogues.LOCALE / "tuppence.pot").read_bytes()
    assert written == catalogues.text_of(catalogues.extracted()), "run python -m tools.catalogues"


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalogue_has_every_sentence_and_no_other(tag: str) -> None:
    catalogue = catalogues.read(catalogues.path_of(tag))
    said = {message.id for message in catalogues.extracted() if message.id}
    assert {message.id for message in catalogue if message.id} == said, "run python -m tools.catalogues"
    assert [message.id for message in catalogue if message.id and (message.fuzzy or not message.string)] == []
    assert list(catalogue.obsolete) == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_has_the_same_placeholders(tag: str) -> None:
    for english, translated in catalogues.translations(catalogues.read(catalogues.path_of(tag))):
        assert catalogues.placeholders(translated) == catalogues.placeholders(english), translated


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_follows_the_typography_of_its_language(tag: str) -> None:
    for english, sentence in catalogues.translations(catalogues.read(catalogues.path_of(tag))):
        assert sentence == sentence.strip() or english == " s", sentence
        assert "  " not in sentence, sentence
        if tag == "fr":
            assert not re.search(r"[^\s\u202f\u00a0][?!;:](?=\s|$)", sentence), sentence
        if tag == "ko" and english.endswith("."):
            assert re.search(r"(요|니다)\.$", sentence), sentence


@pytest.mark.parametrize("tag", TRANSLATED)
def test_the_embeds_words_are_those_of_the_catalogue(tag: str) -> None:
    written = (catalogues.EMBED / f"{tag}.json").read_text()
    assert written == catalogues.embed_text(tag), "run python -m tools.catalogues"
    assert len(gzip.compress(written.encode())) < 3_072


def test_a_catalogue_that_lacks_a_sentence_is_noticed() -> None:
    catalogue = catalogues.read(catalogues.path_of("ko"))
    catalogue.delete("Copy")
    assert catalogue.get("Copy") is None
    merged = catalogues.merged(catalogue, catalogues.extracted(), "ko")
    assert [message.id for message in merged if message.id and not message.string] == ["Copy"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_text_of_a_template_is_in_the_catalogue(path: Path) -> None:
    source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", " ", path.read_text(), flags=re.DOTALL)
    attributes = " ".join(re.findall(SPOKEN_ATTRIBUTES, source))
    shown = re.sub(TAGS_AND_ATTRIBUTES, " ", source)
    assert set(re.findall(r"[^\W\d_]{2,}", f"{shown} {attributes}")) - NAMES == set()


# The language of a reader --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accepted", "button", "tag"),
    [
        ("", "", ENGLISH, "en"),
        ("", "ko-KR,ko;q=0.9,en;q=0.8", KOREAN, "ko"),
        ("", "en;q=0.4, ko;q=0.8", KOREAN, "ko"),
        ("", "da, de-AT;q=0.7, ko;q=0.3", GERMAN, "de"),
        ("", "ko;q=0, de;q=0.1", GERMAN, "de"),
        ("", "da, xx;q=0.7, *", ENGLISH, "en"),
        ("", "ko;q=much, ;;;, de;q=0.2", GERMAN, "de"),
        ("?lang=ko", "de", KOREAN, "ko"),
        ("?lang=zh-TW", "de", "支付 100 sat", "zh-Hans"),
        ("?lang=PT", "", "Pagar 100 sats", "pt-BR"),
        ("?lang=../../etc/passwd", "de", GERMAN, "de"),
        ("?lang=", "de", GERMAN, "de"),
    ],
)
async def test_a_page_is_in_the_requested_language(
    site: Site, query: str, accepted: str, button: str, tag: str
) -> None:
    await site.sell_text(TEXT)
    headers = {"Accept": "text/html", "Accept-Language": accepted}
    async with site.session.get(f"{site.url}/i/welcome{query}", headers=headers) as response:
        page = await response.text()
        assert button in page
        assert f'<html lang="{tag}">' in page
        assert response.headers["Content-Language"] == tag
        assert response.headers["Vary"] == "Accept-Language, Cookie"


async def test_a_language_chosen_by_hand_is_kept_from_page_to_page(site: Site) -> None:
    await site.sell_text(TEXT)
    _, page = await site.call("GET", "/i/welcome?lang=ko&utm_source=mail", headers={"Accept-Language": "de"})
    for address in ('action="/i/welcome?lang=ko"', 'href="/t/alice?lang=ko"', 'href="/recover?lang=ko"'):
        assert address in page
    assert "utm" not in page
    async with site.session.post(f"{site.url}/i/welcome?lang=ko", allow_redirects=False) as response:
        assert response.headers["Location"] == "/i/welcome?lang=ko"
    _, plain = await site.call("GET", "/i/welcome", headers={"Accept-Language": "de"})
    assert 'action="/i/welcome"' in plain


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_is_whole_in_every_language(site: Site, tag: str) -> None:
    await site.sell_text(TEXT)
    for path in ("/i/welcome", "/t/alice", "/r", "/i/nothing", "/nowhere"):
        _, page = await site.call("GET", f"{path}?lang={tag}", headers={"Accept": "text/html"})
        assert f'<html lang="{tag}">' in page
        assert f'href="?lang={tag}"' in page or path == "/r"
        if tag != "en":
            assert words_in(tag).say("Language") in page or path == "/r"
            assert "Nothing here" not in page


async def test_an_error_is_translated_for_readers_and_english_for_programs(site: Site) -> None:
    await site.sell_text(TEXT)
    korean = {"Accept-Language": "ko", "Accept": "text/html"}
    status, page = await site.call("POST", "/t/bob", data={"own": "0"}, headers=korean)
    assert (status, "금액을 선택하거나" in page) == (422, True)
    status, problem = await site.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 1}, headers=korean)
    assert (status, problem["detail"].isascii()) == (422, True)


async def test_the_reference_for_programmers_is_english(site: Site) -> None:
    _, page = await site.call("GET", "/docs?lang=ko", headers={"Accept-Language": "ko"})
    assert '<html lang="en">' in page
    assert "한국어" not in page


@pytest.mark.parametrize(
    ("tag", "number", "instant", "time"),
    [
        ("en", "1,234.5", "15 January 2027, 08:00 UTC", "30 days"),
        ("de", "1.234,5", "15. Januar 2027, 08:00 UTC", "30 Tage"),
        ("fr", "1\u202f234,5", "15 janvier 2027, 08:00 UTC", "30\u00a0jours"),
        ("ko", "1,234.5", "2027년 1월 15일, 08:00 UTC", "30일"),
    ],
)
def test_numbers_dates_and_times_are_written_as_readers_write_them(
    tag: str, number: str, instant: str, time: str
) -> None:
    words = words_in(tag)
    assert words.sat(1_234_500) == number
    assert words.instant(1_800_000_000) == instant
    assert words.duration(30, "day") == time


def test_a_value_is_shown_as_it_is() -> None:
    assert (
        words_in("ko").say("Only {creator} reads it.", creator="{0.__class__} %s")
        == "{0.__class__} %s님만 볼 수 있어요."
    )
