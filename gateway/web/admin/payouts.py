"""Payouts under /v1/admin: ask, list, and what the operator decides."""

from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from gateway.books.ledger import CREATOR_PREFIX, REFUND_PREFIX, creator_account
from gateway.books.payouts import find_payout
from gateway.books.payouts import list_payouts as list_with_tries
from gateway.catalog.api_keys import Caller
from gateway.idempotency import idempotency_hash
from gateway.payouts.decisions.records import Recorded
from gateway.payouts.reconcile import PayoutDiscrepancy, reconcile_payouts
from gateway.payouts.request import Wanted
from gateway.rows import rfc3339
from gateway.rows.payouts import Asker, Payout, Try
from gateway.web.admin.callers import authenticate
from gateway.web.admin.payout_bodies import (
    PauseBody,
    PauseRequest,
    PayoutBody,
    PayoutFindingBody,
    PayoutRequest,
    RecordRequest,
    RefundRecordRequest,
    ResolveRequest,
    ResumeRequest,
    TryBody,
)
from gateway.web.admin.queries import whole_number
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body

MOST_PAYOUTS = 500


async def create_payout(request: web.Request) -> web.Response:
    """POST /v1/admin/payouts."""
    gateway, caller = gateway_of(request), await authenticate(request)
    wanted = await read_body(request, PayoutRequest)
    creator = gateway.catalog.creator(wanted.creator).name
    caller.may_sell_as(creator)
    if wanted.destination is not None:
        caller.must_operate()
    payout = await gateway.payouts.requests.ask(
        Wanted(
            source_account=creator_account(creator),
            asked_by=Asker.OPERATOR if caller.creator is None else Asker.CREATOR,
            amount_msat=wanted.amount_msat,
            destination=wanted.destination,
            idempotency_hash=idempotency_hash(
                gateway.keys, f"payout:{creator}", request.headers.get("Idempotency-Key")
            ),
            caller=caller,
        )
    )
    return await _answer(request, payout.payout_id, status=201)


async def list_payouts(request: web.Request) -> web.Response:
    """GET /v1/admin/payouts?before=&limit=: the newest first; a creator's own, or all for the operator."""
    gateway, caller = gateway_of(request), await authenticate(request)
    found = await list_with_tries(
        gateway.store,
        source_account=_own(caller),
        before=request.query.get("before"),
        limit=whole_number(request, "limit", default=100, most=MOST_PAYOUTS),
    )
    return answer([payout_body(payout, tries) for payout, tries in found])


async def read_payout(request: web.Request) -> web.Response:
    """GET /v1/admin/payouts/{payout_id}."""
    gateway, caller = gateway_of(request), await authenticate(request)
    found = await find_payout(gateway.store, request.match_info["payout_id"], source_account=_own(caller))
    return answer(payout_body(*found))


async def cancel_payout(request: web.Request) -> web.Response:
    """POST /v1/admin/payouts/{payout_id}/cancel."""
    (await authenticate(request)).must_operate()
    payout = await gateway_of(request).payouts.decisions.cancel(request.match_info["payout_id"])
    return await _answer(request, payout.payout_id)


async def retry_payout(request: web.Request) -> web.Response:
    """POST /v1/admin/payouts/{payout_id}/retry."""
    (await authenticate(request)).must_operate()
    payout = await gateway_of(request).payouts.decisions.try_again(request.match_info["payout_id"])
    return await _answer(request, payout.payout_id)


async def resolve_payout(request: web.Request) -> web.Response:
    """POST /v1/admin/payouts/{payout_id}/resolve."""
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, ResolveRequest)
    payout = await gateway_of(request).payouts.decisions.resolve(
        request.match_info["payout_id"], is_paid=wanted.paid, note=wanted.note, fee_msat=wanted.fee_msat
    )
    return await _answer(request, payout.payout_id)


async def record_payout(request: web.Request) -> web.Response:
    """POST /v1/admin/payout-records."""
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, RecordRequest)
    creator = gateway_of(request).catalog.creator(wanted.creator).name
    return await _record(request, wanted, Recorded(creator=creator, amount_msat=wanted.amount_msat))


async def record_refund(request: web.Request) -> web.Response:
    """POST /v1/admin/refund-records."""
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, RefundRecordRequest)
    return await _record(request, wanted, Recorded(refund_of=wanted.refund_of))


