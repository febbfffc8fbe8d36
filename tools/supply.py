"""The supply chain, as far as an index of packages can tell: `make check` runs it.

The locks are what pyproject.toml resolves to, to the byte; every version in them has its hashes, and none was
withdrawn by its makers; what is installed here is what they say. Of advisories it knows nothing: pip-audit does.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
RUNTIME, DEVELOPMENT = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
BUILD = ROOT / "requirements-build.lock"
_COMPILE = ("--universal", "--generate-hashes", "--no-strip-extras", "--no-header", "--python-version", "3.11")
_EXTRAS = (*(part for extra in ("demo", "fast", "postgres", "seal") for part in ("--extra", extra)), "--group", "build")
OPTIONS = {
    RUNTIME: (*_EXTRAS, "pyproject.toml"),
    BUILD: ("--group", "build", "-c", RUNTIME.name),
    DEVELOPMENT: (*_EXTRAS, "--group", "dev", "-c", RUNTIME.name, "pyproject.toml"),
}
BROUGHT_ALONG = {"pip", "setuptools", "tuppence"}
"""In an environment, and in no lock."""


def main() -> int:
    """Say what is wrong, or that nothing is; gives the exit status."""
    wrong = [line for lock in OPTIONS for line in (*unpinned(lock.read_text()), *stale(lock))]
    wrong += not_locked()
    for line in wrong:
        sys.stdout.write(f"supply chain: {line}\n")
    if not wrong:
        counts = ", ".join(str(len(pins(lock.read_text()))) for lock in OPTIONS)
        sys.stdout.write(f"supply chain: {counts} versions, pinned, hashed, complete, installed, none withdrawn\n")
    return int(bool(wrong))


def pins(lock: str) -> dict[str, list[str]]:
    """The requirements of a lock, each with its hashes."""
    found: dict[str, list[str]] = {}
    for line in lock.splitlines():
        words = line.strip().removesuffix("\\").strip()
        if words.startswith("--hash="):
            found[next(reversed(found))].append(words.removeprefix("--hash="))
        elif words and not words.startswith("#"):
            found[words] = []
    return found


def unpinned(lock: str) -> list[str]:
    """Requirements that are not one version with the SHA-256 of each of its files."""
    return [
        f"{requirement} is not one version with its hashes"
        for requirement, hashes in pins(lock).items()
        if not re.fullmatch(r"[a-z0-9-]+(\[[a-z,-]+\])?==[\w.!+]+( ; .+)?", requirement)
        or not hashes
        or not all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)
    ]


def stale(lock: Path) -> list[str]:
    """The changes and warnings of resolving again with the versions of the lock. It asks the index."""
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / lock.name
        again.write_bytes(lock.read_bytes())
        command = [str(uv), "pip", "compile", *_COMPILE, *OPTIONS[lock], "-o", str(again)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode:
            return [f"{lock.name} cannot be resolved: {result.stderr.strip().splitlines()[-1]}"]
        changed = (
            [] if again.read_bytes() == lock.read_bytes() else [f"{lock.name} is not what pyproject.toml asks for"]
        )
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning:")]
    return changed + [f"{lock.name}: {line}" for line in warnings]


def not_locked() -> list[str]:
    """The packages that are installed, or required by pyproject.toml, and differ from the lock."""
    locked = {}
    for line in pins(DEVELOPMENT.read_text()):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            locked[canonicalize_name(requirement.name)] = requirement.specifier
    installed = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions()}
    wrong = [
        f"{name} {version} is installed, the lock has {locked.get(name, 'none')}"
        for name, version in installed.items()
        if name not in BROUGHT_ALONG and version not in locked.get(name, [])
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    missing = {canonicalize_name(Requirement(line).name) for line in asked} - set(locked)
    return wrong + [f"{name} is asked for and not locked" for name in sorted(missing)]


if __name__ == "__main__":
    sys.exit(main())
