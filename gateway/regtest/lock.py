"""A lock that lets one command at a time work on a folder."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.regtest.process import POLL_SECONDS, Report


@asynccontextmanager
async def locked(folder: Path, report: Report) -> AsyncIterator[None]:
    """Create the folder if it is missing, and lock it; the system releases the lock of a killed process."""
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            await _acquire(handle, folder, report)
            # The previous owner may have deleted the folder, and the lock file with it.
            if folder.exists() and os.path.samestat(os.fstat(handle), folder.stat()):
                yield
                return
        finally:
            os.close(handle)


async def _acquire(handle: int, folder: Path, report: Report) -> None:
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                report(f"waiting for another command that works on {folder}")
                told = True
            await asyncio.sleep(POLL_SECONDS)
        else:
            return
