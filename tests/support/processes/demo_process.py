"""The demo as its users start it: a process of its own, in a folder of its own."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

READY_SECONDS = 60.0


@asynccontextmanager
async def run_demo(
    folder: Path,
    *options: str,
    port: int | None = None,
    ready_seconds: float = READY_SECONDS,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[str]:
    """`tuppence demo` until the context is left; gives its address."""
    listen = f"127.0.0.1:{port or free_port()}"
    process = await start(folder, "demo", "--no-browser", *options, listen=listen, variables=variables)
    try:
        yield await ready(process, ready_seconds)
    finally:
        await stop(process)


async def start(
    folder: Path,
    *arguments: str,
    listen: str,
    python: str = sys.executable,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> asyncio.subprocess.Process:
    """`tuppence …` in a folder, with these variables and without those of whoever runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TUPPENCE_")}
    environment = {**inherited, **variables}
    return await asyncio.create_subprocess_exec(
        python,
        "-m",
        "gateway",
        *arguments,
        cwd=folder,
        env=environment | {"TUPPENCE_LISTEN": listen},
        stdout=asyncio.subprocess.PIPE,
    )


async def ready(process: asyncio.subprocess.Process, seconds: float) -> str:
    """The address in the line `ready http://…`."""
    assert process.stdout is not None, "the output is a pipe"
    async with asyncio.timeout(seconds):
        while line := (await process.stdout.readline()).decode():
            if line.startswith("ready "):
                return line.split()[1]
    raise AssertionError("ended before it was ready")


async def stop(process: asyncio.subprocess.Process, *, crash: bool = False) -> int:
    """Stop it as Ctrl-C does, or crash it; gives its exit status."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL if crash else signal.SIGINT)
    if process.stdout is not None:
        await process.stdout.read()
    return await process.wait()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
