"""A refused claim asks no node about what is damaged, is counted, and tells payers nothing that is the operator's."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from gateway.money import from_sat
from gateway.ports.node import NodeState
from gateway.wire.lnurl.addresses import write_lnurl
from tests.web.refunds.conftest import Headers, Shop
from tests.web.refunds.test_claims import WITHDRAW, ask, claim, k1_of
from tests.web.refunds.test_page import post

DAMAGED = "lnbcrt1damaged"
UNREADABLE = re.compile("does not read this invoice|is no whole invoice")
TOO_MANY = re.compile("This refund is claimed too fast|That was too many tries")
# What the operator alone is told: variables, commands, why payouts are paused, and how much is or was allowed.
FOR_THE_OPERATOR = re.compile(r"TUPPENCE_|`?tuppence |burgled|\b7[67]\b")

Claim = Callable[[str], Awaitable[tuple[int, str]]]


async def by_token(shop: Shop, headers: Headers) -> Claim:
    """Over the API."""

    async def claim_it(destination: str) -> tuple[int, str]:
        status, answered = await claim(shop, headers, destination)
        return status, str(answered)

    return claim_it


async def by_wallet(shop: Shop, headers: Headers) -> Claim:
    """Over LNURL-withdraw."""
    k1 = await k1_of(shop, headers)

    async def claim_it(destination: str) -> tuple[int, str]:
        return 200, str(await ask(shop, f"{WITHDRAW}/callback", k1=k1, pr=destination))

    return claim_it


async def by_page(shop: Shop, headers: Headers) -> Claim:
    """By the form of the receipt."""
    _, page = await shop.site.call("GET", "/r", headers=headers)
    return partial(post, shop, page, headers)


DOORS = [by_token, by_wallet, by_page]


@pytest.mark.parametrize("door", DOORS)
async def test_damaged_invoices_are_refused_without_a_node_and_five_a_minute(shop: Shop, door: Any) -> None:
    hash_, headers = await shop.refunded()
    claim_it = await door(shop, headers)
    # If it were asked, the refusal would say that it is away.
    shop.site.core.state = NodeState.ABSENT
    answers = [await claim_it(DAMAGED) for _ in range(20)]
    assert [bool(UNREADABLE.search(text)) for _, text in answers] == [True] * 5 + [False] * 15
    assert [bool(TOO_MANY.search(text)) for _, text in answers] == [False] * 5 + [True] * 15
    assert {status for status, _ in answers} == ({200} if door is by_wallet else {422, 429})
    shop.site.core.state = NodeState.READY
    shop.site.clock.advance(60)
    await claim_it(shop.invoice())
    await shop.is_in(hash_, "claimed")
    assert shop.received_sat() == 100


async def test_the_ways_to_claim_one_refund_share_one_limit_and_others_have_their_own(shop: Shop) -> None:
    _, headers = await shop.refunded()
    other_hash, other = await shop.refunded()
    ways = [await door(shop, headers) for door in DOORS]
    for claim_it in [*ways, *ways[:2]]:
        assert UNREADABLE.search((await claim_it(DAMAGED))[1])
    for claim_it in ways:
        assert TOO_MANY.search((await claim_it(shop.invoice()))[1])
    await claim(shop, other, shop.invoice())
    await shop.is_in(other_hash, "claimed")


async def pause(shop: Shop) -> None:
    await shop.site.gateway.payouts.pause.pause("the wallet was burgled")


async def lose_payers(shop: Shop) -> None:
    shop.site.gateway.payouts.nodes._payers.clear()


async def lose_funds(shop: Shop) -> None:
    shop.site.core.funds_msat = -1


async def lose_the_node(shop: Shop) -> None:
    shop.site.core.state = NodeState.LOCKED


async def cap(shop: Shop, **caps: int) -> None:
    requests = shop.site.gateway.payouts.requests
    requests.caps = replace(requests.caps, **{name: from_sat(77) for name in caps})


FAULTS: dict[str, Callable[[Shop], Awaitable[None]]] = {
    "payouts_paused": pause,
    "payouts_off": lose_payers,
    "no_node_able": lose_funds,
    "node_locked": lose_the_node,
    "payout_above_cap": partial(cap, most_msat=77),
    "account_day_cap": partial(cap, account_day_msat=77),
    "day_cap": partial(cap, day_msat=77),
}


@pytest.mark.parametrize("code", FAULTS)
async def test_payers_are_told_that_it_stays_theirs_and_nothing_of_the_operators(shop: Shop, code: str) -> None:
    hash_, headers = await shop.refunded()
    k1 = await k1_of(shop, headers)
    await FAULTS[code](shop)
    invoice = shop.invoice()
    status, problem = await claim(shop, headers, invoice)
    answered = await ask(shop, f"{WITHDRAW}/callback", k1=k1, pr=invoice)
    assert (status >= 400, problem["code"], answered["status"]) == (True, code, "ERROR")
    for text in (problem["detail"], answered["reason"]):
        assert "try again" in text
        assert not FOR_THE_OPERATOR.search(text)
    assert (await shop.row(hash_)).state.value == "offered"


@pytest.mark.parametrize("destination", ["alice@10.0.0.1", write_lnurl("https://10.0.0.1/"), ""])
async def test_a_payer_who_names_what_is_not_asked_is_asked_for_an_address(shop: Shop, destination: str) -> None:
    _, headers = await shop.refunded()
    # Its host is allowed, but by an LNURL there a payer would choose what is asked in the operator's network.
    allowed = write_lnurl(f"http://{shop.address.partition('@')[2]}/.well-known/lnurlp/reader")
    status, problem = await claim(shop, headers, destination or allowed)
    assert (status, problem["code"]) == (422, "url_refused")
    assert "Give a Lightning Address" in problem["detail"]
    assert not FOR_THE_OPERATOR.search(problem["detail"])
