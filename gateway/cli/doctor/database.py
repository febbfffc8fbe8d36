"""Checks of the database and of the folder of keys."""

import sqlite3
import time

from gateway.app.replica_clock import TOLERATED_SECONDS
from gateway.cli.doctor.check_result import CheckResult
from gateway.config import Config
from gateway.errors import TuppenceError
from gateway.store.engines.database import read_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.migration import HEAD, revision_of
from gateway.store.tables.leases import database_now_ms

SAFE_SQLITE = (3, 51, 3)


async def check_database(config: Config) -> CheckResult:
    """The database: its place, its file mode or durability, its version and its schema."""
    path = sqlite_path(config.database_url)
    if path is None:
        return await _postgres(config)
    if not path.exists():
        hint = "`tuppence serve` creates it at its first start; for another folder set TUPPENCE_DATA_DIR."
        return CheckResult("bad", f"there is no gateway here yet: {path.absolute()} does not exist", hint)
    if path.stat().st_mode & 0o077:
        return CheckResult("bad", f"{path} can be read by other users", f"chmod 600 {path}")
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        version = ".".join(map(str, SAFE_SQLITE))
        return CheckResult(
            "warning",
            f"database {path}; SQLite {sqlite3.sqlite_version} can corrupt a WAL that two writers reset",
            f"Tuppence writes from one connection only; no other program may write. Fixed in {version}.",
        )
    return CheckResult("good", f"database {path}")


async def _postgres(config: Config) -> CheckResult:
    try:
        revision = await read_database(config.database_url, revision_of)
        now_ms = await read_database(config.database_url, database_now_ms)
        fsync = await read_database(config.database_url, lambda c: str(c.exec_driver_sql("SHOW fsync").scalar_one()))
    except TuppenceError as error:
        return CheckResult("bad", "the database cannot be read", error.detail)
    off_seconds = time.time() - now_ms / 1_000
    if abs(off_seconds) > TOLERATED_SECONDS:
        what = f"this machine's clock is {off_seconds:+.0f} s from the database's"
        return CheckResult("bad", what, "Set both by NTP: replicas that disagree end paid access at different times.")
    if fsync != "on":
        return CheckResult("bad", "PostgreSQL runs with fsync off: a power cut loses payments", "Set fsync = on.")
    if revision != HEAD:
        return CheckResult(
            "warning", "the database has an older schema", "`tuppence migrate` or the next start migrates it."
        )
    return CheckResult("good", "database on PostgreSQL, durable")


def check_key_folder(config: Config) -> CheckResult:
    """The folder of the keys behind access tokens: there, and readable by this user alone."""
    folder = config.shared_folder / "keys"
    if not folder.exists():
        return CheckResult(
            "warning", f"no keys in {folder} yet", "`tuppence serve` creates one at its first start; back it up."
        )
    if folder.stat().st_mode & 0o077:
        return CheckResult("bad", f"{folder} can be read by other users", f"chmod 700 {folder}")
    return CheckResult("good", f"keys in {folder}; without them nothing that was sold can be opened: back them up")
