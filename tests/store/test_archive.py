"""Backup and restore: taken beside a running server, whole or refused; an old purchase can be opened afterwards."""

import sqlite3
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from gateway.config import Config, load_config
from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.rates.history import RateHistory
from gateway.rows.payouts import RESTORED
from gateway.simulator.core import Simulator
from gateway.store.engines.archive import read_archive, write_archive
from tests.support.clock import FakeClock, until
from tests.support.databases import dump_tables, in_a_thread
from tests.support.payout_rows import pay_out
from tests.support.postgres_server import Cluster
from tests.support.rows import START
from tests.support.site import Site, open_site

# A restore leaves a pause, and a lease has no meaning elsewhere.
CHANGED = {"leases", "payout_pauses"}
pytestmark = pytest.mark.both_databases

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."

DISKS = ("/dev/shm", "/var/tmp")  # noqa: S108  # one of them is not where the tests run


async def back_up(site: Site, path: Path) -> Path:
    await write_archive(path, site.gateway.config.database_url, site.gateway.config.shared_folder, now=START)
    return path


def elsewhere(tmp_path: Path, database_url: str = "") -> Config:
    return load_config(data_dir=tmp_path / "elsewhere", database_url=database_url, listen="127.0.0.1:8402")


async def test_an_old_purchase_opens_after_a_restore(
    site: Site, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    await site.sell_text(TEXT)
    bought, token = await site.buy("welcome")
    await site.settle(bought["payment_hash"])
    later, later_token = await site.buy("welcome")
    archive = await back_up(site, tmp_path / "backup.tar")
    assert oct(archive.stat().st_mode)[-3:] == "600"
    # What settles after the backup is known to the node alone.
    await site.settle(later["payment_hash"])

    config = elsewhere(tmp_path)
    await read_archive(archive, config.database_url, config.shared_folder)
    async with open_site(config, clock, core) as restored:
        assert restored.gateway.operator_key == site.gateway.operator_key
        status, content = await restored.call("GET", "/v1/items/welcome/content", headers=token)
        assert (status, "paid part" in content) == (200, True)

        async def opens() -> bool:
            answer, _ = await restored.call("GET", "/v1/items/welcome/content", headers=later_token)
            return bool(answer == 200)

        await until(opens)
    with pytest.raises(Conflict) as refusal:
        await read_archive(archive, config.database_url, config.shared_folder)
    assert refusal.value.code == "data_not_empty"


async def test_a_backup_holds_every_row(site: Site, tmp_path: Path) -> None:
    await site.sell_text(TEXT)
    await site.gateway.store.write(pay_out)
    await RateHistory(site.gateway.store).keep({"EUR": 90_000.5}, at=START)
    before = {name: rows for name, rows in site.dump().items() if name not in CHANGED}
    assert [name for name, rows in before.items() if "payout" in name and not rows] == []
    archive = await back_up(site, tmp_path / "backup.tar")
    config = elsewhere(tmp_path)
    await read_archive(archive, config.database_url, config.shared_folder)
    assert {name: rows for name, rows in dump_tables(config.database_url).items() if name not in CHANGED} == before


@pytest.mark.parametrize("reason", [None, "holidays"])
async def test_a_restore_pauses_payouts_since_the_backup(site: Site, tmp_path: Path, reason: str | None) -> None:
    if reason is not None:
        await site.gateway.store.write(lambda tx: tx.payout_pauses.pause(reason, now=START - 9))
    archive = await back_up(site, tmp_path / "backup.tar")
    config = elsewhere(tmp_path)
    await read_archive(archive, config.database_url, config.shared_folder)
    assert dump_tables(config.database_url)["payout_pauses"] == [("all", RESTORED, START)]


@pytest.mark.postgres
async def test_a_restore_to_postgresql_pauses_payouts_too(site: Site, tmp_path: Path, cluster: Cluster) -> None:
    await site.gateway.store.write(pay_out)
    archive = await back_up(site, tmp_path / "backup.tar")
    config = elsewhere(tmp_path, cluster.url(in_a_thread(cluster.new_database())))
    await read_archive(archive, config.database_url, config.shared_folder)
    restored = dump_tables(config.database_url)
    assert restored["payout_pauses"] == [("all", RESTORED, START)]
    assert restored["payout_tries"] == site.dump()["payout_tries"]


async def test_a_backup_replaces_nothing_and_leaves_nothing_behind(site: Site, tmp_path: Path) -> None:
    archive = await back_up(site, tmp_path / "backup.tar")
    before = archive.read_bytes()
    with pytest.raises(Conflict) as refusal:
        await back_up(site, archive)
    assert (refusal.value.code, archive.read_bytes()) == ("archive_exists", before)
    with pytest.raises(Unavailable) as unmounted:
        await back_up(site, tmp_path / "elsewhere" / "backup.tar")
    assert (unmounted.value.code, (tmp_path / "elsewhere").exists()) == ("disk_refused", False)
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("damage", ["content", "key", "database", "unknown file", "no archive"])
async def test_an_archive_that_is_not_whole_is_refused_and_nothing_is_put_back(
    site: Site, tmp_path: Path, damage: str
) -> None:
    await site.sell_text(TEXT)
    archive, damaged = await back_up(site, tmp_path / "backup.tar"), tmp_path / "damaged.tar"
    gone = {"content": "content/", "key": "keys/", "database": "tuppence.db"}.get(damage, "nothing")
    with tarfile.open(archive) as packed, tarfile.open(damaged, "w") as less:
        for member in packed:
            if not member.name.startswith(gone):
                less.addfile(member, packed.extractfile(member))
        if damage == "unknown file":
            less.addfile(tarfile.TarInfo("../outside"), BytesIO())
    if damage == "no archive":
        damaged.write_bytes(b"this is none")
    config = elsewhere(tmp_path)
    with pytest.raises(Invalid) as refusal:
        await read_archive(damaged, config.database_url, config.shared_folder)
    assert (refusal.value.code, "\n" in refusal.value.detail) == ("archive_invalid", False)
    assert [path for path in config.shared_folder.rglob("*") if path.is_file()] == []
    with pytest.raises(NotFound):
        await read_archive(tmp_path / "missing", config.database_url, config.shared_folder)


async def test_what_is_left_of_another_database_is_never_read_into_a_restored_one(site: Site, tmp_path: Path) -> None:
    archive = await back_up(site, tmp_path / "backup.tar")
    config = elsewhere(tmp_path)
    config.data_dir.mkdir()
    for suffix in ("-wal", "-shm", "-journal"):
        left = config.data_dir / f"tuppence.db{suffix}"
        left.write_bytes(b"of another")
        with pytest.raises(Conflict, match=left.name) as refusal:
            await read_archive(archive, config.database_url, config.shared_folder)
        assert refusal.value.code == "data_not_empty"
        left.unlink()
    await read_archive(archive, config.database_url, config.shared_folder)


async def test_a_restore_to_two_disks_is_whole(site: Site, tmp_path: Path) -> None:
    await site.sell_text(TEXT)
    archive = await back_up(site, tmp_path / "backup.tar")
    ours = tmp_path.stat().st_dev
    another = next(disk for disk in DISKS if Path(disk).stat().st_dev != ours)
    with tempfile.TemporaryDirectory(dir=another) as other:
        target, shared = Path(other) / "data" / "tuppence.db", tmp_path / "shared"
        await read_archive(archive, f"sqlite:///{target}", shared)
        assert dump_tables(target)["items"] == site.dump()["items"]
        assert oct(target.stat().st_mode)[-3:] == "600"
        assert [*target.parent.iterdir()] == [target]
    assert {path.name for path in shared.iterdir()} == {"keys", "content", "operator.key"}


async def test_a_restore_that_the_disk_refuses_changes_nothing_and_can_be_tried_again(
    site: Site, tmp_path: Path
) -> None:
    archive = await back_up(site, tmp_path / "backup.tar")
    config = elsewhere(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "file" / "tuppence.db", tmp_path / "folder"):
        with pytest.raises(Unavailable) as refusal:
            await read_archive(archive, f"sqlite:///{target}", config.shared_folder)
        assert refusal.value.code == "disk_refused"
        left = [path for place in (config.shared_folder, tmp_path / "folder") for path in place.rglob("*")]
        assert left == []
    await read_archive(archive, config.database_url, config.shared_folder)


async def test_a_full_disk_beside_a_backup_is_blamed_and_not_the_database_that_is_copied(
    site: Site, tmp_path: Path
) -> None:
    def limit(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            [(_, _, file)] = connection.execute("PRAGMA database_list")
            if "/backups/" in file:
                connection.execute("PRAGMA max_page_count = 10")

    (tmp_path / "backups").mkdir()
    event.listen(Engine, "connect", limit)
    try:
        with pytest.raises(Unavailable, match=r"backups/.* refused: database or disk is full") as refusal:
            await back_up(site, tmp_path / "backups" / "backup.tar")
    finally:
        event.remove(Engine, "connect", limit)
    assert "postgresql" not in refusal.value.detail
    assert [*(tmp_path / "backups").iterdir()] == []
