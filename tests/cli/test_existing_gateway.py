"""Commands in a folder without a gateway, and beside a server that stops, hangs, or is something else."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.cli import commands
from gateway.cli.admin_client import open_admin
from gateway.cli.existing_gateway import CREATING_COMMANDS
from gateway.config import load_config
from gateway.errors import NotFound, OutcomeUnknown, TuppenceError, Unavailable
from gateway.store.files.lock import lock_data
from tests.support.processes.demo_process import stop
from tests.support.processes.shell import Shell, serve, set_up_shop, simulated_lnd

# Long enough for a command to have begun, on a slow machine.
FOLLOWED_SECONDS = 10
BEGINNING = {"serve", "demo", "creator add", "item add", "migrate", "restore"}
# It begins a network of nodes, and no gateway.
NETWORK = {"regtest up"}


def registered(group: typer.Typer, path: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command with its callback."""
    for command in group.registered_commands:
        assert command.callback is not None, "a command does something"
        yield f"{path} {command.name or command.callback.__name__.replace('_', '-')}".strip(), command.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        name = f"{path} {inner.name}".strip()
        if inner.typer_instance.registered_callback is not None:
            callback = inner.typer_instance.registered_callback.callback
            assert callback is not None
            yield name, callback
        yield from registered(inner.typer_instance, name)


COMMANDS = dict(registered(commands()))


def test_a_command_that_begins_a_gateway_is_declared_as_one() -> None:
    assert {name for name, callback in COMMANDS.items() if callback in CREATING_COMMANDS} == BEGINNING
    assert len(COMMANDS) > 25


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - BEGINNING - NETWORK))
def test_a_command_in_a_folder_without_a_gateway_refuses_and_makes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for variable in os.environ:
        if variable.startswith("TUPPENCE_"):
            monkeypatch.delenv(variable)
    given, empty = tmp_path / "given.md", tmp_path / "empty"
    paid = '<tuppence-paywall item="a"><template data-paid>Paid.</template></tuppence-paywall>'
    (tmp_path / "a.html").write_text(paid)
    given.write_text("# A\n\nPaid.\n")
    empty.mkdir()
    monkeypatch.chdir(empty)
    command: Any = typer.main.get_command(commands())
    words = name.split()
    for word in words:
        command = command.commands[word]
    for parameter in command.params:
        if parameter.param_type_name == "argument" and parameter.required:
            given_words = {"paths": str(tmp_path / "a.html"), "path": str(given), "name": "alice", "amount": "5sat"}
            words += [(given_words | {"payment_hash": "a" * 64}).get(parameter.name, "x")]
    options = {
        "item edit": ["--price", "5sat"],
        "payout record": ["alice", "1sat", "--note", "cash"],
        "payout resolve": ["--paid", "--note", "seen"],
        "move": ["--to", "postgresql+asyncpg:///x"],
        "seal": ["--creator", "alice", "--price", "5sat", "--site", "https://a.example"],
    }
    try:
        status = typer.main.get_command(commands())([*words, *options.get(name, [])], standalone_mode=False)
        said = "".join(capfd.readouterr())
    except TuppenceError as refusal:
        status, said = 1, refusal.detail
    assert [*empty.rglob("*")] == []
    if not name.startswith(("regtest", "demo")):
        assert status == 1
        assert str(empty) in said
        assert "TUPPENCE_DATA_DIR" in said


# Beside a server ------------------------------------------------------------------------------------------------------


async def test_payments_that_are_followed_end_with_the_server_and_say_so(shell: Shell) -> None:
    await set_up_shop(shell)
    status, output = await shell.type("payments", "--follow")
    assert (status, "server_absent" in output, "tuppence serve" in output) == (1, True, True), output
    async with simulated_lnd(shell):
        process, _ = await serve(shell)
        following = asyncio.ensure_future(shell.type("payments", "--follow"))
        await asyncio.wait([following], timeout=FOLLOWED_SECONDS)
        assert not following.done()
        process.send_signal(signal.SIGTERM)
        status, output = await following
        await stop(process)
    assert status == 1
    assert "gateway_away" in output
    assert "Traceback" not in output
    with lock_data(shell.folder / "data"):
        pass


