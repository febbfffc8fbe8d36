"""`tuppence seal` as a creator runs it, beside a gateway that is elsewhere."""

import asyncio
import os
from pathlib import Path

from tests.support.processes.shell import Shell
from tests.support.site import Site


async def run_seal(site: Site, *arguments: str | Path, key: str = "") -> tuple[int, str]:
    """Exit status and all that was printed."""
    variables = {
        "TUPPENCE_GATEWAY": site.url,
        "TUPPENCE_API_KEY": key or site.gateway.operator_key,
        "NO_COLOR": "1",
        "COLUMNS": "1000",
    }
    return await Shell(Path.cwd(), variables).type("seal", *map(str, arguments))


async def run(*command: str, folder: Path, **variables: str) -> None:
    """Run a command that must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
