"""Backup and restore: database, keys and content in one tar file. A backup can be taken beside a running server.

The database in it is always an SQLite file, so a backup of one kind can be restored to the other. It is copied first:
content that its rows name was on disk before they were committed, and never changes.
"""

import asyncio
import os
import re
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, select

from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.store.engines.database import migrate_database, read_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.invariants import audit
from gateway.store.engines.migration import migrate, require_newest_schema
from gateway.store.engines.move_to_postgres import copy_rows, move_database, pause_restored, require_empty
from gateway.store.engines.newest_position import position_file
from gateway.store.engines.sqlite import translating_engine
from gateway.store.files.disk_errors import disk_errors
from gateway.store.files.keyring import FileKeyRing
from gateway.store.tables.schema import identities, items

DATABASE, OPERATOR_KEY = "tuppence.db", "operator.key"
_MEMBER = re.compile(r"tuppence\.db|operator\.key|keys/[0-9]{1,3}\.key|content/[0-9a-f]{64}")


async def write_archive(path: Path, database_url: str, shared: Path, *, now: int) -> int:
    """Write an archive to a new file, whole or not at all; returns its size in bytes. `now` is kept as its instant.

    Raises `Conflict` (`archive_exists`, `schema_old`, `schema_newer`), `NotFound` (`database_missing`), `Unavailable`.
    """
    if path.exists():
        raise Conflict("archive_exists", f"{path} exists; choose another name.")
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with disk_errors(path.parent), _folder_in(path.parent) as folder:
            copy = folder / DATABASE
            await read_database(database_url, lambda connection: _copy_database(connection, copy))
            await asyncio.to_thread(_pack, scratch, copy, shared, now)
            scratch.rename(path)
    finally:
        scratch.unlink(missing_ok=True)
    return path.stat().st_size


