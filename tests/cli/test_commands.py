"""Commands as an operator types them: each a process, on a data folder of its own."""

import os
import resource
import time

import aiohttp
import pytest

from gateway import __version__
from gateway.books.receipt_numbers import receipt_number
from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.server import SimulatedLnd
from gateway.store.engines.database import open_database
from gateway.store.files.lock import lock_data
from tests.support.clock import until
from tests.support.processes.demo_process import free_port, stop
from tests.support.processes.shell import TEXT, Shell, serve, set_up_shop
from tests.support.rows import an_invoice


async def cancel_one(shell: Shell, lnd: SimulatedLnd) -> None:
    """An invoice that the node canceled, and the books know it."""
    row = lnd.core.add_invoice(preimage=b"", amount_msat=100_000, memo="", expiry_seconds=600)
    lnd.core.cancel(row.payment_hash)
    await give_up(shell, row)


async def give_up(shell: Shell, row: SimulatedInvoice) -> None:
    """The books know an invoice as canceled."""
    invoice = an_invoice(row.add_index, payment_hash=row.payment_hash.hex(), item_id="a-little")
    store = await open_database(f"sqlite:///{shell.folder / 'data' / 'tuppence.db'}")
    await store.write(lambda tx: tx.invoices.insert(invoice))
    await store.write(lambda tx: tx.invoices.cancel("lnd", [invoice.payment_hash], now=int(time.time())))
    await store.close()


async def test_a_shop_is_set_up_with_commands_while_no_server_runs(shell: Shell) -> None:
    await set_up_shop(shell)
    (shell.folder / "cards.pdf").write_bytes(b"%PDF-1.4")
    status, output = await shell.type("item", "add", "cards.pdf", "--creator", "bob", "--price", "5sat")
    assert (status, "/i/cards-pdf" in output) == (0, True), output
    (shell.folder / "more.pdf").write_bytes(b"%PDF-1.5 of another size")
    status, output = await shell.type("item", "edit", "cards-pdf", "--price", "7sat", "--content", "more.pdf")
    assert (status, output.strip()) == (0, "cards-pdf changed")
    await shell.type("item", "archive", "cards-pdf")
    _, listed = await shell.type("item", "list")
    assert "alice=70 bob=30" in listed
    assert "archived" in listed
    assert "7" in listed
    for command in ("balances", "payments"):
        status, output = await shell.type(command)
        assert status == 0, output
    status, output = await shell.type("audit")
    assert (status, "the books were not compared" in output) == (3, True), output


async def test_a_page_is_sealed_while_no_server_runs_and_kept_to_its_site(shell: Shell) -> None:
    await shell.type("creator", "add", "alice")
    paid = '<tuppence-paywall item="essay"><template data-paid><p>Paid.</p></template></tuppence-paywall>'
    (shell.folder / "essay.html").write_text(paid)
    site = ("--site", "https://blog.example", "--origin", "https://blog.example")
    status, output = await shell.type("seal", "essay.html", "--creator", "alice", "--price", "5sat", *site)
    assert (status, "/i/essay" in output) == (0, True), output
    assert "Paid." not in (shell.folder / "sealed" / "essay.html").read_text()
    assert (shell.folder / "essay.html").read_text() == paid
    _, before = await shell.type("embed", "essay")
    assert "https://blog.example" in before
    assert (await shell.type("item", "edit", "essay", "--any-origin"))[0] == 0
    _, after = await shell.type("embed", "essay")
    assert "https://blog.example" not in after


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("creator", "add", "Not A Slug"), "Expected 1 to 64 of a-z, 0-9 and -"),
        (("creator", "add", "alice", "--accent", "red"), "a colour like #a4552b"),
        (("item", "add", "a.md", "--price", "5.5sat"), "write it as 100sat"),
        (("item", "add", "a.md", "--share", "bob"), "name=30"),
        (("item", "add", "a.md", "--creator", "nobody"), "no creator 'bob'"),
        (("embed", "essay", "--shape", "poster"), "'paywall', 'button'"),
        (("embed", "essay", "--theme", "pink"), "'auto', 'light', 'dark'"),
        (("item", "add", "missing.md"), "missing.md"),
        (("item", "add", "week.md"), "number of seconds"),
        (("item", "add", "never.md"), "access_seconds"),
        (("item", "add", "nameless.md"), "title"),
        (("item", "add", "a.md", "--access-seconds", "0"), "access_seconds"),
        (("item", "add", "a.md", "--title", ""), "title"),
        (("item", "add", "a.md", "--memo", ""), "memo"),
        (("item", "add", "a.md", "--id", ""), "$.id"),
        (("item", "add", "a.md", "--price", ""), "--price 100sat"),
        (("item", "add", "a.md", "--creator", ""), "--creator alice"),
        (("item", "add", "a.md", "--share", "bob=0"), "weight"),
        (("item", "edit", "nothing", "--price", "1sat"), "item_not_found"),
        (("item", "archive", "nothing"), "item_not_found"),
        (("creator", "key", "rotate", "nobody"), "creator_not_found"),
        (("serve",), "TUPPENCE_LND_TARGET"),
        (("demo", "pay", "lnbcrt1"), "TUPPENCE_LISTEN"),
    ],
)
async def test_what_is_typed_wrong_gets_a_line_that_says_what_to_do(
    shell: Shell, command: tuple[str, ...], says: str
) -> None:
    (shell.folder / "a.md").write_text(TEXT)
    for name, line in (("week", "access_seconds: a week"), ("never", "access_seconds: 0"), ("nameless", "title:")):
        (shell.folder / f"{name}.md").write_text(TEXT.replace("price:", f"{line}\nprice:"))
    status, output = await shell.type(*command, TUPPENCE_LISTEN=f"127.0.0.1:{free_port()}")
    assert status != 0
    assert says in output
    assert "Traceback" not in output


