"""A folder to type commands in: each is a process of its own, with the variables that it is given and no others."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.simulator.server import SimulatedLnd, serve_simulator
from tests.support.processes.demo_process import free_port, ready, start
from tests.support.processes.forked_commands import run_forked

TEXT = "---\nprice: 100sat\ncreator: alice\nshare: bob=30\n---\n# A little\n\nFree.\n\n<!-- more -->\n\nPaid.\n"
TUPPENCE = ("-m", "gateway")
FORKED = {"COLUMNS", "TERM"}
"""Variables that no import reads."""


@dataclass(slots=True)
class Shell:
    """A folder to type commands in."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    async def type(self, *arguments: str, program: Sequence[str] = TUPPENCE, **variables: str) -> tuple[int, str]:
        """Exit status and all that was printed."""
        read_end, write_end = os.pipe()
        output = asyncio.create_task(asyncio.to_thread(_read_all, read_end))
        try:
            status = await self._run(program, arguments, variables, (0, write_end, write_end))
        finally:
            os.close(write_end)
        return status, (await output).decode()

    async def see(self, *arguments: str, columns: int = 80, **variables: str) -> tuple[int, str]:
        """Exit status and what stands on a terminal so many columns wide."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        output = asyncio.create_task(asyncio.to_thread(_read_all, ours))
        try:
            status = await self._run(
                TUPPENCE, arguments, {"TERM": "xterm", "COLUMNS": "", **variables}, streams=(its, its, its)
            )
        finally:
            os.close(its)
        return status, (await output).decode().replace("\r\n", "\n")

    async def _run(
        self, program: Sequence[str], arguments: Sequence[str], variables: dict[str, str], streams: tuple[int, int, int]
    ) -> int:
        """Fork the command, or start it where an import would read what it is given."""
        environment = self.environment(variables)
        if "TERM" in variables:
            # A terminal knows how wide it is.
            del environment["COLUMNS"]
        if program == TUPPENCE and all(name in FORKED or name.startswith("TUPPENCE_") for name in variables):
            return await run_forked(arguments, folder=self.folder, environment=environment, streams=streams)
        command = (sys.executable, *program, *arguments)
        its, out, err = streams
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=environment, stdin=its, stdout=out, stderr=err
        )
        return await process.wait()

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Ours, without the variables of whoever runs the tests; wide enough that lines are not wrapped."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TUPPENCE_")}
        return inherited | {"COLUMNS": "250"} | self.variables | variables


def _read_all(terminal: int) -> bytes:
    read = b""
    # Linux ends a terminal that nobody holds open any more with an error.
    with suppress(OSError):
        while part := os.read(terminal, 65_536):
            read += part
    os.close(terminal)
    return read


@asynccontextmanager
async def simulated_lnd(shell: Shell) -> AsyncIterator[SimulatedLnd]:
    """A simulated node on its wire, named by the shell's variables."""
    async with serve_simulator(shell.folder / "lnd", clock=time.time) as simulated:
        shell.variables = {
            "TUPPENCE_LND_TARGET": simulated.target,
            "TUPPENCE_LND_TLS_CERT": str(simulated.tls_cert_path),
            "TUPPENCE_LND_MACAROON": str(simulated.macaroon_path),
            "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}",
        }
        yield simulated


async def serve(shell: Shell) -> tuple[asyncio.subprocess.Process, str]:
    """`tuppence serve`, ready, and its address."""
    os_environment = shell.environment({})
    process = await start(shell.folder, "serve", listen=shell.variables["TUPPENCE_LISTEN"], variables=os_environment)
    return process, await ready(process, 30)


async def set_up_shop(shell: Shell) -> None:
    """Alice with bob, and a text."""
    (shell.folder / "a.md").write_text(TEXT)
    for command in (("creator", "add", "alice"), ("creator", "add", "bob"), ("item", "add", "a.md")):
        status, output = await shell.type(*command)
        assert status == 0, output
