"""A gateway starts only with the keys, contents and operator's key that belong to its database."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.app.assemble import open_gateway
from gateway.config import Config, load_config
from gateway.errors import Unavailable
from gateway.rows.payouts import RESTORED
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.store.engines.archive import read_archive, write_archive
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.newest_position import position_file
from tests.support.clock import FakeClock, until
from tests.support.databases import change, dump_tables
from tests.support.rows import START, a_creator
from tests.support.site import open_site

pytestmark = pytest.mark.both_databases

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."


@pytest.fixture
def replica(config: Config, tmp_path: Path) -> Callable[[str, Path], Config]:
    """The configuration of a process on the same database, with a shared folder of its own."""

    def of(name: str, shared: Path) -> Config:
        return load_config(
            data_dir=tmp_path / name, shared_dir=shared, database_url=config.database_url, listen=config.listen
        )

    return of


async def _opens(config: Config, clock: FakeClock, core: Simulator) -> None:
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)], background=False):
        pass


async def _pause(config: Config, clock: FakeClock, core: Simulator) -> tuple[str, int] | None:
    """The pause of payouts in a gateway that opens."""
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)], background=False) as gateway:
        return await gateway.store.read(lambda tx: tx.payout_pauses.current())


async def _refusal(config: Config, clock: FakeClock, core: Simulator) -> str:
    with pytest.raises(Unavailable) as refusal:
        await _opens(config, clock, core)
    assert "restore" in refusal.value.detail
    return refusal.value.code


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def _open_shop(config: Config, clock: FakeClock, core: Simulator, *, sells: bool = True) -> None:
    async with open_site(config, clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        if sells:
            await site.sell_text(TEXT)
        path = sqlite_path(config.database_url)
        if path is not None:
            await until(lambda: position_file(path).exists())


@pytest.mark.postgres
@pytest.mark.parametrize("sells", [True, False])
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("lacking", ["everything", "keys", "content", "operator.key"])
async def test_a_replica_without_the_shared_folder_does_not_start_or_create_one(
    replica: Callable[[str, Path], Config],
    tmp_path: Path,
    clock: FakeClock,
    core: Simulator,
    lacking: str,
    sells: bool,  # pytest's form
) -> None:
    await _open_shop(replica("one", tmp_path / "shared"), clock, core, sells=sells)
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "shared", other)
    await _opens(replica("two", other), clock, core)
    for part in ("keys", "content", "operator.key") if lacking == "everything" else (lacking,):
        path = other / part
        if path.is_dir():
            shutil.rmtree(path)
            path.mkdir()
        else:
            path.unlink()
    before = _files(other)
    code = await _refusal(replica("three", other), clock, core)
    expected = {"content": "contents_changed", "operator.key": "operator_key_changed"}
    assert code == expected.get(lacking, "keys_missing")
    assert _files(other) == before
    shutil.rmtree(other)
    shutil.copytree(tmp_path / "shared", other)
    await _opens(replica("three", other), clock, core)


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_replica_with_the_folder_of_another_gateway_does_not_start(
    replica: Callable[[str, Path], Config], tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    await _open_shop(replica("one", tmp_path / "shared"), clock, core)
    foreign = load_config(data_dir=tmp_path / "foreign", database_url=f"sqlite:///{tmp_path / 'foreign.db'}")
    await _open_shop(foreign, clock, core)
    shared = foreign.data_dir
    assert await _refusal(replica("two", shared), clock, core) == "keys_changed"
    shutil.rmtree(shared / "keys")
    shutil.copytree(tmp_path / "shared" / "keys", shared / "keys")
    assert await _refusal(replica("two", shared), clock, core) == "operator_key_changed"
    shutil.copy(tmp_path / "shared" / "operator.key", shared)
    shutil.rmtree(shared / "content")
    (shared / "content").mkdir()
    assert await _refusal(replica("two", shared), clock, core) == "contents_changed"


@pytest.mark.parametrize("loss", ["emptied", "missing"])
async def test_a_new_database_beside_old_contents_is_refused(
    config: Config, tmp_path: Path, clock: FakeClock, core: Simulator, loss: str
) -> None:
    await _open_shop(config, clock, core, sells=False)
    database = sqlite_path(config.database_url)
    if database is None:
        fresh = load_config(data_dir=config.data_dir, database_url=f"sqlite:///{tmp_path / 'fresh.db'}")
        assert await _refusal(fresh, clock, core) == "database_lost"
        return
    whole = database.read_bytes()
    if loss == "emptied":
        database.write_bytes(b"")
    else:
        database.unlink()
    assert await _refusal(config, clock, core) == "database_lost"
    database.write_bytes(whole)
    await _opens(config, clock, core)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_database_whose_log_was_deleted_is_refused(
    tmp_path: Path,
    clock: FakeClock,
    core: Simulator,
    database_url: str,
    is_first: bool,  # pytest's form
) -> None:
    """After a kill, which leaves the log beside the database; a clean stop leaves none."""
    assert database_url
    config = load_config(data_dir=tmp_path / "data", listen="127.0.0.1:8402")
    if not is_first:
        await _open_shop(config, clock, core, sells=False)
    killed = tmp_path / "killed"
    async with open_site(config, clock, core) as site:
        if is_first:
            for name in ("alice", "bob"):
                await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        note = position_file(config.data_dir / "tuppence.db")
        version = str(await site.gateway.store.read(lambda tx: tx.items.version()))
        await until(lambda: note.exists() and note.read_text().split()[1] == version)
        shutil.copytree(config.data_dir, killed, ignore=shutil.ignore_patterns("*.sock"))
    log = killed / "tuppence.db-wal"
    aside = log.rename(tmp_path / "aside")
    (killed / "tuppence.db-shm").unlink(missing_ok=True)
    config = load_config(data_dir=killed, listen="127.0.0.1:8402")
    assert await _refusal(config, clock, core) == "database_older"
    for left in killed.glob("tuppence.db-[ws]*"):
        left.unlink()
    shutil.copy(aside, log)
    await _opens(config, clock, core)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_an_older_copy_is_refused_until_the_operator_confirms_it(
    config: Config, clock: FakeClock, core: Simulator
) -> None:
    database = sqlite_path(config.database_url)
    assert database is not None
    await _open_shop(config, clock, core, sells=False)
    older = database.read_bytes()
    async with open_site(config, clock, core) as site:
        await site.sell_text(TEXT)
        version = str(await site.gateway.store.read(lambda tx: tx.items.version()))
        await until(lambda: position_file(database).read_text().split()[1] == version)
    database.write_bytes(older)
    # What a log may still hold is not lost with the older copy.
    database.with_name(f"{database.name}-wal").unlink(missing_ok=True)
    assert await _refusal(config, clock, core) == "database_older"
    position_file(database).unlink()
    assert await _pause(config, clock, core) == (RESTORED, 0)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_second_copy_of_the_books_does_not_pay_what_the_first_one_pays(
    config: Config, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    """It is a copy without the record beside it; the first one goes on as it was."""
    database = sqlite_path(config.database_url)
    assert database is not None
    assert await _pause(config, clock, core) is None
    await _open_shop(config, clock, core, sells=False)
    second = tmp_path / "second"
    shutil.copytree(config.shared_folder, second, ignore=shutil.ignore_patterns("*.sock", "tuppence.db*"))
    shutil.copy(database, second / "tuppence.db")
    copy = load_config(data_dir=second, listen="127.0.0.1:8402")
    assert await _pause(copy, clock, core) == (RESTORED, 0)
    assert await _pause(config, clock, core) is None


async def test_a_restored_backup_starts_with_its_keys_and_contents(
    config: Config, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    await _open_shop(config, clock, core)
    archive = tmp_path / "backup.tar"
    await write_archive(archive, config.database_url, config.shared_folder, now=START)
    restored = load_config(data_dir=tmp_path / "restored", listen="127.0.0.1:8402")
    restored.data_dir.mkdir()
    position_file(restored.data_dir / "tuppence.db").write_text("99 99\n")
    await read_archive(archive, restored.database_url, restored.shared_folder)
    assert await _pause(restored, clock, core) == (RESTORED, START)


@pytest.mark.parametrize("sells", [True, False])
async def test_a_folder_of_an_older_version_is_adopted_by_its_database(
    config: Config,
    clock: FakeClock,
    core: Simulator,
    sells: bool,  # pytest's form
) -> None:
    """It has neither the mark nor a fingerprint of the operator's key."""
    await _open_shop(config, clock, core, sells=sells)
    sold = {row[12] for row in dump_tables(config.database_url)["items"]}
    change(config.database_url, lambda books: books.execute(text("DELETE FROM identities WHERE kind <> 'key'")))
    for path in (config.shared_folder / "content").iterdir():
        if path.name not in sold:
            path.unlink()
    await _opens(config, clock, core)
    await _opens(config, clock, core)
    assert len(list((config.shared_folder / "content").iterdir())) == len(sold) + 1