async def test_the_version_is_said_alone(shell: Shell) -> None:
    assert await shell.type("--version") == (0, f"tuppence {__version__}\n")


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


@pytest.mark.usefixtures("lnd")
async def test_a_server_begun_with_few_open_files_takes_as_many_as_it_may(shell: Shell) -> None:
    ours, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, most))
    try:
        process, _ = await serve(shell)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ours, most))
    assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (most, most)
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


async def test_the_doctor_says_how_a_node_forgets_what_nobody_paid(shell: Shell, lnd: SimulatedLnd) -> None:
    await set_up_shop(shell)
    assert "gc-canceled-invoices-on-the-fly" in (await shell.type("doctor"))[1]
    for forgets, said in ((False, "keeps canceled invoices"), (True, "deletes canceled invoices")):
        lnd.core.quirks.forget_canceled = forgets
        await cancel_one(shell, lnd)
        status, output = await shell.type("doctor")
        assert (status, said in output) == (0, True), output
        assert ("gc-canceled-invoices-on-startup" in output) is not forgets


async def test_a_purge_beside_a_running_server_deletes_what_is_due_or_all_that_is_final(
    shell: Shell, lnd: SimulatedLnd
) -> None:
    await set_up_shop(shell)
    await cancel_one(shell, lnd)
    process, _ = await serve(shell)
    try:
        assert (await shell.type("purge"))[1].startswith("0 unpaid invoices, 0 payment requests, 0 notes")
        assert (await shell.type("purge", "--now"))[1].startswith("1 unpaid invoices, 0 payment requests")
    finally:
        await stop(process)
    assert "0 unpaid invoices" in (await shell.type("purge", "--now"))[1]


async def test_a_command_beside_a_foreign_owner_of_the_data_says_who_that_is(shell: Shell) -> None:
    with lock_data(shell.folder / "data"):
        status, output = await shell.type("balances")
    assert status == 1
    assert str(os.getpid()) in output


async def test_an_audit_names_the_command_that_credits_what_was_paid_after_it_was_given_up(
    shell: Shell, lnd: SimulatedLnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up_shop(shell)
    monkeypatch.setattr(lnd.core, "_clock", lambda: time.time() - 3_600)
    row = lnd.core.add_invoice(preimage=b"", amount_msat=100_000, memo="", expiry_seconds=600)
    await give_up(shell, row)
    lnd.core.pay(row.payment_hash)
    status, output = await shell.type("audit")
    assert (status, "uncredited" in output, "--suspense PAYMENT_HASH" in output) == (1, True, True), output
    status, output = await shell.type("audit", "--suspense", row.payment_hash.hex())
    assert (status, "100 sat credited to the creators of a-little" in output) == (0, True), output
    assert "settlement_booked" in (await shell.type("audit", "--suspense", row.payment_hash.hex()))[1]


@pytest.mark.usefixtures("lnd")
async def test_an_audit_without_the_node_has_an_exit_status_of_its_own(shell: Shell) -> None:
    await set_up_shop(shell)
    assert (await shell.type("audit"))[0] == 0
    status, output = await shell.type("audit", TUPPENCE_LND_TARGET=f"127.0.0.1:{free_port()}")
    assert (status, "were not compared with lnd" in output) == (3, True), output


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
        payment_hash = row.payment_hash.hex()
        number = receipt_number(payment_hash, int(time.time()) - 3_600)
        status, output = await shell.type("payments", "--number", number.lower())
        assert (status, output.split()[-1]) == (0, payment_hash), output
        status, output = await shell.type("payments", "--number", f"1999-12-31{number[10:]}")
        assert (status, "payment_not_found" in output) == (1, True), output
        status, output = await shell.type("audit", "--suspense", "00" * 32)
        assert (status, "settlement_not_found" in output) == (1, True), output
    finally:
        await stop(process)
