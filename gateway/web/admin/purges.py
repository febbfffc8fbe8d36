"""Purges under /v1/admin: deletes records before their time, for the operator or a creator."""

from aiohttp import web

from gateway.web.admin.bodies import PurgeBody, PurgeRequest
from gateway.web.admin.callers import authenticate
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body


async def purge(request: web.Request) -> web.Response:
    """POST /v1/admin/purges: the operator's. Settlements wait while the files are written anew."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, PurgeRequest)
    purged = await gateway.purger.purge(at_once=wanted.at_once)
    return answer(
        PurgeBody(
            unpaid=purged.unpaid,
            payment_requests=purged.payment_requests,
            notes=purged.notes,
            destinations=purged.destinations,
        )
    )


async def purge_notes(request: web.Request) -> web.Response:
    """DELETE /v1/admin/creators/{name}/notes: what readers wrote beside this creator's tips."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    caller.may_sell_as(creator.name)
    notes = await gateway.purger.purge_notes_to(creator.name, key_id=caller.key_id)
    return answer(PurgeBody(unpaid=0, payment_requests=0, notes=notes))
