"""Where creators are paid, and their rules, under /v1/admin/creators/{name}."""

from aiohttp import web

from gateway.errors import NotFound
from gateway.payouts.destinations import set_destination
from gateway.rows import rfc3339
from gateway.rows.payouts import Destination, Interval, PayoutRule
from gateway.web.admin.callers import authenticate
from gateway.web.admin.payout_bodies import DestinationBody, DestinationRequest, PayoutRuleBody, PayoutRuleRequest
from gateway.web.admin.payouts import when
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body

HOUR_SECONDS = 3_600


async def read_destination(request: web.Request) -> web.Response:
    """GET /v1/admin/creators/{name}/destination."""
    gateway, caller = gateway_of(request), await authenticate(request)
    creator = gateway.catalog.creator(request.match_info["name"]).name
    caller.may_sell_as(creator)
    found = await gateway.store.read(lambda tx: tx.destinations.get(creator))
    if found is None:
        raise NotFound("destination_missing", f"{creator} has set no destination yet.")
    return answer(destination_body(found, now=gateway.now()))


async def put_destination(request: web.Request) -> web.Response:
    """PUT /v1/admin/creators/{name}/destination: the operator's at once, a creator's after the delay."""
    gateway, caller = gateway_of(request), await authenticate(request)
    creator = gateway.catalog.creator(request.match_info["name"]).name
    wanted = await read_body(request, DestinationRequest)
    destination = await set_destination(
        gateway.store,
        gateway.payouts.hosts,
        creator=creator,
        address=wanted.address,
        caller=caller,
        now=gateway.now(),
        delay_seconds=gateway.config.destination_delay_hours * HOUR_SECONDS,
    )
    return answer(destination_body(destination, now=gateway.now()))


async def read_rule(request: web.Request) -> web.Response:
    """GET /v1/admin/creators/{name}/payout-rule."""
    gateway, caller = gateway_of(request), await authenticate(request)
    creator = gateway.catalog.creator(request.match_info["name"]).name
    caller.may_sell_as(creator)
    rule = await gateway.store.read(lambda tx: tx.payout_rules.get(creator))
    if rule is None:
        raise NotFound("payout_rule_missing", f"{creator} has no rule; `tuppence creator rule` sets one.")
    return answer(_rule_body(rule))


async def put_rule(request: web.Request) -> web.Response:
    """PUT /v1/admin/creators/{name}/payout-rule."""
    gateway, caller = gateway_of(request), await authenticate(request)
    creator = gateway.catalog.creator(request.match_info["name"]).name
    wanted = await read_body(request, PayoutRuleRequest)
    rule = await gateway.payouts.rules.put(
        creator, threshold_msat=wanted.threshold_msat, interval=Interval(wanted.interval), caller=caller
    )
    return answer(_rule_body(rule))


async def delete_rule(request: web.Request) -> web.Response:
    """DELETE /v1/admin/creators/{name}/payout-rule; without one it does nothing."""
    gateway, caller = gateway_of(request), await authenticate(request)
    await gateway.payouts.rules.delete(gateway.catalog.creator(request.match_info["name"]).name, caller=caller)
    return web.Response(status=204)


def destination_body(destination: Destination, *, now: int) -> DestinationBody:
    """A destination as the API shows it: a change that has taken effect is the address."""
    pending = destination.pending_at(now)
    return DestinationBody(
        creator=destination.creator,
        address=destination.address_at(now),
        next_address=pending,
        next_at=when(destination.next_at) if pending else None,
    )


def _rule_body(rule: PayoutRule) -> PayoutRuleBody:
    return PayoutRuleBody(
        creator=rule.creator,
        threshold_msat=rule.threshold_msat,
        interval=rule.interval.value,
        next_at=rfc3339(rule.next_at),
    )
