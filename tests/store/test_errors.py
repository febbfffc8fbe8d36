"""Errors of disk, folder, database file or address are one sentence that says what to do, without a traceback."""

import os
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import Invalid, Unavailable
from gateway.store.engines.database import migrate_database, open_database, read_database
from gateway.store.engines.database_url import postgres_address, sqlite_path
from gateway.store.files.content import ContentFolder
from gateway.store.files.keyring import FileKeyRing
from gateway.store.files.lock import lock_data
from tests.support.databases import put_database
from tests.support.processes.shell import Shell
from tests.support.rows import a_creator

COMMANDS = (("serve",), ("migrate",), ("balances",), ("audit",), ("backup", "b.tar"))


def damaged(path: Path) -> None:
    put_database(path)
    with path.open("r+b") as file:
        file.write(os.urandom(4096))


def torn(path: Path) -> None:
    put_database(path)
    os.truncate(path, 5_000)


def no_database(path: Path) -> None:
    path.write_text("this is no database " * 300)


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [damaged, torn, no_database, a_folder])
async def test_a_spoilt_database_file_is_named_with_what_to_do(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "tuppence.db"
    spoil(path)
    for work in (migrate_database, open_database):
        with pytest.raises(Unavailable) as refusal:
            await work(f"sqlite:///{path}")
        assert refusal.value.code == "database_away"
        assert str(path) in refusal.value.detail
        assert refusal.value.detail.count(". ") >= 1, "what to do follows"
    with pytest.raises(Unavailable):
        await read_database(
            f"sqlite:///{path}", lambda connection: connection.exec_driver_sql("SELECT * FROM items").all()
        )


async def test_a_database_that_is_the_newest_already_is_opened_without_a_write(tmp_path: Path) -> None:
    path = tmp_path / "tuppence.db"
    put_database(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not await migrate_database(f"sqlite:///{path}")
    store = await open_database(f"sqlite:///{path}")
    assert await store.read(lambda tx: tx.items.list()) == []
    await store.close()
    other.close()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_every_command_says_what_is_wrong_with_a_spoilt_database(shell: Shell, words: tuple[str, ...]) -> None:
    (shell.folder / "data").mkdir()
    no_database(shell.folder / "data" / "tuppence.db")
    status, output = await shell.type(*words)
    assert (status, "Traceback" in output) == (1, False), output
    assert "database_away" in output
    assert "restore a backup" in output


@pytest.mark.parametrize(("place", "words"), [("/dev/null/data", "serve"), ("/proc/data", "serve")])
async def test_a_folder_that_cannot_be_made_is_named(shell: Shell, place: str, words: str) -> None:
    status, output = await shell.type(words, TUPPENCE_DATA_DIR=place)
    assert (status, "Traceback" in output) == (1, False), output
    assert "disk_refused" in output
    assert "name another place" in output


async def test_a_data_folder_too_deep_for_a_socket_is_told_so(shell: Shell) -> None:
    for place in ("/".join(["d" * 50] * 4), "d" * 300):
        status, output = await shell.type("balances", TUPPENCE_DATA_DIR=place)
        assert (status, "Traceback" in output) == (1, False), output
        assert "name a shorter one" in output


@pytest.mark.parametrize(
    "password", ["p@ss", "p@ss:w0rd", "p@ss/w0rd", "p@ss?w0rd", "p@s@s", "p@ss#w0rd", "p:ss@w/0rd"], ids=str
)
def test_a_password_with_a_letter_that_means_something_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        postgres_address(f"postgresql+asyncpg://user:{password}@db.example:5432/tuppence")
    assert refusal.value.code == "config_invalid"
    assert "%40" in refusal.value.detail
    assert not any(
        piece in refusal.value.detail for piece in ("ss", "w0rd") if piece != "ss" or "p@ss" in refusal.value.detail
    )


def test_an_address_with_libpqs_word_for_tls_is_taken() -> None:
    address = postgres_address("postgresql+asyncpg://user:p%40ss@db.example/tuppence?sslmode=require")
    assert address == "postgresql+asyncpg://user:p%40ss@db.example/tuppence?ssl=require"


@pytest.mark.parametrize("option", ["channel_binding=require", "sslrootcert=ca.pem", "port=x"])
async def test_options_that_the_driver_does_not_know_are_named(shell: Shell, option: str) -> None:
    address = f"postgresql+asyncpg://user:s3cret@127.0.0.1:1/tuppence?{option}"
    status, output = await shell.type("migrate", TUPPENCE_DATABASE_URL=address)
    assert (status, "Traceback" in output) == (1, False), output
    assert "config_invalid" in output
    assert option.split("=", maxsplit=1)[0] in output
    assert "s3cret" not in output


@pytest.mark.parametrize("name", ["a?b.db", "a#b.db", "100%25.db", "a b.db", "ä.db"])
async def test_the_path_of_a_database_may_hold_any_letter(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path / name}"
    assert sqlite_path(url) == tmp_path / name
    await migrate_database(url)
    assert (tmp_path / name).stat().st_size > 0


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """No file may grow beyond this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("size", [1, 100, 8_191, 8_192, 8_193, 100_000])
async def test_a_full_disk_refuses_content_of_every_size_in_the_same_words(tmp_path: Path, size: int) -> None:
    content = ContentFolder(tmp_path / "content")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * size

    for work in (lambda: content.put(b"x" * size), lambda: content.receive(chunks(), most_bytes=10**6)):
        with full_disk(0), pytest.raises(Unavailable) as refusal:
            await work()
        assert refusal.value.code == "disk_refused"
    assert [*(tmp_path / "content").iterdir()] == []
    assert await content.get(await content.put(b"x" * size)) == b"x" * size


async def test_a_folder_that_went_away_refuses_content_in_the_same_words(tmp_path: Path) -> None:
    content = ContentFolder(tmp_path / "content")
    (tmp_path / "content").rmdir()
    with pytest.raises(Unavailable) as refusal:
        await content.put(b"text")
    assert refusal.value.code == "disk_refused"


def test_a_full_disk_keeps_no_gateway_from_its_folder(tmp_path: Path) -> None:
    FileKeyRing.open(tmp_path / "keys")
    with lock_data(tmp_path):
        pass
    with full_disk(0), lock_data(tmp_path):
        assert FileKeyRing.open(tmp_path / "keys").fingerprints()
    with full_disk(0), pytest.raises(Unavailable) as refusal:
        FileKeyRing.open(tmp_path / "others")
    assert refusal.value.code == "disk_refused"


async def test_a_database_is_read_after_a_restart_on_a_full_disk_and_written_once_there_is_room(tmp_path: Path) -> None:
    """A WAL's reader needs a file beside it, for which there is no room."""
    url = put_database(tmp_path / "tuppence.db")
    before = await open_database(url)
    await before.write(lambda tx: tx.creators.insert(a_creator()))
    await before.close()
    with full_disk(0):
        assert not await migrate_database(url)
        store = await open_database(url)
        assert [creator.name for creator in await store.read(lambda tx: tx.creators.list())] == ["alice"]
        with pytest.raises(Unavailable):
            await store.write(lambda tx: tx.creators.insert(a_creator("bob")))
        assert await read_database(url, lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    assert await store.write(lambda tx: tx.creators.insert(a_creator("bob")))
    assert len(await store.read(lambda tx: tx.creators.list())) == 2
    await store.close()
