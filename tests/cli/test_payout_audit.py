"""`tuppence payout record` and what `tuppence audit` says about payouts, typed beside a simulated node."""

import time

import pytest

from gateway.simulator.server import SimulatedLnd
from tests.cli.test_commands import give_up
from tests.support.processes.shell import Shell, set_up_shop


async def test_the_audit_finds_a_recorded_payout_that_its_node_did_not_pay(
    shell: Shell, lnd: SimulatedLnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up_shop(shell)
    monkeypatch.setattr(lnd.core, "_clock", lambda: time.time() - 3_600)
    row = lnd.core.add_invoice(preimage=b"", amount_msat=100_000, memo="", expiry_seconds=600)
    await give_up(shell, row)
    lnd.core.pay(row.payment_hash)
    assert (await shell.type("audit", "--suspense", row.payment_hash.hex()))[0] == 0
    assert row.payment_hash.hex() in (await shell.type("payments", "--hashes"))[1]

    assert (await shell.type("audit"))[0] == 0
    recorded = ("payout", "record", "alice", "50sat", "--hash", "ab" * 32, "--node", "lnd", "--fee", "1500msat")
    status, output = await shell.type(*recorded)
    assert (status, "succeeded" in output, "1.5" in output) == (0, True, True), output
    assert "18.5" in (await shell.type("balances"))[1]

    status, output = await shell.type("audit")
    assert (status, "not compared with lnd" in output) == (3, True), "without its macaroon a node cannot be asked"
    shell.variables |= {"TUPPENCE_PAYOUT_MACAROON": str(lnd.identity.payout_macaroon_path)}
    status, output = await shell.type("audit")
    assert (status, "unpaid" in output, "ab" * 32 in output) == (1, True, True), output
