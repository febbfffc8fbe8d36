"""`tuppence seal` as a creator runs it, beside a gateway that is elsewhere."""

import asyncio
import os
import sys
from pathlib import Path

from tests.conftest import Site


async def run_seal(site: Site, *arguments: str | Path, key: str = "") -> tuple[int, str]:
    """Exit status and all that was printed."""
    environment = os.environ | {
        "TUPPENCE_GATEWAY": site.url,
        "TUPPENCE_API_KEY": key or site.gateway.operator_key,
        "NO_COLOR": "1",
        "COLUMNS": "1000",
    }
    command = (sys.executable, "-m", "gateway", "seal", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


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
