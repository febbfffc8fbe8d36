"""The other processes of a measurement: each a Python program of its own, on the event loop that was asked for."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

Loop = Literal["asyncio", "uvloop"]

LINE_BYTES = 64 * 1024 * 1024
STOP_SECONDS = 20.0
ANSWER_SECONDS = 600.0


async def spawn(code: str, *, loop: Loop, cwd: Path, log: Path, variables: Mapping[str, str] | None = None) -> Process:
    """Run Python code in a process of its own, with `variables` as its only TUPPENCE_ ones."""
    if loop == "asyncio":
        # What runs on uvloop where that is installed finds it missing.
        code = f"import sys; sys.modules['uvloop'] = None; {code}"
    others = {name: value for name, value in os.environ.items() if not name.startswith("TUPPENCE_")}
    root = str(Path(__file__).parents[2])
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            code,
            cwd=cwd,
            env={**others, "PYTHONPATH": root, "PYTHONFAULTHANDLER": "1", **(variables or {})},
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            limit=LINE_BYTES,
        )


async def stop(process: Process) -> None:
    """End a process that we started, politely first."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


class Child:
    """A program that answers each line of JSON with a line of JSON."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    async def ask(self, **job: Any) -> Any:
        """The answer of the program. Raises RuntimeError when it ended instead."""
        self.send(json.dumps(job))
        return await self.answer()

    def send(self, line: str) -> None:
        """Give it a line."""
        assert self._process.stdin is not None, "it was started with a pipe"
        self._process.stdin.write(f"{line}\n".encode())

    async def answer(self) -> Any:
        """Its next line. Raises RuntimeError when it ended instead."""
        assert self._process.stdout is not None, "it was started with a pipe"
        line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_SECONDS)
        if not line:
            msg = f"{self._process.pid} ended with status {await self._process.wait()}; its log says why"
            raise RuntimeError(msg)
        return json.loads(line)


@asynccontextmanager
async def open_child(code: str, *, loop: Loop, cwd: Path, log: Path) -> AsyncIterator[Child]:
    """A program of lines, ended with this context."""
    process = await spawn(code, loop=loop, cwd=cwd, log=log)
    try:
        yield Child(process)
    finally:
        await stop(process)
