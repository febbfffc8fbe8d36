"""The links of a site: into and out of paid parts, and the public address of a page."""

import gzip
import json
from pathlib import Path

import pytest

from gateway.cli.sealing.inspection import inspect
from gateway.cli.sealing.site import address_of, check_origins, files_of, foreign_canonical, leftovers
from gateway.errors import Invalid
from tests.cli.sealing.test_site import PAGE, PAID, SEALED, public, refusal, seen

__all__ = ["public"]

LINKED = [
    # A footnote that the generator gathered at the end of the page.
    (f"{PAID}<sup><a href='#fn:1'>1</a></sup>", "<ol><li id='fn:1'>The source.</li></ol>"),
    (f"{PAID}<sup><a href='#user-content-fn-1'>1</a></sup>", "<li id='user-content-fn-1'>The source.</li>"),
    # A table of contents, in the page and elsewhere.
    (f"<h2 id='what-changed'>What changed</h2>{PAID}", "<nav><a href='#what-changed'>What changed</a></nav>"),
    (f"<h2 id='f%C3%BCr'>Für</h2><h2 id='für'>Für</h2>{PAID}", "<a href='#f%C3%BCr'>Für</a>"),
    (f"<a name='old'></a>{PAID}", "<a href='/essay/#old'>Old</a>"),
]


@pytest.mark.parametrize(("part", "outside"), LINKED)
def test_links_in_and_out_of_a_paid_part_give_away_what_stands_outside(public: Path, part: str, outside: str) -> None:
    page = public / "essay" / "index.html"
    page.write_text(PAGE.replace(PAID, part) + outside)
    assert refusal(public) == "paid_part_linked"
    seen(public).check(allow_copies=True)
    page.write_text(PAGE.replace(PAID, part + outside))
    assert refusal(public) == "", "what stands inside whole is sealed whole"


def test_a_link_from_another_file_to_a_paid_heading_is_found(public: Path) -> None:
    (public / "essay" / "index.html").write_text(PAGE.replace(PAID, f"<h2 id='changed'>It</h2>{PAID}"))
    for link, code in (("essay/#changed", "paid_part_linked"), ("essay/index.html#changed", "paid_part_linked")):
        (public / "search.json").write_text(json.dumps({"location": link, "title": "It"}))
        assert refusal(public) == code
    for link in ("other/#changed", "#changed", "essay/#other"):
        (public / "search.json").write_text(json.dumps({"location": link}))
        assert refusal(public) == ""


def test_a_canonical_link_to_another_site_is_said_and_not_used(public: Path) -> None:
    page = public / "essay" / "index.html"
    for link in (
        "https://other.example/essay",
        "//other.example/",
        "http://blog.example/essay/",
        "https://blog.example@a.b/",
    ):
        page.write_text(f"<link rel=canonical href='{link}'>{PAGE}")
        [file] = [one for one in files_of([public], None) if one.page]
        assert foreign_canonical(file, "https://blog.example/") is not None
        assert address_of(file, "https://blog.example") == "https://blog.example/essay/"
    page.write_text(f"<link rel='CANONICAL' href='https://BLOG.example:443/a'>{PAGE}")
    [file] = [one for one in files_of([public], None) if one.page]
    assert foreign_canonical(file, "https://blog.example") is None
    (public / "two.html").write_text(f"<link rel=canonical href='https://other.example/'>{PAGE}")
    with pytest.raises(Invalid, match="different sites"):
        check_origins(files_of([public], None), "")
    check_origins(files_of([public], None), "https://blog.example")


def test_what_an_earlier_run_left_where_the_site_is_written_is_looked_through_too(public: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = files_of([public], out)
    assert leftovers(out, files) == []
    (out / "essay").mkdir(parents=True)
    (out / "essay" / "index.html").write_text(PAGE)
    (out / "sealed.html").write_text(SEALED)
    inspect(files, (), leftovers(out, files)).check(allow_copies=False)
    (out / "index.html.gz").write_bytes(gzip.compress(PAGE.encode()))
    with pytest.raises(Invalid, match=r"index\.html\.gz"):
        inspect(files, (), leftovers(out, files)).check(allow_copies=False)
