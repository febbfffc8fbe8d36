"""Finds the programs of the network: those on PATH if they are new enough, else built once into the user's cache."""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

from gateway.regtest.lock import locked
from gateway.regtest.process import RegtestError, Report, environment, silent
from gateway.regtest.state import Binaries

SOURCES = Path(__file__).resolve().parents[2] / "regtest"
NAMES = ("lnd", "lncli", "btcd", "btcctl")
# lncli and btcctl are for people: any version beside a server that is new enough will do.
MINIMUM = MappingProxyType({"lnd": (0, 21, 0), "btcd": (0, 25, 0)})
TAGS = (
    "autopilotrpc,chainrpc,invoicesrpc,neutrinorpc,peersrpc,routerrpc,signrpc,walletrpc,watchtowerrpc,wtclientrpc,"
    "monitoring,kvdb_sqlite,kvdb_postgres"
)
FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w", f"-tags={TAGS}")
# Without cgo the build needs nothing but Go, and is the same everywhere.
GO_ENVIRONMENT = MappingProxyType({"CGO_ENABLED": "0", "GOWORK": "off"})
BUILD_NICENESS = 10
# The install folder of Go's instructions, which sudo and services do not have on PATH.
GO_FOLDER = "/usr/local/go/bin"
LAST_LINES = 12


async def find_binaries(report: Report = silent) -> Binaries:
    """The paths of the four programs, built first if necessary (minutes, once). Raises RegtestError."""
    return await _from_path() or await _from_cache(report)


def version_of(answer: str) -> tuple[int, ...]:
    """The version in the output of `lnd --version` or `btcd --version`; an empty tuple if there is none."""
    match = re.search(r"version v?(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in match.groups()) if match else ()


def build_digest(sources: Path, go_version: str) -> str:
    """The name of a build: a hash of all its inputs."""
    digest = hashlib.sha256()
    parts = ((sources / "go.mod").read_bytes(), (sources / "go.sum").read_bytes(), go_version.encode())
    for part in (*parts, *(flag.encode() for flag in FLAGS), repr(sorted(GO_ENVIRONMENT.items())).encode()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def find_go(path: str, usual: str = GO_FOLDER) -> str | None:
    """The `go` program in the folders of `path` (in the form of PATH), else in the usual one."""
    return shutil.which("go", path=os.pathsep.join((path, usual)))


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder of the builds, by the XDG convention."""
    home = environment.get("XDG_CACHE_HOME") or ""
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    return base / "tuppence" / "regtest"


async def _from_path() -> Binaries | None:
    paths = {name: shutil.which(name) for name in NAMES}
    for name, minimum in MINIMUM.items():
        path = paths[name]
        if path is None or version_of(await _output(path, "--version")) < minimum:
            return None
    found = {name: path for name, path in paths.items() if path is not None}
    return Binaries(**found) if len(found) == len(NAMES) else None


async def _from_cache(report: Report) -> Binaries:
    go = find_go(os.environ.get("PATH", ""))
    if go is None or not (SOURCES / "go.mod").exists():
        raise RegtestError(_what_to_install(go))
    go_version = await _output(go, "env", "GOVERSION", "GOOS", "GOARCH")
    cache = cache_folder(environment())
    target = cache / build_digest(SOURCES, go_version)
    if not target.exists():
        async with locked(cache, report):
            if not target.exists():
                await _build(go, target, report)
    return Binaries(**{name: str(target / name) for name in NAMES})


def _what_to_install(go: str | None) -> str:
    wanted = " and ".join(f"{name} {'.'.join(map(str, minimum))}" for name, minimum in MINIMUM.items())
    if go is None:
        return (
            f"A real network needs {wanted} or newer (with lncli and btcctl) in PATH, or Go 1.25.13 or newer to build "
            "them once. Install Go from https://go.dev/dl/ and repeat the command."
        )
    return (
        f"A real network needs {wanted} or newer (with lncli and btcctl) in PATH: this installation has no sources to "
        "build them from. Install them, or run the command from a checkout of Tuppence."
    )


async def _build(go: str, target: Path, report: Report) -> None:
    for leftover in target.parent.glob("build-*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as draft:
        report("LND and btcd: fetching their sources, once")
        packages = 0
        async with _running(go, "list", *FLAGS, "-deps", "tool") as listing:
            packages = (await _output_of(listing)).count("\n")
        report("LND and btcd: building them, once, in some minutes")
        async with _running(go, "build", "-v", *FLAGS, "-o", f"{draft}/", "tool") as build:
            await _follow(build, packages, report)
        Path(draft).chmod(0o755)
        Path(draft).rename(target)
        # TemporaryDirectory fails if there is nothing to remove.
        Path(draft).mkdir()


async def _follow(build: Process, packages: int, report: Report) -> None:
    """Report the number of packages that `go build -v` prints. Raises RegtestError with its last lines if it fails."""
    assert build.stderr is not None
    lines: list[str] = []
    async for line in build.stderr:
        lines.append(line.decode(errors="replace").rstrip())
        report(f"LND and btcd: building them, once, in some minutes: {len(lines)} of {packages} packages")
    if await build.wait() != 0:
        raise RegtestError(_build_failed(lines))


async def _output_of(process: Process) -> str:
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise RegtestError(_build_failed(errors.decode(errors="replace").splitlines()))
    return output.decode()


def _build_failed(lines: list[str]) -> str:
    tail = "\n".join(lines[-LAST_LINES:])
    return (
        f"LND and btcd could not be built: the network, the disk or Go's version (1.25.13 or newer) is amiss.\n{tail}"
    )


@contextlib.asynccontextmanager
async def _running(go: str, *arguments: str) -> AsyncIterator[Process]:
    """Run Go in the sources at low priority; it is ended with its children if this process ends first."""
    process = await asyncio.create_subprocess_exec(
        go,
        *arguments,
        cwd=SOURCES,
        env={**environment(), **GO_ENVIRONMENT},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, BUILD_NICENESS)
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()


async def _output(*command: str) -> str:
    # In the sources, because go.mod may make Go download another version of itself.
    folder = SOURCES if SOURCES.exists() else None
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    output, _ = await process.communicate()
    return output.decode(errors="replace")
