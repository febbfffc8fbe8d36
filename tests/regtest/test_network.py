"""The parts of the regtest network that need no network: state, processes, locks and builds."""

import asyncio
import hashlib
import os
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.regtest import regtest
from gateway.regtest import process as processes
from gateway.regtest.binaries import SOURCES, build_digest, cache_folder, find_go, version_of
from gateway.regtest.chain import ANYONE_ADDRESS, ANYONE_SCRIPT, with_witness, write_chain_files
from gateway.regtest.lifetime import down
from gateway.regtest.lock import locked
from gateway.regtest.names import NODE_NAMES, Backend
from gateway.regtest.node import write_node_files
from gateway.regtest.process import RegtestError, silent, spawn, until
from gateway.regtest.state import (
    PORT_RANGE,
    Binaries,
    NetworkState,
    load_state,
    new_state,
    read_env,
    save_state,
    write_env,
)
from gateway.wire.bech32 import open_bech32, words_to_bytes

SLEEP = ["/bin/sleep", "600"]
# It says so when it ignores SIGTERM, so that the signal cannot come too early.
IGNORES_SIGTERM = ["/bin/sh", "-c", "trap '' TERM; echo ready; exec sleep 600"]


def planned(backend: Backend = "sqlite") -> NetworkState:
    return new_state(backend=backend, binaries=Binaries(lnd="/lnd", lncli="/lncli", btcd="/btcd", btcctl="/btcctl"))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_go_is_found_in_its_usual_folder_when_path_lacks_it_and_in_path_first(tmp_path: Path) -> None:
    chosen, usual, empty = (tmp_path / name for name in ("chosen", "usual", "empty"))
    for folder in (chosen, usual):
        folder.mkdir()
        (folder / "go").touch(mode=0o755)
    assert find_go(f"{empty}:{chosen}", str(usual)) == str(chosen / "go")
    assert find_go(str(empty), str(usual)) == str(usual / "go")
    assert find_go(str(chosen.parent), str(empty)) is None


def test_a_state_is_read_as_it_was_written_by_its_owner_alone(tmp_path: Path) -> None:
    state = replace(planned("bbolt"), processes={"btcd": processes.Process(pid=1, started="then")}, funded=True)
    save_state(tmp_path, state)
    assert load_state(tmp_path) == state
    assert mode_of(tmp_path / "state.json") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_where_no_network_was_there_is_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None


def test_a_broken_state_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(RegtestError, match="remove the folder"):
        load_state(tmp_path)


def test_every_process_has_two_ports_of_its_own_that_no_outgoing_connection_takes() -> None:
    state = planned()
    ports = [port for pair in state.ports.values() for port in (pair.peer, pair.rpc)]
    assert len({*ports}) == 2 * len(state.ports) == 2 * (1 + len(NODE_NAMES))
    assert {*ports} <= {*PORT_RANGE}


def test_variables_are_read_as_they_were_written_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.env"
    write_env(path, {"A": "1", "B": "x=y"})
    assert path.read_text() == "A=1\nB=x=y\n"
    assert read_env(path) == {"A": "1", "B": "x=y"}
    assert mode_of(path) == 0o600


def test_configurations_are_private_and_listen_on_this_machine_alone(tmp_path: Path) -> None:
    state = planned()
    write_chain_files(tmp_path, state)
    write_node_files(tmp_path, state, "merchant")
    for path in (tmp_path / "btcd/btcd.conf", tmp_path / "btcd/btcctl.conf", tmp_path / "merchant/lnd.conf"):
        assert mode_of(path) == 0o600
        listening = [line for line in path.read_text().splitlines() if "listen=" in line or "host=" in line]
        assert all("=127.0.0.1:" in line for line in listening)


def test_the_chain_pays_to_the_script_that_anyone_spends() -> None:
    human, words = open_bech32(ANYONE_ADDRESS)
    assert (human, words[0]) == ("bcrt", 0)
    assert words_to_bytes(words[1:]) == hashlib.sha256(ANYONE_SCRIPT).digest()


def test_a_transaction_is_completed_by_marker_flag_and_one_witness() -> None:
    version, body, lock_time = "01000000", "01" + "ab" * 41 + "00", "00000000"
    assert with_witness(version + body + lock_time) == version + "0001" + body + "01" + "01" + "51" + lock_time


