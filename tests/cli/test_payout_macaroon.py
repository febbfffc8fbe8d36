"""The right to pay out as an operator sees it: what `doctor` and `serve` make of a macaroon."""

from gateway.simulator.server import SimulatedLnd
from gateway.wire.lnd_macaroon import PAYOUTS
from tests.support.processes.demo_process import stop
from tests.support.processes.shell import Shell, serve, set_up_shop


async def test_the_doctor_says_what_payouts_need_and_what_keeps_them_from_being_made(
    shell: Shell, lnd: SimulatedLnd
) -> None:
    await set_up_shop(shell)
    status, output = await shell.type("doctor")
    assert (status, PAYOUTS.bake_command() in output, "TUPPENCE_PAYOUT_MACAROON" in output) == (0, True, True), output
    right = {"TUPPENCE_PAYOUT_MACAROON": str(lnd.identity.payout_macaroon_path)}
    lnd.core.funds_msat = 12_345_000
    status, output = await shell.type("doctor", **right)
    assert (status, "allows payments, and no more" in output, "12,345 sat can be paid" in output) == (0, True, True)
    wide = {"TUPPENCE_PAYOUT_MACAROON": str(lnd.identity.admin_macaroon_path)}
    status, output = await shell.type("doctor", **wide)
    assert (status, "payouts are refused" in output, PAYOUTS.bake_command() in output) == (1, True, True), output
    # Sales go on.
    shell.variables |= wide
    process, _ = await serve(shell)
    assert await stop(process) == 0
