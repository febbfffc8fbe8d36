"""Checks at start that keys, contents and operator's key belong to the database.

A folder is identified by the fingerprints of its keys, and by a mark: a content file that no item sells.
"""

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from gateway.access.key_rotation import KIND, pin_keys
from gateway.errors import Unavailable
from gateway.ports.store import Store, Tx
from gateway.store.files.disk_errors import disk_errors
from gateway.store.files.keyring import FileKeyRing, write_once

CONTENTS, OPERATOR = "contents", "operator"
_CONTENT = re.compile("[0-9a-f]{64}")
_UNDER_WAY = "folder.new"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """The database's records about the folder."""

    keys: dict[str, str]
    contents: str | None
    operator: str | None
    digests: Sequence[str]


async def open_shared(store: Store, folder: Path, *, alone: bool) -> tuple[FileKeyRing, str]:
    """Open the key ring and the operator's key of a database's folder; both are created for a new database.

    `alone`: no other process uses the database. Raises `Unavailable` (`database_lost`, `keys_missing`,
    `keys_changed`, `keys_unreadable`, `contents_changed`, `operator_key_changed`); nothing has been written then.
    """
    known = await store.read(_read_known)
    # Older versions did not record keys but have items; a database with neither is new.
    if not known.keys and not known.digests and is_used(folder):
        raise database_lost("The database is new", folder)
    _compare_keys(known, folder / "keys")
    if not alone:
        _compare_operator(known, folder / "operator.key")
    must_write = _compare_contents(known, folder / "content", alone=alone)
    keys = FileKeyRing.open(folder / "keys")
    await pin_keys(store, keys.fingerprints())
    if must_write:
        await _pin_contents(store, folder / "content")
    operator_key = _operator_key(folder / "operator.key")
    if not alone:
        await _pin_operator(store, operator_key)
    return keys, operator_key


def is_used(folder: Path) -> bool:
    """Whether the folder contains contents of a gateway."""
    return any(_CONTENT.fullmatch(path.name) for path in (folder / "content").glob("*"))


def database_lost(what: str, folder: Path) -> Unavailable:
    """The error for a new database in a folder with the contents of another."""
    return Unavailable(
        "database_lost",
        f"{what}, and {folder} holds contents and keys of an earlier one. Put the newest database back, or restore a "
        "backup into a new TUPPENCE_DATA_DIR (tuppence restore); to start anew choose a new TUPPENCE_DATA_DIR.",
    )


def _read_known(tx: Tx) -> _Pinned:
    return _Pinned(
        keys=dict(tx.identities.list(KIND)),
        contents=dict(tx.identities.list(CONTENTS)).get("folder"),
        operator=dict(tx.identities.list(OPERATOR)).get("key"),
        digests=[item.digest for item in tx.items.list() if item.byte_size],
    )


def _compare_keys(known: _Pinned, folder: Path) -> None:
    if not known.keys:
        return
    found = FileKeyRing.open(folder).fingerprints() if any(folder.glob("*.key")) else {}
    if any(known.keys.get(number, value) != value for number, value in found.items()):
        raise Unavailable("keys_changed", f"{folder} holds other keys than this database knows. {_WHERE}")
    if not found.keys() & known.keys.keys():
        raise Unavailable("keys_missing", f"{folder} holds none of the keys that this database knows. {_WHERE}")


def _compare_operator(known: _Pinned, path: Path) -> None:
    found = _fingerprint(path.read_text()) if path.exists() else None
    if known.operator is not None and found != known.operator:
        what = "is missing" if found is None else "is not the one that this database has recorded"
        raise Unavailable("operator_key_changed", f"{path} {what}. {_WHERE}")


def _compare_contents(known: _Pinned, folder: Path, *, alone: bool) -> bool:
    """Whether the folder still has to be marked as this database's. Raises `Unavailable` (`contents_changed`)."""
    if known.contents is not None:
        mark = folder / _digest(known.contents)
        if mark.is_file():
            return False
        if _under_way(folder) == known.contents:
            return True
    here = [(folder / digest).is_file() for digest in known.digests]
    adopted = any(here) if known.contents is None else bool(here) and all(here)
    if adopted or (not here and (alone or known.contents is None)):
        return True
    hint = "" if known.contents is None else f" If it is, write its mark: echo '{_text(known.contents)}' > {mark}"
    raise Unavailable("contents_changed", f"{folder} is not the folder of this database's contents. {_WHERE}{hint}")


async def _pin_contents(store: Store, folder: Path) -> None:
    """Mark a folder as this database's. A mark left incomplete by a crash is finished at the next start."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pinned = dict(await store.read(lambda tx: tx.identities.list(CONTENTS))).get("folder")
    scratch = folder / _UNDER_WAY
    if _under_way(folder) is None:
        scratch.unlink(missing_ok=True)
        write_once(scratch, f"{_text(pinned or secrets.token_hex(16))}\n")
    # One of several starting replicas names the folder; the others find its mark or its unfinished file.
    own = _under_way(folder) or secrets.token_hex(16)
    pinned = await store.write(lambda tx: tx.identities.pin(CONTENTS, "folder", own))
    mark = folder / _digest(pinned)
    with suppress(FileNotFoundError):
        if pinned == own:
            scratch.rename(mark)
        else:
            scratch.unlink()
    if not mark.is_file():
        raise Unavailable("contents_changed", f"{folder} is not the folder of this database's contents. {_WHERE}")


async def _pin_operator(store: Store, operator_key: str) -> None:
    fingerprint = _fingerprint(operator_key)
    if await store.write(lambda tx: tx.identities.pin(OPERATOR, "key", fingerprint)) != fingerprint:
        raise Unavailable(
            "operator_key_changed", f"operator.key is not the one that this database has recorded. {_WHERE}"
        )


def _operator_key(path: Path) -> str:
    write_once(path, f"tpo_{secrets.token_urlsafe(32)}\n")
    with disk_errors(path):
        return path.read_text().strip()


def _under_way(folder: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        name, _, own = (folder / _UNDER_WAY).read_text().strip().rpartition(" ")
        if name == _NAME and own:
            return own
    return None


def _text(own: str) -> str:
    return f"{_NAME} {own}"


def _digest(own: str) -> str:
    return sha256(f"{_text(own)}\n".encode()).hexdigest()


def _fingerprint(operator_key: str) -> str:
    return sha256(operator_key.strip().encode()).hexdigest()


_NAME = "tuppence contents"
_WHERE = "Mount what replicas share and name it with TUPPENCE_SHARED_DIR, or restore it from a backup."
