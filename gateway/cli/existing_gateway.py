"""Checks that there is a gateway in the data folder, so that a command in a wrong folder creates nothing."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from gateway.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from gateway.config import Config

P = ParamSpec("P")
T = TypeVar("T")

CREATING_COMMANDS: set[object] = set()
"""The commands that may create a gateway, or other files, where there is none."""
_may_create: ContextVar[bool] = ContextVar("_may_create", default=False)


def may_create(command: Callable[P, T]) -> Callable[P, T]:
    """Declare that a command may create a gateway; all others refuse where there is none."""

    @wraps(command)
    def creating(*arguments: P.args, **options: P.kwargs) -> T:
        before = _may_create.set(True)
        try:
            return command(*arguments, **options)
        finally:
            _may_create.reset(before)

    CREATING_COMMANDS.add(creating)
    return creating


async def require_gateway(config: "Config", *, reads: bool, code: str = "database_missing") -> None:
    """Raise unless the configuration names a gateway; for a command that `reads`, one with the newest schema.

    `NotFound` has the given code; other errors are those of `read_database` and `require_newest_schema`.
    """
    from gateway.store.engines.database import read_database
    from gateway.store.engines.database_url import sqlite_path
    from gateway.store.engines.migration import require_newest_schema

    if _may_create.get():
        return
    path = sqlite_path(config.database_url)
    if path is not None and not path.exists():
        raise _nothing_at(path, code)
    if path is None or reads:
        await read_database(config.database_url, require_newest_schema)
    if not config.data_dir.is_dir():
        raise _nothing_at(config.data_dir, code)


def require_keys(config: "Config") -> None:
    """Raise `Unavailable` (`keys_unreadable`) where opening the gateway would create new keys."""
    keys = config.shared_folder / "keys"
    if not _may_create.get() and not any(keys.glob("*.key")):
        raise Unavailable("keys_unreadable", f"{keys.absolute()} holds no key. Restore it from a backup.")


def _nothing_at(path: Path, code: str) -> NotFound:
    return NotFound(
        code,
        f"There is no gateway here: {path.absolute()} does not exist. Run the command in the gateway's folder, or set "
        "TUPPENCE_DATA_DIR. `tuppence creator add` and `tuppence serve` begin a new one.",
    )
