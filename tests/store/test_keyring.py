"""The key ring: created once, readable by its owner alone, rotated without invalidating old tokens."""

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.access.tokens import mint_token, read_token
from gateway.app.assemble import open_gateway
from gateway.app.background import BackgroundTiming
from gateway.config import load_config
from gateway.errors import Conflict, PaymentRequired, Unavailable
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.store.files.keyring import FileKeyRing
from tests.support.clock import FakeClock, until
from tests.support.rows import an_invoice


def test_the_first_start_makes_a_key_that_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    FileKeyRing.open(folder)
    assert [path.name for path in folder.iterdir()] == ["0.key"]
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert oct((folder / "0.key").stat().st_mode)[-3:] == "600"


def test_a_key_is_made_once(tmp_path: Path) -> None:
    token_id = FileKeyRing.open(tmp_path).new_token_id()
    assert FileKeyRing.open(tmp_path).root_key(token_id) == FileKeyRing.open(tmp_path).root_key(token_id)
    assert FileKeyRing.open(tmp_path / "other").root_key(token_id) != FileKeyRing.open(tmp_path).root_key(token_id)


def test_every_token_has_a_root_key_of_its_own() -> None:
    keys = FileKeyRing({0: b"k" * 32})
    roots = {keys.root_key(keys.new_token_id()) for _ in range(50)}
    assert len(roots) == 50
    assert None not in roots


def test_the_highest_key_mints_and_a_retired_one_still_verifies() -> None:
    old = FileKeyRing({0: b"a" * 32})
    token = mint_token(old, an_invoice())
    both = FileKeyRing({0: b"a" * 32, 7: b"b" * 32})
    assert both.new_token_id()[0] == 7
    assert read_token(both, token).item_id == "welcome"
    with pytest.raises(PaymentRequired) as refusal:
        read_token(FileKeyRing({7: b"b" * 32}), token)
    assert refusal.value.code == "token_unknown_key"


def test_what_is_stored_hashed_is_found_after_a_rotation() -> None:
    before, after = FileKeyRing({3: b"a" * 32}), FileKeyRing({3: b"a" * 32, 4: b"b" * 32})
    assert before.keyed_hash("idempotency", "secret") == after.keyed_hash("idempotency", "secret")
    assert before.keyed_hash("idempotency", "secret") != before.keyed_hash("download", "secret")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("0.key", ""),
        ("0.key", "not hex"),
        ("0.key", "ab" * 31),
        ("0.key", "ab" * 33),
        ("backup.key", "ab" * 32),
        ("256.key", "ab" * 32),
        ("-1.key", "ab" * 32),
        ("٣.key", "ab" * 32),
        ("0 copy.key", "ab" * 32),
        ("0.key", "\xff" * 64),
    ],
)
def test_a_file_that_is_no_key_is_named_and_nothing_starts(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1", "replace"))
    with pytest.raises(Unavailable, match="backup") as refusal:
        FileKeyRing.open(tmp_path)
    assert refusal.value.code == "keys_unreadable"
    assert name in refusal.value.detail


def test_two_files_of_one_number_are_refused(tmp_path: Path) -> None:
    for name in ("1.key", "01.key"):
        (tmp_path / name).write_text("ab" * 32)
    with pytest.raises(Unavailable, match="two keys") as refusal:
        FileKeyRing.open(tmp_path)
    assert refusal.value.code == "keys_unreadable"


def test_fingerprints_tell_keys_apart_and_give_none_away() -> None:
    keys = FileKeyRing({0: b"a" * 32, 1: b"b" * 32})
    assert keys.fingerprints() == {"0": sha256(b"a" * 32).hexdigest(), "1": sha256(b"b" * 32).hexdigest()}


async def test_a_gateway_whose_key_was_swapped_does_not_start(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    config = load_config(data_dir=tmp_path)
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)]):
        pass
    (tmp_path / "keys" / "0.key").write_text("ab" * 32)
    with pytest.raises(Unavailable, match="restore it") as refusal:
        async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)]):
            pass
    assert refusal.value.code == "keys_changed"


async def test_a_gateway_that_lost_a_key_serves_on_and_is_not_ready(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    config = load_config(data_dir=tmp_path)
    FileKeyRing.open(tmp_path / "keys")
    (tmp_path / "keys" / "1.key").write_text("ab" * 32)
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)], background=False):
        pass
    (tmp_path / "keys" / "1.key").unlink()
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)], background=False) as gateway:
        found = await gateway.readiness.check()
        lost = "keys/1.key is lost: what was sold with it stays closed until it is restored"
        assert (found.ready, found.wrong) == (False, [lost])


# A key that is added while gateways run ------------------------------------------------------------------------------


def test_a_key_that_is_added_has_the_next_number_and_replaces_none(tmp_path: Path) -> None:
    old = FileKeyRing.open(tmp_path)
    assert [FileKeyRing.add(tmp_path).name for _ in range(2)] == ["1.key", "2.key"]
    assert oct((tmp_path / "2.key").stat().st_mode)[-3:] == "600"
    ring = FileKeyRing.open(tmp_path)
    assert ring.new_token_id()[0] == 2
    token_id = old.new_token_id()
    assert (ring.root_key(token_id), ring.keyed_hash("a", "b")) == (old.root_key(token_id), old.keyed_hash("a", "b"))


def test_there_is_no_key_beyond_the_highest_number(tmp_path: Path) -> None:
    (tmp_path / "255.key").write_text("ab" * 32)
    with pytest.raises(Conflict) as refusal:
        FileKeyRing.add(tmp_path)
    assert refusal.value.code == "keys_full"


async def test_running_gateways_know_a_new_key_at_once_and_mint_with_it_once_all_others_do(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    timing = BackgroundTiming(keys_every_seconds=0.01, mint_after_seconds=0.2)
    config = load_config(data_dir=tmp_path)
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)], timing=timing) as gateway:
        FileKeyRing.add(tmp_path / "keys")
        starting = FileKeyRing.open(tmp_path / "keys")
        token_id = starting.new_token_id()
        assert token_id[0] == 1
        await until(lambda: gateway.keys.root_key(token_id) == starting.root_key(token_id))
        assert gateway.keys.new_token_id()[0] == 0, "another replica may not have looked yet"
        await until(lambda: gateway.keys.new_token_id()[0] == 1)
        pinned = await gateway.store.read(lambda tx: tx.identities.list("key"))
        assert dict(pinned) == starting.fingerprints()
        assert (await gateway.readiness.check()).ready


async def test_a_key_that_is_another_than_the_database_knows_is_not_taken_in(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    timing, config = BackgroundTiming(keys_every_seconds=0.01), load_config(data_dir=tmp_path)
    async with open_gateway(config, clock=clock, nodes=[InProcessNode(core)], timing=timing) as gateway:
        await gateway.store.write(lambda tx: tx.identities.pin("key", "1", "of another secret"))
        FileKeyRing.add(tmp_path / "keys")
        await until(lambda: "keys/1.key is not the key" in gateway.supervisor.progress["keys"].last_error)
        assert gateway.keys.root_key(bytes([1]) * 32) is None
        assert gateway.keys.new_token_id()[0] == 0
        assert not (await gateway.readiness.check()).ready
