"""A folder to type commands in: each is a process of its own, with the variables that it is given and no others."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.demo_process import ready, start

TEXT = "---\nprice: 100sat\ncreator: alice\nshare: bob=30\n---\n# A little\n\nFree.\n\n<!-- more -->\n\nPaid.\n"
TUPPENCE = ("-m", "gateway")


@dataclass(slots=True)
class Shell:
    """A folder to type commands in."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    async def type(self, *arguments: str, program: Sequence[str] = TUPPENCE, **variables: str) -> tuple[int, str]:
        """Exit status and all that was printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *arguments,
            cwd=self.folder,
            env=self.environment(variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None, "it ended"
        return process.returncode, output.decode()

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Ours, without the variables of whoever runs the tests; wide enough that lines are not wrapped."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TUPPENCE_")}
        return inherited | {"COLUMNS": "250"} | self.variables | variables


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