async def pause_payouts(request: web.Request) -> web.Response:
    """PUT /v1/admin/payout-pause: every replica obeys with its next payment."""
    (await authenticate(request)).must_operate()
    await gateway_of(request).payouts.pause.pause((await read_body(request, PauseRequest)).reason)
    return await _answer_pause(request)


async def resume_payouts(request: web.Request) -> web.Response:
    """POST /v1/admin/payout-pause/end."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    acknowledged = (await read_body(request, ResumeRequest)).acknowledged
    await gateway.payouts.pause.resume(acknowledged=acknowledged)
    return await _answer_pause(request)


async def list_lacking(request: web.Request) -> web.Response:
    """GET /v1/admin/payout-pause/lacking: what the nodes have paid since the backup that was restored."""
    (await authenticate(request)).must_operate()
    return answer([_finding(found) for found in await gateway_of(request).payouts.pause.lacking()])


async def audit_payouts(request: web.Request) -> web.Response:
    """GET /v1/admin/nodes/{node_id}/payouts: every payout compared with its node."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    payer = await gateway.payouts.nodes.verified(request.match_info["node_id"])
    return answer([_finding(found) for found in await reconcile_payouts(payer, gateway.store)])


def payout_body(payout: Payout, tries: Sequence[Try]) -> PayoutBody:
    """A payout as the API shows it. A pasted invoice's payment request is its destination."""
    account = payout.source_account
    return PayoutBody(
        payout_id=payout.payout_id,
        creator=account.removeprefix(CREATOR_PREFIX) if account.startswith(CREATOR_PREFIX) else None,
        refund_of=account.removeprefix(REFUND_PREFIX) if account.startswith(REFUND_PREFIX) else None,
        amount_msat=payout.amount_msat,
        fee_limit_msat=payout.fee_limit_msat,
        destination=payout.destination,
        asked_by=payout.asked_by.value,
        state=payout.state.value,
        created_at=rfc3339(payout.created_at),
        next_try_at=when(payout.next_try_at),
        ended_at=when(payout.ended_at),
        tries=[_try_body(try_) for try_ in tries],
    )


def when(instant: int | None) -> str | None:
    """An instant as the API writes it."""
    return None if instant is None else rfc3339(instant)


def _try_body(try_: Try) -> TryBody:
    return TryBody(
        state=try_.state.value,
        reserved_at=rfc3339(try_.reserved_at),
        dispatched_at=when(try_.dispatched_at),
        ended_at=when(try_.ended_at),
        node_id=try_.node_id,
        payment_hash=try_.payment_hash,
        fee_msat=try_.fee_msat,
        reason=try_.reason,
        resolved_note=try_.resolved_note,
    )


def _finding(found: PayoutDiscrepancy) -> PayoutFindingBody:
    return PayoutFindingBody(
        difference=found.difference.value,
        payout_id=found.payout_id,
        payment_hash=found.payment_hash,
        amount_msat=found.amount_msat,
        fee_msat=found.fee_msat,
        created_at=rfc3339(found.created_at),
    )


def _own(caller: Caller) -> str | None:
    return None if caller.creator is None else creator_account(caller.creator)


async def _record(request: web.Request, how: RecordRequest | RefundRecordRequest, what: Recorded) -> web.Response:
    gateway = gateway_of(request)
    node_id = None if how.node_id is None else gateway.nodes.find(how.node_id).node_id
    recorded = replace(what, fee_msat=how.fee_msat, payment_hash=how.payment_hash, node_id=node_id, note=how.note)
    payout = await gateway.payouts.records.record(recorded)
    return await _answer(request, payout.payout_id, status=201)


async def _answer(request: web.Request, payout_id: str, *, status: int = 200) -> web.Response:
    payout, tries = await find_payout(gateway_of(request).store, payout_id, source_account=None)
    return answer(payout_body(payout, tries), status=status)


async def _answer_pause(request: web.Request) -> web.Response:
    pause = await gateway_of(request).store.read(lambda tx: tx.payout_pauses.current())
    if pause is None:
        return answer(PauseBody(paused=False))
    return answer(PauseBody(paused=True, reason=pause[0], since=rfc3339(pause[1])))
