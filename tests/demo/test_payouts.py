"""The demo's second creator is paid out at a press, and at the same host after every start."""

from typing import Any

import pytest

from gateway.books.ledger import creator_account
from gateway.catalog.api_keys import OPERATOR
from gateway.demo.content import EDITOR, seed
from gateway.payouts.destinations import set_destination
from tests.demo.conftest import NOBODY
from tests.support.clock import until
from tests.support.databases import broken_invariants
from tests.support.site import Site

TOMAS = {"creator": EDITOR}


async def sell_essay(demo: Site) -> dict[str, Any]:
    """What the panel shows after a payment of the essay."""
    invoice, _ = await demo.buy("welcome")
    await demo.settle(invoice["payment_hash"])
    _, payment = await demo.call("GET", f"/demo/payments/{invoice['payment_hash']}")
    return dict(payment)


async def paid_out(demo: Site) -> dict[str, Any]:
    """A payout of all that Tomas has, once it has ended."""
    status, payout = await demo.call("POST", "/demo/payouts", json=TOMAS)
    assert (status, payout["state"]) == (201, "trying")
    path = f"/demo/payouts/{payout['payout_id']}"

    async def has_ended() -> bool:
        return bool((await demo.call("GET", path))[1]["state"] != "trying")

    await until(has_ended)
    return dict((await demo.call("GET", path))[1])


async def balance_msat(demo: Site) -> int:
    return await demo.gateway.store.read(lambda tx: tx.ledger.balance_msat(creator_account(EDITOR)))


async def test_what_the_essay_earned_him_arrives_at_his_own_wallet_and_the_books_agree(demo: Site) -> None:
    payment = await sell_essay(demo)
    assert payment["payable"] == {"amount_msat": 29_000, "fee_limit_msat": 1_000}
    outbound_msat = demo.core.liquidity().outbound_msat
    payout = await paid_out(demo)
    assert (payout["state"], payout["amount_msat"], payout["reason"]) == ("succeeded", 29_000, "")
    assert outbound_msat - demo.core.liquidity().outbound_msat == 29_000 + payout["fee_msat"]
    assert await balance_msat(demo) == 30_000 - 29_000 - payout["fee_msat"]
    assert broken_invariants(demo.gateway.config.database_url) == []


async def test_a_payout_to_a_host_that_is_away_says_why_and_his_sats_are_back(demo: Site) -> None:
    await sell_essay(demo)
    await set_address(demo, f"tomas@{NOBODY}")
    payout = await paid_out(demo)
    assert (payout["state"], payout["reason"]) == ("waiting", "host_away")
    assert await balance_msat(demo) == 30_000


@pytest.mark.parametrize(
    ("creator", "refusal"),
    [
        (EDITOR, (409, "balance_too_low")),
        ("nora", (404, "destination_missing")),
        ("nobody", (404, "creator_not_found")),
    ],
)
async def test_a_payout_that_cannot_be_is_refused_with_a_reason(
    demo: Site, creator: str, refusal: tuple[int, str]
) -> None:
    status, problem = await demo.call("POST", "/demo/payouts", json={"creator": creator})
    assert (status, problem["code"]) == refusal
    assert problem["detail"].endswith(".")


async def test_no_other_site_pays_anybody_out(demo: Site) -> None:
    await sell_essay(demo)
    headers = {"Origin": "https://evil.example"}
    assert (await demo.call("POST", "/demo/payouts", json=TOMAS, headers=headers))[0] == 403
    assert (await demo.call("POST", "/demo/payouts", data=TOMAS))[0] == 415
    assert await balance_msat(demo) == 30_000


async def test_a_payment_that_earned_him_nothing_offers_no_payout(demo: Site) -> None:
    _, tip = await demo.call("POST", "/v1/creators/nora/tips", json={"amount_msat": 21_000})
    await demo.settle(tip["payment_hash"])
    _, payment = await demo.call("GET", f"/demo/payments/{tip['payment_hash']}")
    assert payment["payable"] is None


async def test_a_start_at_another_port_moves_his_address_and_keeps_one_elsewhere(demo: Site, payee_host: str) -> None:
    await set_address(demo, f"tomas@{NOBODY}")
    await seed(demo.gateway, payee_host=payee_host)
    assert await address(demo) == f"tomas@{payee_host}"
    await set_address(demo, "tomas@wallet.example")
    await seed(demo.gateway, payee_host=payee_host)
    assert await address(demo) == "tomas@wallet.example"


async def set_address(demo: Site, to: str) -> None:
    hosts = demo.gateway.payouts.hosts
    now = demo.gateway.now()
    await set_destination(
        demo.gateway.store, hosts, creator=EDITOR, address=to, caller=OPERATOR, now=now, delay_seconds=0
    )


async def address(demo: Site) -> str:
    found = await demo.gateway.store.read(lambda tx: tx.destinations.get(EDITOR))
    assert found is not None
    return found.address_at(demo.gateway.now())
