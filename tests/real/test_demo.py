"""`tuppence demo --regtest` and `tuppence regtest` as they are typed, from an empty folder to an empty folder."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.real.network import stop_network
from tests.support.clock import until
from tests.support.processes.demo_process import free_port, ready
from tests.support.processes.shell import Shell

pytestmark = pytest.mark.regtest

START_SECONDS, PAYOUT_SECONDS = 120.0, 60.0
NETWORK = Path(".tuppence/regtest")
NODES = {"btcd", "merchant", "reader", "creator"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder that keeps its network from test to test."""
    folder = tmp_path_factory.mktemp("demo")
    yield Shell(folder, {"TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}"})
    stop_network(folder / NETWORK)
    assert running_in(folder) == []


@asynccontextmanager
async def demo(shell: Shell, number: signal.Signals) -> AsyncIterator[tuple[str, list[str]]]:
    """The demo's address and the lines below it; it ends well by a signal."""
    async with typed(shell, "demo", "--regtest", "--no-browser") as process:
        address = await ready(process, START_SECONDS)
        assert process.stdout is not None
        yield address, [(await process.stdout.readline()).decode() for _ in range(3)]
        status, output = await ended(process, number)
        assert (status, "Traceback" in output) == (0, False), output


@asynccontextmanager
async def typed(shell: Shell, *arguments: str) -> AsyncIterator[Process]:
    """A command in a process group of its own, as a terminal would run it."""
    # A shell has its background jobs ignore SIGINT, and what they start as well, unless they have a handler for it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        cwd=shell.folder,
        env=shell.environment({}),
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            await ended(process, signal.SIGINT)


async def ended(process: Process, number: signal.Signals) -> tuple[int | None, str]:
    """Exit status and last words after a signal to the whole group, which is how Ctrl-C arrives."""
    os.killpg(process.pid, number)
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def running_in(folder: Path) -> list[str]:
    """What runs in a folder; whatever a command starts is found there too (Linux)."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (place / "cwd").readlink() == folder:
                found.append((place / "cmdline").read_text().replace("\0", " "))
    return found


async def curl(url: str, *options: str) -> tuple[int, str]:
    """Status, and headers with body."""
    process = await asyncio.create_subprocess_exec("curl", "--silent", "--include", *options, url, stdout=PIPE)
    output, _ = await process.communicate()
    return int(output.split()[1]), output.decode()


async def buy_with_curl(shell: Shell, content: str) -> str:
    """Ask, pay with the reader's node, and give the header that opens."""
    status, challenge = await curl(content)
    match = re.search(r'WWW-Authenticate: L402 macaroon="(.+?)", invoice="(.+?)"', challenge, re.IGNORECASE)
    assert (status, match is not None) == (402, True), challenge
    assert match is not None
    status, preimage = await shell.type("regtest", "pay", match[2])
    assert (status, len(preimage.strip())) == (0, 64), preimage
    return f"Authorization: L402 {match[1]}:{preimage.strip()}"


async def pay_in_the_page(address: str) -> list[tuple[int, str]]:
    """What the demo's wallet answers when one invoice is paid twice."""
    async with aiohttp.ClientSession(address) as session:
        async with session.post("/v1/items/welcome/invoices") as response:
            invoice = (await response.json())["payment_request"]
        answers = []
        for _ in range(2):
            async with session.post("/demo/pay", json={"invoice": invoice}) as response:
                answer = await response.json(content_type=None)
                answers.append((response.status, answer.get("code", "paid")))
    return answers


async def pay_tomas_out(address: str) -> tuple[str, int]:
    """How the payout of all that the second creator has ends, and its amount."""
    async with aiohttp.ClientSession(address) as session:
        async with session.post("/demo/payouts", json={"creator": "tomas"}) as response:
            assert response.status == 201, await response.text()
            path = f"/demo/payouts/{(await response.json())['payout_id']}"

        async def payout() -> dict[str, Any]:
            async with session.get(path) as response:
                return dict(await response.json())

        async def has_ended() -> bool:
            return bool((await payout())["state"] != "trying")

        await until(has_ended, patience_seconds=PAYOUT_SECONDS)
        ended = await payout()
        assert ended["reason"] == ""
        return ended["state"], ended["amount_msat"]


async def test_the_demo_sells_on_a_real_network_and_sells_on_after_a_restart(shell: Shell) -> None:
    async with demo(shell, signal.SIGINT) as (address, (page, as_a_program, by_command)):
        content = f"{address}/v1/items/welcome/content"
        assert "demo wallet" in page
        assert f"curl -i {content} " in as_a_program
        assert "tuppence regtest pay <invoice>" in by_command
        opening = await buy_with_curl(shell, content)
        assert (await curl(content, "--header", opening))[0] == 200
        assert await pay_in_the_page(address) == [(200, "paid"), (409, "already_paid")]
        # 30 sat of each sale, less the limit of the fee.
        assert await pay_tomas_out(address) == ("succeeded", 59_000)
    assert running_in(shell.folder) == []
    async with demo(shell, signal.SIGTERM) as (address, _):
        assert (await curl(content, "--header", opening))[0] == 200
        assert await pay_in_the_page(address) == [(200, "paid"), (409, "already_paid")]
    assert running_in(shell.folder) == []


async def test_commands_start_show_and_stop_a_network_and_the_demo_leaves_it_up(shell: Shell) -> None:
    status, told = await shell.type("regtest", "up")
    assert (status, "starting btcd" in told, "The network is up, after" in told) == (0, True, True), told
    async with demo(shell, signal.SIGINT):
        pass
    assert len(running_in(shell.folder)) == len(NODES)
    _, mined = await shell.type("regtest", "mine", "2")
    height = int(mined.split()[-1].rstrip("."))
    _, shown = await shell.type("regtest", "status")
    assert {line.split()[0] for line in shown.splitlines()} > NODES
    assert {line.partition("\t")[0] for line in shown.splitlines() if f"\t{height}\t" in line} == {*NODES}, shown
    assert "LTND" in (await shell.type("regtest", "logs", "merchant"))[1]
    assert "is down" in (await shell.type("regtest", "down"))[1]
    assert running_in(shell.folder) == []


@pytest.mark.parametrize(
    ("number", "command"),
    [
        (signal.SIGINT, ["regtest", "up"]),
        (signal.SIGTERM, ["regtest", "up"]),
        (signal.SIGINT, ["demo", "--regtest", "--no-browser"]),
    ],
)
async def test_a_start_that_is_broken_off_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, command: list[str]
) -> None:
    shell = Shell(tmp_path, {"TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}"})
    async with typed(shell, *command) as process:
        # The command itself, btcd, and a node.
        await until(lambda: len(running_in(tmp_path)) > 2, patience_seconds=START_SECONDS)
        status, output = await ended(process, number)
    assert (status, "Traceback" in output) == (130, False), output
    assert running_in(tmp_path) == []
    await shell.type("regtest", "down", "--delete")
    assert not (tmp_path / NETWORK).exists()
