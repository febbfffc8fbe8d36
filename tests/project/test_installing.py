"""`make` installs the locked versions with the pip that the oldest Python brings, whatever is released meanwhile."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tools.supply import BROUGHT_ALONG, DEVELOPMENT, OPTIONS, ROOT, pins

OLDEST_PIP = "pip==22.3"
"""Of Python 3.11.0."""
NEWER = "9999.0"
"""Above every version that a lock names."""


def test_every_extra_that_a_locked_package_wants_is_locked() -> None:
    """To pip, `coverage[toml]` is another requirement than `coverage`, and has no hash."""
    locked = [Requirement(line) for line in pins(DEVELOPMENT.read_text())]
    extras = {canonicalize_name(each.name): each.extras for each in locked}
    wanted = [
        (each.metadata["Name"], requirement)
        for each in distributions()
        for requirement in map(Requirement, each.requires or ())
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in _chosen(each.metadata["Name"], extras))
    ]
    assert len(wanted) > 100
    assert [
        f"{name} wants {each}" for name, each in wanted if each.extras - extras.get(canonicalize_name(each.name), {*()})
    ] == []


def _chosen(name: str, extras: Mapping[NormalizedName, set[str]]) -> set[str]:
    return {"", *extras.get(canonicalize_name(name), ())}


def test_the_locks_install_with_the_oldest_pip_though_all_that_they_name_has_newer_releases(tmp_path: Path) -> None:
    """The index is a folder: what is locked, and of each package a release above it."""
    index, checkout = tmp_path / "index", tmp_path / "checkout"
    _fill(index)
    _copy(checkout)
    venv = checkout / ".venv"
    _run(sys.executable, "-m", "venv", str(venv))
    _run(str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", OLDEST_PIP)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PATH": "/usr/bin:/bin"}
    # Nothing that is installed here is imported. Of this option pip reads 0 as yes.
    offline["PIP_NO_COMPILE"] = "0"
    _run("make", "-C", str(checkout), f"PYTHON={sys.executable}", ".venv/.installed-dev", environment=offline)
    installed = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions(path=_packages(venv))}
    locked = {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in map(Requirement, pins(DEVELOPMENT.read_text()))
        if each.marker is None or each.marker.evaluate()
    }
    assert {name: version for name, version in installed.items() if name not in BROUGHT_ALONG} == {
        name: version for name, version in locked.items() if name not in BROUGHT_ALONG
    }
    setuptools = canonicalize_name("setuptools")
    assert installed[setuptools] == locked[setuptools]


def _packages(venv: Path) -> list[str]:
    return [str(folder) for folder in venv.glob("lib/python*/site-packages")]


def _fill(index: Path) -> None:
    """Download what is locked, as it stands in pip's cache where it was just installed; then make what is newer."""
    _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--require-hashes",
         "--dest", str(index), "-r", str(DEVELOPMENT))  # fmt: skip
    for line in pins(DEVELOPMENT.read_text()):
        name = re.sub("[-_.]+", "_", Requirement(line).name)
        with zipfile.ZipFile(index / f"{name}-{NEWER}-py3-none-any.whl", "w") as wheel:
            about = f"{name}-{NEWER}.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {NEWER}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")


def _copy(checkout: Path) -> None:
    """What an installation reads of a checkout."""
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE", *(lock.name for lock in OPTIONS)):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ROOT / "gateway", checkout / "gateway", ignore=shutil.ignore_patterns("__pycache__"))


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