@asynccontextmanager
async def answering(folder: Path, answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[None]:
    """Something that listens where the server would."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answer(writer)
        writer.close()

    (folder / "data").mkdir(exist_ok=True)
    server = await asyncio.start_unix_server(handle, folder / "data" / "admin.sock")
    try:
        yield
    finally:
        server.close()


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", http(b"<html>"), http(b"[1]"), http(b"{}", b"502 Bad")])
async def test_what_answers_on_the_socket_and_is_no_gateway_is_told_and_the_data_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.chdir(tmp_path)

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async with answering(tmp_path, answer):
        with pytest.raises(Unavailable, match=r"admin\.sock") as refused:
            async with open_admin(load_config()):
                pass
    assert refused.value.code == "gateway_away"
    assert not (tmp_path / "data" / "lock").exists()


async def test_a_server_that_is_silent_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = asyncio.Event()

    async def answer(_: asyncio.StreamWriter) -> None:
        await ended.wait()

    async with answering(tmp_path, answer):
        with pytest.raises(Unavailable):
            async with open_admin(load_config(), answer_seconds=0.05):
                pass
        ended.set()


@pytest.mark.parametrize(("method", "kind"), [("GET", Unavailable), ("POST", OutcomeUnknown)])
@pytest.mark.parametrize("said", [b"", http(b"<html>"), http(b"[]", b"502 Bad")])
async def test_a_server_that_stops_in_the_middle_leaves_no_doubt_about_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, method: str, kind: type[TuppenceError]
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = iter([http(b'{"alive":true}'), said])

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))
        await writer.drain()

    async with answering(tmp_path, answer), open_admin(load_config()) as admin:
        with pytest.raises(Unavailable if said.startswith(b"HTTP/1.1 5") else kind):
            await admin.call(method, "/v1/admin/items")


async def test_a_socket_that_a_crash_left_is_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def never(_: asyncio.StreamWriter) -> None:
        raise AssertionError("nobody is there")

    async with answering(tmp_path, never):
        pass
    (tmp_path / "data" / "admin.sock").touch()
    with pytest.raises(NotFound):
        async with open_admin(load_config()):
            pass


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("creator", "add", "alice"), {"TUPPENCE_DATA_DIR": "/dev/null/data"}),
        (("creator", "add", "alice"), {"TUPPENCE_DATA_DIR": "a-file"}),
        (("creator", "add", "alice"), {"TUPPENCE_SHARED_DIR": "s" * 300}),
        (("restore", "a-file"), {"TUPPENCE_DATA_DIR": "/dev/null/data"}),
        (("doctor",), {"TUPPENCE_DATA_DIR": "a-file"}),
    ],
)
async def test_what_the_system_refuses_is_a_sentence_that_names_the_place(
    shell: Shell, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    (shell.folder / "a-file").touch()
    status, output = await shell.type(*words, **variables)
    assert status == 1
    assert "Traceback" not in output
    place = next(iter(variables.values()))
    assert place in output, output


async def test_a_defect_is_a_short_line_without_its_words_and_with_them_for_who_asks(shell: Shell) -> None:
    breaks = "import gateway.cli as cli\ncli.commands = lambda: {}['s3cret']\ncli.main()"
    status, output = await shell.type(program=("-c", breaks))
    assert (status, "Traceback" in output, "s3cret" in output) == (1, False, False), output
    assert output.startswith("defect KeyError at ")
    assert "TUPPENCE_LOG_LEVEL=debug" in output
    status, output = await shell.type(program=("-c", breaks), TUPPENCE_LOG_LEVEL="debug")
    assert (status, "Traceback" in output) == (1, True), output


async def test_a_reader_of_the_pipe_that_goes_ends_a_command_without_a_word(shell: Shell) -> None:
    ours, its = os.pipe()
    os.close(ours)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "--help"),
        cwd=shell.folder,
        env=shell.environment({}),
        stdout=its,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(its)
    _, said = await process.communicate()
    assert (process.returncode, said) == (1, b"")


async def test_a_folder_with_no_room_for_a_socket_is_named_with_its_variable(shell: Shell) -> None:
    status, output = await shell.type("balances", TUPPENCE_DATA_DIR="d" * 120)
    assert (status, "TUPPENCE_DATA_DIR" in output, "Traceback" in output) == (1, True, False), output
    assert "107 bytes" in output
