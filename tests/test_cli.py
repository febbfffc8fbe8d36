"""The command as an operator types it: a process of its own, on a data folder of its own."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.lnd.server import SimulatedLnd, serve_simulator
from gateway.store.lock import lock_data
from tests.clock import until
from tests.demo_process import free_port, stop
from tests.shell import TEXT, Shell, serve, set_up_shop


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
async def lnd(tmp_path: Path, shell: Shell) -> AsyncIterator[SimulatedLnd]:
    """A simulated node on its wire, named by the shell's variables."""
    async with serve_simulator(tmp_path / "lnd", clock=time.time) as simulated:
        shell.variables = {
            "TUPPENCE_LND_TARGET": simulated.target,
            "TUPPENCE_LND_TLS_CERT": str(simulated.tls_cert_path),
            "TUPPENCE_LND_MACAROON": str(simulated.macaroon_path),
            "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}",
        }
        yield simulated


async def test_a_shop_is_set_up_with_commands_while_no_server_runs(shell: Shell) -> None:
    await set_up_shop(shell)
    (shell.folder / "cards.pdf").write_bytes(b"%PDF-1.4")
    status, output = await shell.type("item", "add", "cards.pdf", "--creator", "bob", "--price", "5sat")
    assert (status, "/i/cards-pdf" in output) == (0, True), output
    await shell.type("item", "edit", "cards-pdf", "--price", "7sat")
    await shell.type("item", "archive", "cards-pdf")
    _, listed = await shell.type("item", "list")
    assert "alice=70 bob=30" in listed
    assert "archived" in listed
    assert "7" in listed
    for command in ("balances", "payments", "audit"):
        status, output = await shell.type(command)
        assert status == 0, output


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("creator", "add", "Not A Slug"), "a-z"),
        (("item", "add", "a.md", "--price", "5.5sat"), "write it as 100sat"),
        (("item", "add", "a.md", "--share", "bob"), "name=30"),
        (("item", "add", "a.md", "--creator", "nobody"), "creator_not_found"),
        (("item", "add", "missing.md"), "missing.md"),
        (("item", "edit", "nothing", "--price", "1sat"), "item_not_found"),
        (("item", "archive", "nothing"), "item_not_found"),
        (("creator", "key", "rotate", "nobody"), "creator_not_found"),
        (("serve",), "TUPPENCE_LND_TARGET"),
        (("demo", "pay", "lnbcrt1"), "start `tuppence demo` first"),
    ],
)
async def test_what_is_typed_wrong_gets_a_line_that_says_what_to_do(
    shell: Shell, command: tuple[str, ...], says: str
) -> None:
    (shell.folder / "a.md").write_text(TEXT)
    status, output = await shell.type(*command, TUPPENCE_LISTEN=f"127.0.0.1:{free_port()}")
    assert status != 0
    assert says in output
    assert "Traceback" not in output


async def test_a_variable_that_does_not_exist_is_named(shell: Shell) -> None:
    status, output = await shell.type("balances", TUPPENCE_LISTENN="x")
    assert status == 1
    assert "TUPPENCE_LISTENN" in output


async def test_commands_reach_the_running_server_and_its_readers_see_it(shell: Shell, lnd: SimulatedLnd) -> None:
    await set_up_shop(shell)
    process, address = await serve(shell)
    try:
        await shell.type("item", "edit", "a-little", "--price", "3sat")
        async with aiohttp.ClientSession() as session, session.get(f"{address}/v1/items/a-little") as response:
            assert (await response.json())["price_msat"] == 3000
        status, output = await shell.type("serve")
        assert (status, "data_in_use" in output) == (1, True), output
    finally:
        assert await stop(process) == 0
    assert lnd.core.state.value == "ready"


async def test_a_payment_made_while_the_gateway_was_killed_opens_after_it_is_back(
    shell: Shell, lnd: SimulatedLnd
) -> None:
    await set_up_shop(shell)
    process, address = await serve(shell)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{address}/v1/items/a-little/invoices") as response:
            invoice = await response.json()
        await stop(process, crash=True)
        lnd.core.pay(bytes.fromhex(invoice["payment_hash"]))
        process, address = await serve(shell)
        token = {"Authorization": f"Bearer {invoice['access_token']}"}

        async def opens() -> bool:
            async with session.get(f"{address}/v1/items/a-little/content", headers=token) as response:
                return response.status == 200

        await until(opens)
    await stop(process)
    _, balances = await shell.type("balances")
    assert "70" in balances
    status, output = await shell.type("audit")
    assert status == 0, output


async def test_a27_a_macaroon_that_can_spend_is_refused_unless_allowed(shell: Shell, lnd: SimulatedLnd) -> None:
    spending = str(lnd.identity.admin_macaroon_path)
    status, output = await shell.type("serve", TUPPENCE_LND_MACAROON=spending)
    assert status == 1
    assert "macaroon_spends" in output
    assert "lncli bakemacaroon" in output
    shell.variables |= {"TUPPENCE_LND_MACAROON": spending, "TUPPENCE_ALLOW_SPENDING_MACAROON": "true"}
    process, _ = await serve(shell)
    assert await stop(process) == 0


async def test_the_doctor_finds_a_good_node_and_says_what_is_wrong_with_a_bad_one(
    shell: Shell, lnd: SimulatedLnd
) -> None:
    await set_up_shop(shell)
    status, output = await shell.type("doctor")
    assert status == 0, output
    for word in ("macaroon", "certificate", "block", "received", "keys"):
        assert word in output
    status, output = await shell.type("doctor", TUPPENCE_LND_TARGET=f"127.0.0.1:{free_port()}")
    assert status == 1
    assert "absent" in output
    status, output = await shell.type("doctor", TUPPENCE_PUBLIC_URL="http://pay.example")
    assert status == 1
    assert "not encrypted" in output
    (shell.folder / "data" / "tuppence.db").chmod(0o644)
    status, output = await shell.type("doctor")
    assert status == 1
    assert "chmod 600" in output
    await lnd.stop()
    status, output = await shell.type("doctor")
    assert status == 1


async def test_a_command_beside_a_foreign_owner_of_the_data_says_who_that_is(shell: Shell) -> None:
    with lock_data(shell.folder / "data"):
        status, output = await shell.type("balances")
    assert status == 1
    assert str(os.getpid()) in output


async def test_an_audit_beside_a_running_server_lists_what_a_restore_lost_and_books_it(
    shell: Shell, lnd: SimulatedLnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lnd.core, "_clock", lambda: time.time() - 3_600)
    row = lnd.core.add_invoice(preimage=b"", amount_msat=5_000, memo="alice at pay.example", expiry_seconds=600)
    lnd.core.pay(row.payment_hash)
    process, _ = await serve(shell)
    try:
        status, output = await shell.type("audit")
        assert (status, "1 settlements at lnd are not in the books" in output) == (0, True), output
        status, output = await shell.type("audit", "--lacking")
        assert (status, f"{row.payment_hash.hex()}  alice at pay.example" in output) == (0, True), output
        status, output = await shell.type("audit", "--suspense", row.payment_hash.hex())
        assert status == 0, output
        assert "5 sat booked to suspense" in output
        assert "5 sat credited, 5 received" in output
        assert "in suspense" in (await shell.type("payments"))[1]
        status, output = await shell.type("audit", "--suspense", "00" * 32)
        assert (status, "settlement_not_found" in output) == (1, True), output
    finally:
        await stop(process)
