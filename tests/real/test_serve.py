"""`tuppence serve` on a real LND: a payment is credited once, whoever dies between payment and credit."""

import asyncio

import pytest

from gateway.regtest.network import Network
from tests.contract.nodes import real_side
from tests.real.shop import INVOICES, Shop, is_sold_once
from tests.support.clock import until

pytestmark = pytest.mark.regtest

AT_ONCE_SECONDS = 2.0


async def test_what_is_paid_while_the_gateway_is_gone_is_credited_once(shop: Shop) -> None:
    invoice = await shop.invoice()
    await shop.kill()
    await shop.wallet.pay(invoice["payment_request"])
    assert shop.has_booked_nothing()
    await shop.serve()
    await is_sold_once(shop, invoice)


async def test_what_was_paid_and_not_credited_when_the_gateway_was_killed_is_credited_once(shop: Shop) -> None:
    invoice = await shop.invoice()
    shop.freeze()
    await shop.wallet.pay(invoice["payment_request"])
    await shop.kill()
    assert shop.has_booked_nothing()
    await shop.serve()
    await is_sold_once(shop, invoice)


@pytest.mark.parametrize("crash", [False, True])
async def test_what_was_paid_and_not_credited_when_the_node_restarted_is_credited_once(
    shop: Shop, network: Network, crash: bool
) -> None:
    invoice = await shop.invoice()
    shop.freeze()
    await shop.wallet.pay(invoice["payment_request"])
    await network.restart_node("merchant", crash=crash)
    assert shop.has_booked_nothing()
    shop.thaw()
    await is_sold_once(shop, invoice)
    await until(shop.sells)


async def test_while_the_node_is_away_readers_are_told_at_once_and_what_was_paid_opens(
    shop: Shop, network: Network
) -> None:
    paid = await shop.invoice()
    await shop.wallet.pay(paid["payment_request"])
    await is_sold_once(shop, paid)
    await network.stop_node("merchant")
    async with asyncio.timeout(AT_ONCE_SECONDS), shop.session.post(shop.address + INVOICES) as response:
        problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (503, "node_away")
    assert int(response.headers["Retry-After"]) > 0
    assert await shop.opens(paid)
    await shop.kill()
    await shop.serve()
    assert await shop.opens(paid)
    assert (await shop.call("GET", "/readyz"))[0] == 503
    await network.start_node("merchant")
    await until(shop.sells)


async def test_a_tip_of_a_chosen_amount_is_credited_to_its_creator(shop: Shop) -> None:
    tip = await shop.invoice("/v1/creators/bob/tips", json={"amount_msat": 21_000, "message": "thank you"})
    await shop.wallet.pay(tip["payment_request"])

    async def is_settled() -> bool:
        return bool((await shop.call("GET", f"/v1/invoices/{tip['payment_hash']}"))[1]["state"] == "settled")

    await until(is_settled)
    assert await shop.books() == ([21_000], {"bob": 21_000})


async def test_what_is_paid_beyond_the_price_is_shared_too(shop: Shop, network: Network) -> None:
    invoice = await shop.invoice()
    async with real_side(network) as merchant:
        await merchant.pay(invoice["payment_request"], amount_msat=150_000)
    await until(lambda: shop.opens(invoice))
    assert await shop.books() == ([150_000], {"alice": 105_000, "bob": 45_000})


async def test_the_admin_macaroon_is_refused_with_a_command_that_bakes_one_that_sells(
    shop: Shop, network: Network
) -> None:
    await shop.kill()
    admin = network.credentials("merchant")
    status, told = await shop.shell.type("serve", TUPPENCE_LND_MACAROON=str(admin.macaroon))
    assert (status, "macaroon_spends" in told) == (1, True), told
    bake, _, _ = told[told.index("lncli ") :].partition("or set")
    node = [f"--lnddir={network.folder / 'merchant'}", f"--rpcserver={admin.target}", "--network=regtest"]
    baking = await asyncio.create_subprocess_exec(
        network.state.binaries.lncli, *node, *bake.split()[1:], cwd=shop.shell.folder
    )
    assert await baking.wait() == 0
    shop.shell.variables["TUPPENCE_LND_MACAROON"] = "tuppence.macaroon"
    await shop.serve()
    invoice = await shop.invoice()
    await shop.wallet.pay(invoice["payment_request"])
    await is_sold_once(shop, invoice)
    for command in ("doctor", "audit"):
        status, told = await shop.shell.type(command)
        assert status == 0, told
