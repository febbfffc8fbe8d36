"""`migrate`, `move`, `backup`, `restore` and `audit` as they are typed; an error is a line that says what to do."""

import sqlite3
import tarfile
from pathlib import Path

import pytest

from gateway.rows.payouts import RESTORED
from tests.support.databases import dump_tables, in_a_thread
from tests.support.postgres_server import Cluster
from tests.support.processes.demo_process import free_port, stop
from tests.support.processes.shell import Shell, serve, set_up_shop, simulated_lnd

WITHOUT_ASYNCPG = ("-c", "import sys; sys.modules['asyncpg'] = None; from gateway.cli import main; main()")
COMMANDS = ("migrate", "move", "backup", "restore", "audit")


@pytest.fixture
def empty_url(cluster: Cluster) -> str:
    """A database without a table."""
    return cluster.url(in_a_thread(cluster.new_database("template0")))


def books(folder: Path) -> Path:
    return folder / "data" / "tuppence.db"


async def refused(shell: Shell, *words: str, **variables: str) -> str:
    """What a command says that does not do it."""
    status, output = await shell.type(*words, **variables)
    assert status == 1, output
    assert "Traceback" not in output
    return output


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_says_what_it_does(shell: Shell, command: str) -> None:
    status, output = await shell.type(command, "--help")
    assert status == 0
    assert len(output) > 300


# On SQLite -----------------------------------------------------------------------------------------------------------


