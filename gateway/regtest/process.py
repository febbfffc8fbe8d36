"""Processes that outlive the command that started them, identified by pid and start time."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.errors import Refused

T = TypeVar("T")
Report = Callable[[str], None]

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process: its pid, and its start time in the form of the operating system."""

    pid: int
    started: str


class RegtestError(Refused):
    """An error of the regtest network, with a text that says what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__("regtest_failed", detail)


def silent(_: str) -> None:
    """Discard progress reports."""


def spawn(command: Sequence[str], *, log: Path) -> Process:
    """Start a command in a new session, appending its output to `log`."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # Not subprocess: its object warns if it is deleted before the child ends, and these children outlive us.
        pid = os.posix_spawn(
            command[0],
            list(command),
            environment(),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)
    return Process(pid=pid, started=_started(pid) or "ended")


def environment() -> dict[str, str]:
    """The environment that this process was started with."""
    return dict(os.environ)


def is_running(process: Process) -> bool:
    """Whether this process still runs; another one with the same pid does not count."""
    # Our own child stays a zombie until it is waited for; a child of an earlier command cannot be waited for.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return _started(process.pid) == process.started


async def stop(process: Process, *, crash: bool = False, patience_seconds: float = 30.0) -> None:
    """Stop the process and wait until it is gone: by SIGTERM; when patience ends, or with `crash`, by SIGKILL."""
    first = signal.SIGKILL if crash else signal.SIGTERM
    for number in (first, signal.SIGKILL):
        if not is_running(process):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        with contextlib.suppress(RegtestError):
            await until(lambda: _gone(process), seconds=patience_seconds, what="the end of a process")
            return
    raise RegtestError(
        f"Process {process.pid} does not end. End it yourself (kill -9 {process.pid}), then repeat the command."
    )


async def until(probe: Callable[[], Awaitable[T]], *, seconds: float, what: str) -> T:
    """Poll until the result is true; returns it. Raises RegtestError, which names `what`, after `seconds`."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while True:
        answer = await probe()
        if answer:
            return answer
        if clock() > deadline:
            raise RegtestError(
                f"No sign of {what} within {seconds:.0f} s. The logs say why: tuppence regtest logs btcd|NODE"
            )
        await asyncio.sleep(POLL_SECONDS)


async def _gone(process: Process) -> bool:
    return not is_running(process)


def _started(pid: int) -> str | None:
    """The start time of the process with this pid, or None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    except ProcessLookupError:
        return None
    state, ticks, threads = fields[0], fields[19], int(fields[17])
    # The first thread of a killed process is a zombie while others, still ending, keep the ports.
    if state in "ZX" and threads <= 1:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {ticks}"


def _started_by_ps(pid: int) -> str | None:
    answer = subprocess.run(  # noqa: S603 - fixed command
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()
