"""A28: what is installed is what was locked, and what was locked can be checked to the byte."""

import json
import re
from pathlib import Path

import pytest

from tools.sbom import write_sbom
from tools.supply import BUILD, DEVELOPMENT, OPTIONS, ROOT, RUNTIME, not_locked, pins, unpinned


@pytest.mark.parametrize("lock", [lock.name for lock in OPTIONS])
def test_a28_every_version_is_pinned_with_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert len(pins(text)) > (5 if lock == BUILD.name else 40)
    assert unpinned(text) == []


def test_a28_what_is_installed_here_is_what_was_locked() -> None:
    assert not_locked() == []


def test_a28_what_is_used_is_what_is_tested() -> None:
    """A library has the same version for users and for the tests."""
    runtime, development = (
        {line.partition(" ;")[0] for line in pins(lock.read_text())} for lock in (RUNTIME, DEVELOPMENT)
    )
    assert runtime - development == set()


@pytest.mark.parametrize(
    "line",
    [
        "aiohttp>=3",
        "aiohttp==3.14.5",
        "aiohttp @ https://elsewhere.example/aiohttp.whl",
        "-e .",
        "aiohttp==3.14.5 \\\n    --hash=md5:00112233445566778899aabbccddeeff",
        "aiohttp==3.* \\\n    --hash=sha256:" + "0" * 64,
    ],
)
def test_a28_a_line_that_leaves_a_choice_is_found(line: str) -> None:
    assert len(unpinned(line)) == 1


def test_a28_nothing_is_installed_without_its_hash() -> None:
    """Neither by make, nor in a container, nor by whoever follows the guide."""
    guides = [ROOT / "docs" / "guides" / f"{name}.md" for name in ("install", "upgrade")]
    for path in (ROOT / "Makefile", ROOT / "ops" / "Containerfile", *guides):
        for line in re.findall(r"(?:pip|PIP\)) install .*", Path(path).read_text()):
            assert "--require-hashes" in line or "--no-deps" in line, f"{path.name}: {line}"


def test_a28_the_bill_of_materials_lists_every_locked_version_with_its_hashes(tmp_path: Path) -> None:
    write_sbom(tmp_path / "sbom.json")
    components = json.loads((tmp_path / "sbom.json").read_text())["components"]
    listed = {f"{each['name']}=={each['version']}": each["externalReferences"][0]["hashes"] for each in components}
    locked = pins(RUNTIME.read_text())
    assert set(listed) == {re.sub(r"\[.*\]", "", line.partition(" ;")[0]) for line in locked}
    assert all(listed.values())
