"""`tuppence …` in a child of the command server: a process of its own, without the half second that imports take."""

import asyncio
import atexit
import json
import os
import resource
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.support.processes.command_server import LIMITS


async def run_forked(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], streams: tuple[int, int, int]
) -> int:
    """Run a command with these file descriptors as its standard streams; gives its exit status."""
    path = _server()
    request = {
        "arguments": [*arguments],
        "folder": str(folder),
        "environment": dict(environment),
        "limits": [(limit, resource.getrlimit(limit)) for limit in LIMITS],
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], streams)
        connection.setblocking(False)
        return int(await asyncio.get_running_loop().sock_recv(connection, 16))


def put_command(folder: Path) -> None:
    """Put an executable `tuppence` into a folder, for scripts: it forks what does not go on running."""
    installed = Path(sys.executable).with_name("tuppence")
    client = Path(__file__).with_name("forked_command.py")
    command = shlex.join([sys.executable, "-I", "-S", str(client), _server(), str(installed)])
    (folder / "tuppence").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    (folder / "tuppence").chmod(0o700)


@cache
def _server() -> str:
    """The socket of this process's server, which ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="tuppence-commands-")
    path = Path(folder.name) / "socket"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TUPPENCE_")}
    command = (sys.executable, "-m", "tests.support.processes.command_server", str(path))
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None, "it is a pipe"
    assert process.stdout.readline() == b"ready\n"

    def stop() -> None:
        process.communicate()
        folder.cleanup()

    atexit.register(stop)
    return str(path)
