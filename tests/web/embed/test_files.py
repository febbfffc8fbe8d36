"""The embed as built and as served: small, cacheable, and the same bytes from the same sources."""

import gzip
import json
import re
import subprocess
from base64 import b64encode
from hashlib import new, sha384
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import Site

ROOT = Path(__file__).parents[3]
PAYWALL = ROOT / "paywall"
BUILT = ROOT / "gateway" / "web" / "static" / "embed"
VERSION = json.loads((PAYWALL / "package.json").read_text())["version"]
NEWEST = BUILT / VERSION
# What a page loads, in bytes after gzip -9: with the script; on the first tap; for a form of tips;
# and when the reader asks for it.
LARGEST = {
    ("embed.js",): 8 * 1024,
    ("sheet.js", "opened.js"): 14 * 1024,
    ("extras.js",): 2 * 1024,
    ("tipping.js",): 5 * 512,
    ("help.js",): 2 * 1024,
    ("recover.js",): 2 * 1024,
    ("hosted.js",): 11 * 1024,
    ("connect.js",): 42 * 1024,
}
LANGUAGES = {"de", "es", "fr", "ja", "ko", "pt-BR", "zh-Hans"}
SENTENCE = re.compile(r'^  (\w+): "(.*)",$', re.MULTILINE)


def packed(name: str) -> int:
    return len(gzip.compress((NEWEST / name).read_bytes(), 9))


@pytest.mark.parametrize("names", LARGEST)
def test_what_a_page_loads_is_small(names: tuple[str, ...]) -> None:
    assert sum(packed(name) for name in names) <= LARGEST[names]


def test_a_language_costs_less_than_a_sentence_of_script() -> None:
    assert all(packed(path.name) <= 3 * 1024 for path in NEWEST.glob("words-*.json"))


@pytest.mark.node
def test_the_types_hold_and_a_rebuild_gives_the_same_bytes(tmp_path: Path) -> None:
    if not (PAYWALL / "node_modules").exists():
        run("npm", "ci", "--no-audit", "--no-fund")
    run("npm", "run", "check")
    run("npm", "run", "build", "--", str(tmp_path))
    built = {path.name: path.read_bytes() for path in (tmp_path / VERSION).iterdir()}
    assert built == {path.name: path.read_bytes() for path in NEWEST.iterdir()}


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=PAYWALL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_that_the_script_loads_has_the_integrity_that_it_knows() -> None:
    loaders = (NEWEST / "embed.js").read_text() + (NEWEST / "sheet.js").read_text()
    manifest = json.loads((NEWEST / "manifest.json").read_text())
    assert manifest["version"] == VERSION
    for name, integrity in manifest["integrity"].items():
        algorithm, _, expected = integrity.partition("-")
        assert b64encode(new(algorithm, (NEWEST / name).read_bytes()).digest()).decode() == expected
        assert name in {"embed.js", "hosted.js"} or integrity in loaders


def test_every_language_says_everything_that_english_says() -> None:
    english = dict(SENTENCE.findall((PAYWALL / "src" / "words.ts").read_text()))
    assert english == json.loads((PAYWALL / "src" / "words" / "en.json").read_text())
    spoken = {path.stem.removeprefix("words-"): json.loads(path.read_text()) for path in NEWEST.glob("words-*.json")}
    assert set(spoken) == LANGUAGES
    for language, words in spoken.items():
        assert set(words) == set(english), language
        for name, text in words.items():
            assert slots(text) == slots(english[name]), f"{language}: {name}"
            assert text.strip() == text != "", f"{language}: {name}"


def slots(text: str) -> list[str]:
    return sorted(set(re.findall(r"\{\w+\}", text)))


async def fetch(site: Site, path: str, **headers: str) -> tuple[int, Any, bytes]:
    async with site.session.get(f"{site.url}{path}", headers=headers) as response:
        return response.status, response.headers, await response.read()


async def test_the_evergreen_script_is_the_newest_and_asks_again_soon(site: Site) -> None:
    status, headers, body = await fetch(site, "/embed/v1.js")
    assert (status, body) == (200, (NEWEST / "embed.js").read_bytes())
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" not in headers["Cache-Control"]
    again, headers, body = await fetch(site, "/embed/v1.js", **{"If-None-Match": headers["ETag"]})
    assert (again, body) == (304, b"")
    assert headers["ETag"]


async def test_what_stands_under_a_version_never_changes_and_is_readable_by_any_page(site: Site) -> None:
    for path in NEWEST.iterdir():
        status, headers, body = await fetch(site, f"/embed/{VERSION}/{path.name}", Origin="https://blog.example")
        assert (status, body) == (200, path.read_bytes())
        assert "immutable" in headers["Cache-Control"]
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize("path", ["/embed/0.0.0/embed.js", f"/embed/{VERSION}/nothing.js", "/embed/..%2f/tuppence.css"])
async def test_what_was_never_built_is_not_found(site: Site, path: str) -> None:
    assert (await fetch(site, path))[0] == 404


def test_the_integrity_of_a_pinned_tag_is_that_of_its_bytes() -> None:
    body = (NEWEST / "embed.js").read_bytes()
    integrity = json.loads((NEWEST / "manifest.json").read_text())["integrity"]["embed.js"]
    assert integrity == f"sha384-{b64encode(sha384(body).digest()).decode()}"


async def test_a_creator_is_known_by_name_and_accent(site: Site) -> None:
    status, card = await site.call("GET", "/v1/creators/alice")
    assert status == 200
    assert set(card) == {"name", "title", "accent", "pay_url"}
    assert (await site.call("GET", "/v1/creators/nobody"))[0] == 404
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    _, item = await site.call("GET", "/v1/items/welcome")
    assert item["accent"] == card["accent"]
