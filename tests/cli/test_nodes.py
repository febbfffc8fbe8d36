"""Several nodes in a file: listed, drained, checked by `doctor` and audited."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.simulator.server import SimulatedLnd, serve_simulator
from tests.support.clock import until
from tests.support.processes.demo_process import free_port, stop
from tests.support.processes.shell import Shell, serve, set_up_shop

Two = dict[str, SimulatedLnd]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with (
        serve_simulator(tmp_path / "north", clock=time.time) as north,
        serve_simulator(tmp_path / "south", clock=time.time) as south,
    ):
        yield {"north": north, "south": south}


@pytest.fixture
def shell(tmp_path: Path, two: Two) -> Shell:
    entries = [
        f'[[node]]\nid = "{name}"\ntarget = "{lnd.target}"\ntls_cert = "{name}/tls.cert"\n'
        f'macaroon = "{name}/{lnd.macaroon_path.name}"\n'
        for name, lnd in two.items()
    ]
    (tmp_path / "nodes.toml").write_text("\n".join(entries))
    variables = {"TUPPENCE_LND_NODES": "nodes.toml", "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}"}
    return Shell(tmp_path, variables)


async def buy(address: str, count: int) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            async with session.post(f"{address}/v1/items/a-little/invoices") as response:
                assert response.status == 201, await response.text()


def invoices(lnd: SimulatedLnd) -> list[bytes]:
    return [row.payment_hash for row in lnd.core.invoices]


async def test_two_nodes_sell_one_is_drained_and_after_a_kill_both_are_credited(shell: Shell, two: Two) -> None:
    await set_up_shop(shell)
    process, address = await serve(shell)
    await buy(address, 2)
    assert [len(invoices(lnd)) for lnd in two.values()] == [1, 1]
    status, output = await shell.type("node", "drain", "north")
    assert (status, "1 open invoices are followed" in output) == (0, True), output
    await buy(address, 2)
    assert [len(invoices(lnd)) for lnd in two.values()] == [1, 3]
    _, listed = await shell.type("node", "list")
    north, south = (next(line for line in listed.splitlines() if name in line) for name in two)
    assert ("ready" in north, "drained" in north) == (True, True)
    assert ("ready" in south, "yes" in south, "\t3\t" in south) == (True, True, True)
    assert "node_not_found" in (await shell.type("node", "drain", "west"))[1]

    await stop(process, crash=True)
    for lnd in two.values():
        for payment_hash in invoices(lnd):
            lnd.core.pay(payment_hash)
    process, address = await serve(shell)
    try:

        async def credited() -> bool:
            return "280" in (await shell.type("balances"))[1]

        await until(credited, patience_seconds=60)
        status, output = await shell.type("audit")
        assert status == 0, output
        assert [f"What the node {name} has settled is credited" in output for name in two] == [True, True]
        await shell.type("node", "undrain", "north")
        await buy(address, 1)
        assert len(invoices(two["north"])) == 2
    finally:
        assert await stop(process) == 0


async def test_the_doctor_examines_every_node(shell: Shell, two: Two) -> None:
    await set_up_shop(shell)
    status, output = await shell.type("doctor")
    assert status == 0, output
    for name in two:
        for what in ("macaroon", "certificate", "block", "received"):
            assert any(line.startswith(f"✓ {name}: ") and what in line for line in output.splitlines()), (name, what)
    two["south"].macaroon_path.unlink()
    status, output = await shell.type("doctor")
    assert (status, "✗ south: " in output, "✗ north: " in output) == (1, True, False), output
    (shell.folder / "nodes.toml").write_text("[[node]]")
    status, output = await shell.type("doctor")
    assert (status, "missing required field" in output) == (1, True), output


async def test_a27_one_macaroon_of_several_that_can_spend_keeps_the_gateway_from_starting(
    shell: Shell, two: Two
) -> None:
    spending = two["south"].identity.admin_macaroon_path
    spending.rename(two["south"].macaroon_path)
    status, output = await shell.type("serve")
    assert (status, "macaroon_spends" in output) == (1, True), output
    assert str(Path("south") / two["south"].macaroon_path.name) in output