async def test_a_migration_is_done_once(shell: Shell) -> None:
    assert [await shell.type("migrate") for _ in range(2)] == [
        (0, "migrated\n"),
        (0, "the schema is the newest already\n"),
    ]
    assert oct(books(shell.folder).stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize("words", [("audit",), ("backup", "b.tar"), ("move", "--to", "postgresql+asyncpg:///x")])
async def test_a_database_that_is_not_there_is_named_and_not_made(shell: Shell, words: tuple[str, ...]) -> None:
    output = await refused(shell, *words)
    assert "database_missing" in output
    assert "TUPPENCE_DATA_DIR" in output
    assert not books(shell.folder).exists()


@pytest.mark.parametrize("revision", ["9999", "0001"])
async def test_a_database_of_another_schema_is_not_guessed_at(shell: Shell, revision: str) -> None:
    await shell.type("creator", "add", "alice")
    with sqlite3.connect(books(shell.folder)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    code = "schema_newer" if revision == "9999" else "schema_old"
    for words in (("audit",), ("backup", "b.tar")):
        assert code in await refused(shell, *words)
    assert not (shell.folder / "b.tar").exists()
    if revision == "9999":
        for words in (("migrate",), ("balances",)):
            output = await refused(shell, *words)
            assert "schema_newer" in output
            assert "9999" in output


async def test_beside_a_running_server_a_backup_is_taken_and_nothing_is_moved_or_restored(shell: Shell) -> None:
    await set_up_shop(shell)
    async with simulated_lnd(shell):
        process, _ = await serve(shell)
        try:
            status, output = await shell.type("backup", "b.tar")
            assert (status, "secret" in output) == (0, True), output
            for words in (("move", "--to", "postgresql+asyncpg:///x"), ("restore", "b.tar"), ("migrate",)):
                output = await refused(shell, *words)
                assert "data_in_use" in output
                assert f"process {process.pid}" in output
            assert (await shell.type("audit"))[0] == 0
        finally:
            await stop(process)
    with tarfile.open(shell.folder / "b.tar") as packed:
        names = {name.partition("/")[0] for name in packed.getnames()}
    assert names == {"tuppence.db", "operator.key", "keys", "content"}

    assert "archive_exists" in await refused(shell, "backup", "b.tar")
    assert "nowhere cannot be used" in await refused(shell, "backup", "nowhere/b.tar")
    assert "data_not_empty" in await refused(shell, "restore", "b.tar")
    assert "archive_missing" in await refused(shell, "restore", "c.tar")
    assert "archive_invalid" in await refused(shell, "restore", "a.md", TUPPENCE_DATA_DIR="elsewhere")
    status, output = await shell.type("restore", "b.tar", TUPPENCE_DATA_DIR="restored")
    assert (status, "found at the node" in output) == (0, True), output
    _, listed = await shell.type("item", "list", TUPPENCE_DATA_DIR="restored")
    assert "a-little" in listed


# On PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_books_go_from_sqlite_to_postgres_and_back_by_an_archive(shell: Shell, empty_url: str) -> None:
    await set_up_shop(shell)
    status, output = await shell.type("move", "--to", empty_url)
    assert (status, "TUPPENCE_DATABASE_URL" in output) == (0, True), output
    assert "creators" in output
    left, copy = dump_tables(books(shell.folder)), dump_tables(empty_url)
    assert [reason for _, reason, _ in left.pop("payout_pauses") + copy.pop("payout_pauses")] == [RESTORED, None]
    assert left == copy
    assert "database_not_empty" in await refused(shell, "move", "--to", empty_url)

    moved = {"TUPPENCE_DATABASE_URL": empty_url}
    assert await shell.type("migrate", **moved) == (0, "the schema is the newest already\n")
    for words, expected in ((("audit",), 3), (("backup", "b.tar"), 0)):
        status, output = await shell.type(*words, **moved)
        assert status == expected, output
    fresh = {"TUPPENCE_DATA_DIR": "restored"}
    assert "database_not_empty" in await refused(shell, "restore", "b.tar", **fresh, **moved)
    assert [*(shell.folder / "restored").glob("*.key"), *(shell.folder / "restored").glob("keys")] == []
    status, output = await shell.type("restore", "b.tar", **fresh)
    assert (status, "Payouts are paused" in output) == (0, True), output
    restored = dump_tables(shell.folder / "restored" / "tuppence.db")
    assert [(name, reason) for name, reason, _ in restored.pop("payout_pauses")] == [("all", RESTORED)]
    assert restored == copy


@pytest.mark.postgres
async def test_an_archive_goes_into_an_empty_postgres(shell: Shell, empty_url: str) -> None:
    await set_up_shop(shell)
    await shell.type("backup", "b.tar")
    restored = {"TUPPENCE_DATA_DIR": "restored", "TUPPENCE_DATABASE_URL": empty_url}
    status, output = await shell.type("restore", "b.tar", **restored)
    assert status == 0, output
    assert "a-little" in (await shell.type("item", "list", **restored))[1]


@pytest.mark.postgres
async def test_a_database_of_postgres_with_another_schema_is_not_guessed_at(
    shell: Shell, cluster: Cluster, empty_url: str
) -> None:
    there = {"TUPPENCE_DATABASE_URL": empty_url}
    for words in (("audit",), ("backup", "b.tar")):
        assert "schema_old" in await refused(shell, *words, **there)
    assert await shell.type("migrate", **there) == (0, "migrated\n")
    name = empty_url.partition("///")[2].partition("?")[0]
    await cluster.execute("UPDATE alembic_version SET version_num = '9999'", name)
    for words in (("audit",), ("backup", "b.tar"), ("migrate",), ("balances",)):
        assert "schema_newer" in await refused(shell, *words, **there)


async def test_without_its_extra_postgres_is_refused_with_the_line_that_installs_it(shell: Shell) -> None:
    there = "postgresql+asyncpg:///tuppence"
    for words in (("migrate",), ("audit",), ("backup", "b.tar"), ("serve",)):
        status, output = await shell.type(*words, program=WITHOUT_ASYNCPG, TUPPENCE_DATABASE_URL=there)
        assert (status, "Traceback" in output) == (1, False), output
        assert "postgres_extra_missing" in output
        assert "pip install '.[postgres]'" in output
    status, output = await shell.type("creator", "add", "alice", program=WITHOUT_ASYNCPG)
    assert status == 0, output


@pytest.mark.postgres
async def test_what_the_server_says_is_told_with_what_to_do_and_without_the_password(
    shell: Shell, cluster: Cluster
) -> None:
    await cluster.execute("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'right'")
    rules = cluster.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{before}")
    try:
        await cluster.execute("SELECT pg_reload_conf()")
        address = f"postgresql+asyncpg://guarded:wr0ng@127.0.0.1:{cluster.port}/tuppence_shared"
        output = await refused(shell, "migrate", TUPPENCE_DATABASE_URL=address)
        assert "password authentication failed" in output
        assert "Check user and password" in output
        assert "wr0ng" not in output
    finally:
        rules.write_text(before)
        await cluster.execute("SELECT pg_reload_conf()")
    output = await refused(shell, "migrate", TUPPENCE_DATABASE_URL=cluster.url("nothing"))
    assert '"nothing" does not exist' in output
    assert "CREATE DATABASE" in output
    nobody = f"postgresql+asyncpg://a:s3cret@127.0.0.1:{free_port()}/tuppence"
    for words in (("migrate",), ("audit",), ("balances",), ("backup", "b.tar")):
        output = await refused(shell, *words, TUPPENCE_DATABASE_URL=nobody)
        assert "database_away" in output
        assert "s3cret" not in output


@pytest.mark.parametrize("url", ["postgresql://u:p@db/tuppence", "mysql://u:p@db/x", "sqlite://", "nonsense"])
async def test_an_address_of_another_form_is_answered_with_the_two_that_are_known(shell: Shell, url: str) -> None:
    output = await refused(shell, "migrate", TUPPENCE_DATABASE_URL=url)
    assert "postgresql+asyncpg://" in output
    assert "sqlite:///" in output