async def test_a_process_is_known_by_its_start_and_not_by_its_pid(tmp_path: Path) -> None:
    process = spawn(SLEEP, log=tmp_path / "log")
    try:
        assert processes.is_running(process)
        assert not processes.is_running(replace(process, started="another day"))
        await processes.stop(replace(process, started="another day"))
        assert processes.is_running(process)
    finally:
        await processes.stop(process)
    assert not processes.is_running(process)


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    process = spawn(IGNORES_SIGTERM, log=tmp_path / "log")

    async def is_ready() -> bool:
        return (tmp_path / "log").read_text() == "ready\n"

    await until(is_ready, seconds=10, what="the process")
    await processes.stop(process, patience_seconds=0.2)
    assert not processes.is_running(process)


async def test_a_child_that_was_killed_and_not_waited_for_does_not_count_as_running(tmp_path: Path) -> None:
    process = spawn(SLEEP, log=tmp_path / "log")
    os.kill(process.pid, signal.SIGKILL)

    async def is_gone() -> bool:
        return not processes.is_running(process)

    await until(is_gone, seconds=10, what="the end")


async def test_two_commands_do_not_work_on_a_folder_at_once(tmp_path: Path) -> None:
    told, entered = asyncio.Event(), asyncio.Event()

    async def second() -> None:
        async with locked(tmp_path, lambda _: told.set()):
            entered.set()

    async with locked(tmp_path, silent):
        task = asyncio.create_task(second())
        await told.wait()
        assert not entered.is_set()
    await task
    assert entered.is_set()


async def test_who_waited_for_a_folder_that_was_deleted_locks_the_new_one(tmp_path: Path) -> None:
    folder, told = tmp_path / "network", asyncio.Event()

    async def second() -> bool:
        async with locked(folder, lambda _: told.set()):
            return folder.exists()

    async with locked(folder, silent):
        task = asyncio.create_task(second())
        await told.wait()
        folder.rmdir()
    assert await task


async def test_a_network_that_is_not_there_is_down(tmp_path: Path) -> None:
    assert not await down(tmp_path / "nothing", delete=True)


async def test_down_removes_no_folder_that_is_not_a_network(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert not await down(tmp_path, delete=True)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("lnd version 0.21.2-beta commit=v0.21.2-beta", (0, 21, 2)),
        ("btcd version 0.25.0-beta", (0, 25, 0)),
        ("btcd version v24.0.1", (24, 0, 1)),
        ("", ()),
        ("sh: not found", ()),
    ],
)
def test_a_version_is_read_from_what_a_program_says(answer: str, version: tuple[int, ...]) -> None:
    assert version_of(answer) == version


def test_a_build_is_named_by_its_sources_and_its_go(tmp_path: Path) -> None:
    for name in ("go.mod", "go.sum"):
        (tmp_path / name).write_bytes((SOURCES / name).read_bytes())
    first = build_digest(tmp_path, "go1.25.13")
    assert first == build_digest(SOURCES, "go1.25.13")
    assert first != build_digest(SOURCES, "go1.26.0")
    (tmp_path / "go.sum").write_text("other")
    assert first != build_digest(tmp_path, "go1.25.13")


def test_builds_lie_in_the_users_cache() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/tuppence/regtest")
    assert cache_folder({}) == Path.home() / ".cache/tuppence/regtest"
    # The XDG convention has relative paths ignored.
    assert cache_folder({"XDG_CACHE_HOME": "cache"}) == Path.home() / ".cache/tuppence/regtest"


@pytest.mark.parametrize(
    "command", [["status"], ["mine"], ["logs", "merchant"], ["pay", "lnbcrt1"], ["wallet"]], ids=lambda words: words[0]
)
def test_without_a_network_every_command_says_how_to_start_one(command: list[str], tmp_path: Path) -> None:
    answer = CliRunner().invoke(regtest, [*command, "--folder", str(tmp_path)])
    assert answer.exit_code == 1
    assert "tuppence regtest up" in " ".join(answer.output.split())


def test_a_log_of_nobody_is_refused(tmp_path: Path) -> None:
    answer = CliRunner().invoke(regtest, ["logs", "nobody", "--folder", str(tmp_path)])
    assert answer.exit_code == 1
    assert "merchant" in answer.output
