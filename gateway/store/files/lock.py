"""The lock that lets one process at a time own a data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import Conflict
from gateway.store.files.disk_errors import disk_errors


@contextmanager
def lock_data(folder: Path) -> Iterator[None]:
    """Lock the folder. The system releases the lock when the process ends, even by a crash.

    Raises `Conflict` (`data_in_use`) and `Unavailable` (`disk_refused`).
    """
    path = folder / "lock"
    with disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = path.read_text().strip() or "another process"
            raise Conflict(
                "data_in_use", f"{folder} is in use by process {owner}; stop it, or choose another TUPPENCE_DATA_DIR."
            ) from error
        # The process id is only for the message above; a full disk must not prevent the start.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