async def read_archive(path: Path, database_url: str, shared: Path) -> None:
    """Restore an archive, or change nothing: keys and content first, the database last.

    Payouts are paused in it, since the backup: what was paid out after that is known to the nodes alone.

    Raises `Invalid` (`archive_invalid`), `NotFound` (`archive_missing`), `Conflict` (`data_not_empty`,
    `database_not_empty`, `books_broken`), `Unavailable`.
    """
    if not path.is_file():
        raise NotFound("archive_missing", f"There is no archive at {path}.")
    target = sqlite_path(database_url)
    places = [shared / "keys", shared / "content", shared / OPERATOR_KEY]
    if target is not None:
        # SQLite would apply a leftover log of another database to this one.
        places += [target.with_name(target.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    taken = [place for place in places if _used(place)]
    if taken:
        raise Conflict("data_not_empty", f"{taken[0]} is there already; restore to a new TUPPENCE_DATA_DIR.")
    if target is None:
        await require_empty(database_url)
    with _restore_errors():
        await _restore(path, database_url, shared)


async def _restore(path: Path, database_url: str, shared: Path) -> None:
    target = sqlite_path(database_url)
    for place in [shared] if target is None else [shared, target.parent]:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _folder_in(shared) as folder:
        taken_at = await asyncio.to_thread(_unpack, path, folder)
        await _check(folder)
        await asyncio.to_thread(pause_restored, folder / DATABASE, since=taken_at)
        if target is None:
            with _put_back(folder, shared):
                await move_database(f"sqlite:///{folder / DATABASE}", database_url, now=taken_at)
            return
        # Moved beside its place first, which may be on another disk, so that the last step is a rename.
        with _folder_in(target.parent) as beside:
            await asyncio.to_thread(shutil.move, folder / DATABASE, beside / DATABASE)
            # The recorded position belongs to an earlier database.
            position_file(target).unlink(missing_ok=True)
            with _put_back(folder, shared):
                (beside / DATABASE).rename(target)


@contextmanager
def _folder_in(place: Path) -> Iterator[Path]:
    """A temporary folder on the same disk as `place`."""
    with tempfile.TemporaryDirectory(dir=place, prefix=".tuppence-") as folder:
        yield Path(folder)


@contextmanager
def _restore_errors() -> Iterator[None]:
    """Raise an OSError as `Unavailable` (`disk_refused`)."""
    try:
        yield
    except OSError as error:
        raise Unavailable("disk_refused", f"The disk refused: {error}.") from error


@contextmanager
def _put_back(folder: Path, shared: Path) -> Iterator[None]:
    """Move keys and content to their places, and back again if the body fails."""
    with ExitStack() as undo:
        for name in ("keys", "content", OPERATOR_KEY):
            if (folder / name).exists():
                # An empty folder of that name is replaced.
                with suppress(FileNotFoundError, NotADirectoryError):
                    (shared / name).rmdir()
                (folder / name).rename(shared / name)
                undo.callback((shared / name).rename, folder / name)
        yield
        undo.pop_all()


def _used(place: Path | None) -> bool:
    return place is not None and (any(place.iterdir()) if place.is_dir() else place.exists())


def _copy_database(source: Connection, copy: Path) -> None:
    require_newest_schema(source)
    engine = translating_engine(copy)
    try:
        with engine.begin() as target:
            migrate(target)
            copy_rows(source, target)
    finally:
        engine.dispose()


def _pack(archive: Path, database: Path, shared: Path, now: int) -> None:
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as packed:
            # Before the copy was begun: what was committed since may not be in it.
            os.utime(database, (now, now))
            packed.add(database, DATABASE)
            for path in (shared / OPERATOR_KEY, *sorted((shared / "keys").glob("*")), *(shared / "content").glob("*")):
                name = path.relative_to(shared).as_posix()
                # Unfinished uploads have other names.
                if _MEMBER.fullmatch(name) and path.is_file():
                    packed.add(path, name)
        file.flush()
        os.fsync(file.fileno())


def _unpack(archive: Path, folder: Path) -> int:
    """Returns the instant of the backup."""
    taken_at = 0
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                if not member.isfile() or not _MEMBER.fullmatch(member.name):
                    raise Invalid("archive_invalid", f"{archive} holds {member.name!r}, which is no part of a backup.")
                if member.name == DATABASE:
                    taken_at = int(member.mtime)
                _put(packed.extractfile(member), folder / member.name)
    except (tarfile.TarError, FileExistsError) as error:
        said = str(error).partition("\n")[0].rstrip(":")  # tarfile appends the message of every format that it tried
        raise Invalid("archive_invalid", f"{archive} is no backup: {said}.") from error
    for name in ("keys", "content"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o700)
    return taken_at


def _put(source: IO[bytes] | None, target: Path) -> None:
    assert source is not None, "a file"
    target.parent.mkdir(exist_ok=True)
    # O_EXCL, because a broken archive may contain a name twice.
    with source, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(source, file)


async def _check(folder: Path) -> None:
    """Compare content and keys with what the rows name. Raises `Invalid` (`archive_invalid`)."""
    if not (folder / DATABASE).is_file():
        raise Invalid("archive_invalid", "The archive holds no database.")
    url = f"sqlite:///{folder / DATABASE}"
    await migrate_database(url)
    broken = [result.sentence for result in await read_database(url, audit) if result.broken]
    digests, pinned = await read_database(url, _named)
    for path in (folder / "content").iterdir():
        with path.open("rb") as file:
            if file_digest(file, "sha256").hexdigest() != path.name:
                broken.append(f"content {path.name[:8]} is damaged.")
    broken += [f"Content {name[:8]} is missing." for name in digests if not (folder / "content" / name).is_file()]
    keys = FileKeyRing.open(folder / "keys").fingerprints() if any((folder / "keys").iterdir()) else {}
    broken += [f"keys/{number}.key is missing or another." for number, value in pinned if keys.get(number) != value]
    if broken:
        raise Invalid("archive_invalid", f"The archive is not whole: {broken[0]}")


def _named(connection: Connection) -> tuple[list[str], list[tuple[str, str]]]:
    """The digests of all contents, and the fingerprints of the pinned keys."""
    digests = connection.execute(select(items.c.digest).where(items.c.byte_size > 0)).scalars()
    keys = connection.execute(select(identities.c.name, identities.c.value).where(identities.c.kind == "key"))
    return [*digests], [(row.name, row.value) for row in keys]
