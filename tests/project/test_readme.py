"""The README is a first screen: short, true in both languages, and every link of the documentation leads somewhere."""

import re
from pathlib import Path

import pytest

from gateway import __version__
from tests.support.page_examples import examples

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
LONGEST = 120
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("ops/*.md"),
    *ROOT.glob("paywall/integrations/**/README.md"),
    *ROOT.glob(".github/**/*.md"),
]


def test_the_readme_is_a_first_screen() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_newest_section_of_the_changelog_is_the_version_of_the_package() -> None:
    sections = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", _text("CHANGELOG.md"), re.MULTILINE)
    assert [name for name, _ in sections[:2]] == ["Unreleased", __version__]
    assert all(date for _, date in sections[1:])
    assert re.search(rf'^version = "{re.escape(__version__)}"$', _text("pyproject.toml"), re.MULTILINE)


def test_a_section_of_the_changelog_has_each_heading_once() -> None:
    for section in _text("CHANGELOG.md").split("\n## ")[1:]:
        headings = re.findall(r"^### (.+)$", section, re.MULTILINE)
        kinds = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
        assert headings == [kind for kind in kinds if kind in headings]


def test_the_korean_readme_shows_the_same_commands() -> None:
    english, korean = examples(README), examples(README.with_name("README.ko.md"))
    assert [(each.language, each.role, each.text) for each in korean] == [
        (each.language, each.role, each.text) for each in english
    ]


@pytest.mark.parametrize(
    "page", [path.relative_to(ROOT).as_posix() for path in PAGES if "node_modules" not in path.parts]
)
def test_every_link_to_a_file_leads_to_one(page: str) -> None:
    linked = re.findall(r"\]\(([^)\s]+)|(?:src|href|srcset)=\"([^\"]+)\"", _without_code(ROOT / page))
    paths = {(one or other).partition("#")[0] for one, other in linked if ":" not in one + other}
    assert {path for path in paths if not (ROOT / page).parent.joinpath(path).exists()} == set()


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
