"""The demo pays its creators out at a press: routes that ask for a payout of all, and say how it goes."""

from aiohttp import web
from msgspec import Struct

from gateway.app.gateway import Gateway
from gateway.books.ledger import creator_account
from gateway.books.payouts import find_payout
from gateway.demo.content import EDITOR
from gateway.payouts.request import Wanted
from gateway.rows.payouts import Asker
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body


class PayoutRequest(Struct, forbid_unknown_fields=True):
    """The creator to pay out."""

    creator: str


async def pay_out(request: web.Request) -> web.Response:
    """POST /demo/payouts {"creator": …}: 201 with the payout of all that the creator has, or why it is refused.

    It is asked for as the operator would, who may send less than is worth its fee.
    """
    gateway = gateway_of(request)
    creator = gateway.catalog.creator((await read_body(request, PayoutRequest)).creator).name
    wanted = Wanted(source_account=creator_account(creator), asked_by=Asker.OPERATOR)
    payout = await gateway.payouts.requests.ask(wanted)
    return await _answer(gateway, payout.payout_id, status=201)


async def read_payout(request: web.Request) -> web.Response:
    """GET /demo/payouts/{payout_id}: how it goes."""
    return await _answer(gateway_of(request), request.match_info["payout_id"])


async def payable(gateway: Gateway) -> dict[str, int]:
    """The most that the demo's second creator can be paid now, and the limit of its fee."""
    balance_msat = await gateway.store.read(lambda tx: tx.ledger.balance_msat(creator_account(EDITOR)))
    fees = gateway.payouts.requests.fees
    amount_msat = fees.most_payable(balance_msat)
    return {"amount_msat": amount_msat, "fee_limit_msat": fees.of(amount_msat)}


async def _answer(gateway: Gateway, payout_id: str, *, status: int = 200) -> web.Response:
    payout, tries = await find_payout(gateway.store, payout_id, source_account=None)
    return answer(
        {
            "payout_id": payout_id,
            "state": payout.state.value,
            "amount_msat": payout.amount_msat,
            "fee_limit_msat": payout.fee_limit_msat,
            "fee_msat": tries[-1].fee_msat,
            "reason": tries[-1].reason,
        },
        status=status,
    )
