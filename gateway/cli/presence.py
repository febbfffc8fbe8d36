"""Commands work on a gateway that is there: one typed in another folder says where it looked, and makes nothing."""

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

MAKERS: set[object] = set()
"""The commands that may begin a gateway, or anything else, where there is none."""
_makes: ContextVar[bool] = ContextVar("_makes", default=False)


def makes(command: Callable[P, T]) -> Callable[P, T]:
    """Declare a command as one that may begin a gateway; every other finds one or refuses."""

    @wraps(command)
    def making(*arguments: P.args, **options: P.kwargs) -> T:
        before = _makes.set(True)
        try:
            return command(*arguments, **options)
        finally:
            _makes.reset(before)

    MAKERS.add(making)
    return making


async def require_gateway(config: "Config", *, reads: bool, code: str = "database_missing") -> None:
    """Refuse where the configuration names no gateway; a command that `reads` does not renew its schema, either.

    Raises `NotFound` (`database_missing`, or the code given), and as `read_database` does.
    """
    from gateway.store.engines.database import read_database
    from gateway.store.engines.database_url import sqlite_path
    from gateway.store.engines.migration import require_newest_schema

    if _makes.get():
        return
    path = sqlite_path(config.database_url)
    if path is not None and not path.exists():
        raise _nothing_at(path, code)
    if path is None or reads:
        await read_database(config.database_url, require_newest_schema)
    if not config.data_dir.is_dir():
        raise _nothing_at(config.data_dir, code)


def require_keys(config: "Config") -> None:
    """Refuse where opening the gateway would make its keys anew. Raises `Unavailable` (`keys_unreadable`)."""
    keys = config.shared_folder / "keys"
    if not _makes.get() and not any(keys.glob("*.key")):
        raise Unavailable("keys_unreadable", f"{keys.absolute()} holds no key. Restore it from a backup.")


def _nothing_at(path: Path, code: str) -> NotFound:
    return NotFound(
        code,
        f"There is no gateway here: {path.absolute()} does not exist. Run the command in the gateway's folder, or set "
        "TUPPENCE_DATA_DIR. `tuppence creator add` and `tuppence serve` begin a new one.",
    )
