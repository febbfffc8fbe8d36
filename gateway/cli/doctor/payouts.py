"""Checks of the right to pay out: its macaroon, whose node it opens, and what that node can send."""

import asyncio
from collections.abc import AsyncIterator

from gateway.cli.doctor.check_result import CheckResult
from gateway.errors import TuppenceError
from gateway.lnd.configuration import NodeAddress, connect_payer, payout_refusal
from gateway.wire.lnd_macaroon import PAYOUTS

LOW_OUTBOUND_SAT = 10_000


def how_to_pay_out(*, several: bool) -> CheckResult:
    """What is needed to pay creators out, where no node may."""
    where = "payout_macaroon of a node in TUPPENCE_LND_NODES" if several else "TUPPENCE_PAYOUT_MACAROON"
    hint = f"To pay creators out, bake a macaroon of its own and set {where}:\n{PAYOUTS.bake_command()}"
    return CheckResult("good", "no payouts: this gateway may not spend", hint)


async def check_payouts(address: NodeAddress, identity_pubkey: str) -> AsyncIterator[CheckResult]:
    """The payout macaroon of a node that answers under this public key; nothing where it has none."""
    payer = connect_payer(address)
    if payer is None:
        return
    try:
        if why := payout_refusal(address):
            yield CheckResult("bad", "payouts are refused", why)
        elif await payer.identity_pubkey() != identity_pubkey:
            yield CheckResult("bad", "payouts are refused", "Another node answers the payout macaroon than the other.")
        else:
            yield CheckResult("good", "the payout macaroon allows payments, and no more")
            outbound_sat = await payer.outbound_msat() // 1000
            what, hint = f"{outbound_sat:,} sat can be paid out", "Payouts wait until sales or new channels bring more."
            yield CheckResult("warning", what, hint) if outbound_sat < LOW_OUTBOUND_SAT else CheckResult("good", what)
    except TuppenceError as error:
        yield CheckResult("bad", "payouts are refused", error.detail)
    finally:
        await asyncio.shield(payer.close())
