"""Errors of files and folders as `Unavailable`, with a detail that tells the operator what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import Unavailable


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Raise an OSError as `Unavailable` (`disk_refused`) that names the file or folder."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        detail = f"{place} cannot be used: {said}. Make room there, or make it writable, or name another place."
        raise Unavailable("disk_refused", detail, retry_after_seconds=60) from error
