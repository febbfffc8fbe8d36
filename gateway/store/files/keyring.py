"""The key ring: files in `<data>/keys`, one secret each, from which the root key of every access token is derived.

A file is named by its key's number, 0 to 255; the key of the highest number mints tokens. The first byte of a token id
is the number of its key.
"""

import hmac
import os
import re
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from gateway.errors import Conflict, Unavailable
from gateway.store.files.disk_errors import disk_errors

KEY_BYTES = 32
TOKEN_ID_BYTES = 32
HIGHEST_NUMBER = 255
_NUMBER = re.compile("[0-9]{1,3}")


class FileKeyRing:
    """Satisfies `ports.KeyRing`."""

    def __init__(self, keys: dict[int, bytes], folder: Path | None = None) -> None:
        self._keys, self._folder = keys, folder
        self._current = max(keys)

    @classmethod
    def open(cls, folder: Path) -> "FileKeyRing":
        """Read the keys, creating the first one in a new folder.

        Raises `Unavailable` (`keys_unreadable`, `disk_refused`).
        """
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(folder.glob("*.key")):
            _write_key(folder / "0.key")
        return cls(_read_keys(folder), folder)

    @classmethod
    def add(cls, folder: Path) -> Path:
        """Write a key of the next number; returns its file. Raises `Conflict` (`keys_full`) and as `open` does."""
        number = max(cls.open(folder)._keys) + 1  # noqa: SLF001  # its own class
        if number > HIGHEST_NUMBER:
            raise Conflict("keys_full", f"{folder} holds a key with the highest number already, {HIGHEST_NUMBER}.")
        path = folder / f"{number}.key"
        _write_key(path)
        return path

    def read_new(self) -> "FileKeyRing | None":
        """The keys that were added to the folder since it was read; None if there are none. Raises as `open` does."""
        found = {} if self._folder is None else _read_keys(self._folder)
        new = {number: key for number, key in found.items() if number not in self._keys}
        return FileKeyRing(new) if new else None

    def adopt(self, others: "FileKeyRing") -> None:
        """Verify tokens of these keys too."""
        self._keys = self._keys | others._keys  # noqa: SLF001  # the same class

    def mint_with_newest(self) -> None:
        """Mint tokens with the key of the highest number from now on."""
        self._current = max(self._keys)

    def root_key(self, token_id: bytes) -> bytes | None:
        key = self._keys.get(token_id[0])
        return None if key is None else hmac.new(key, token_id, sha256).digest()

    def new_token_id(self) -> bytes:
        return bytes((self._current,)) + secrets.token_bytes(TOKEN_ID_BYTES - 1)

    def keyed_hash(self, purpose: str, secret: str) -> str:
        # The oldest key, so that hashes in the database stay the same after a rotation.
        key = self._keys[min(self._keys)]
        return hmac.digest(key, f"{purpose}\0{secret}".encode(), sha256).hex()

    def fingerprints(self) -> dict[str, str]:
        """Each key's number and the SHA-256 of its secret, to detect a lost or foreign key."""
        return {str(number): sha256(key).hexdigest() for number, key in self._keys.items()}


def _read_keys(folder: Path) -> dict[int, bytes]:
    paths = sorted(folder.glob("*.key"))
    keys = dict(_read_key(path) for path in paths)
    if len(keys) != len(paths):
        raise Unavailable("keys_unreadable", f"{folder} holds two keys of one number; remove what is no key.")
    return keys


def _write_key(path: Path) -> None:
    write_once(path, secrets.token_bytes(KEY_BYTES).hex() + "\n")


def _read_key(path: Path) -> tuple[int, bytes]:
    """The number and the secret of a key."""
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise Unavailable("keys_unreadable", f"{path} cannot be read: {error}. Restore it from a backup.") from error
    if len(key) != KEY_BYTES or not _NUMBER.fullmatch(path.stem) or int(path.stem) > HIGHEST_NUMBER:
        raise Unavailable("keys_unreadable", f"{path} is no key of this gateway. Restore it from a backup.")
    return int(path.stem), key


def write_once(path: Path, text: str) -> None:
    """Write a secret to a file unless the file exists: whole or not at all, and flushed to disk.

    Of several replicas that start at once on one folder, the first to finish wins. Raises `Unavailable`
    (`disk_refused`).
    """
    with disk_errors(path):
        if not path.exists():
            _write_once(path, text)


def _write_once(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(scratch, path)
    finally:
        scratch.unlink()
