"""T14 on a real LND: payments around the expiry of their invoices, or at a price that is no more."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.ports.node import NodeInvoiceState
from gateway.regtest.network import Network
from gateway.regtest.wallet import LndWallet
from tests.contract.nodes import ContractNode, NotPaid, real_side
from tests.real.shop import Shop, open_shop
from tests.support.clock import until

# One that certainly settles, and thirty rounds.
OFFSETS_SECONDS = (-10, *(-1, 0, 1) * 10)
PRICE_MSAT = 100_000
PATIENCE_SECONDS = 90.0

pytestmark = pytest.mark.regtest


@pytest.fixture
async def hasty_shop(network: Network, wallet: LndWallet, tmp_path: Path) -> AsyncIterator[Shop]:
    variables = {"TUPPENCE_INVOICE_EXPIRY_SECONDS": "30", "TUPPENCE_INVOICES_PER_CLIENT": "100/second"}
    async with open_shop(
        tmp_path, network, wallet, {**variables, "TUPPENCE_OPEN_INVOICES_PER_CLIENT": "100"}
    ) as opened:
        yield opened


async def test_whatever_lnd_takes_around_expiry_is_credited_and_opens(hasty_shop: Shop, network: Network) -> None:
    invoices = [await hasty_shop.invoice() for _ in OFFSETS_SECONDS]
    async with real_side(network) as merchant:
        await asyncio.gather(*map(pay_late, [merchant] * len(invoices), invoices, OFFSETS_SECONDS))
        taken = [await is_taken(merchant, invoice["payment_hash"]) for invoice in invoices]
    assert taken[0]
    paid = [invoice for invoice, is_paid in zip(invoices, taken, strict=True) if is_paid]

    async def are_credited() -> bool:
        return len((await hasty_shop.books())[0]) == len(paid)

    await until(are_credited)
    assert [await hasty_shop.opens(invoice) for invoice in invoices] == taken
    assert (await hasty_shop.books())[1] == {"alice": 70_000 * len(paid), "bob": 30_000 * len(paid)}


async def test_a_new_price_leaves_one_invoice_that_lnd_lets_be_paid(shop: Shop, network: Network) -> None:
    outdated = await shop.invoice()
    await shop.ask_operator("PATCH", "/v1/admin/items/a-little", json={"price_msat": 2 * PRICE_MSAT})
    bearer = {"Authorization": f"Bearer {outdated['access_token']}"}
    invoice = await shop.invoice(headers=bearer)
    async with real_side(network) as merchant:
        with pytest.raises(NotPaid):
            await merchant.pay(outdated["payment_request"], amount_msat=PRICE_MSAT)
        await merchant.pay(invoice["payment_request"], amount_msat=2 * PRICE_MSAT)
        assert not await is_taken(merchant, outdated["payment_hash"])

    async def is_credited() -> bool:
        return (await shop.books())[0] == [2 * PRICE_MSAT]

    await until(is_credited)
    assert (await shop.opens(outdated), await shop.opens(invoice)) == (False, True)


async def pay_late(merchant: ContractNode, invoice: dict[str, Any], offset_seconds: int) -> None:
    """Send the parts themselves at that instant: a wallet that reads the invoice would look at the clock first."""
    at = datetime.fromisoformat(invoice["expires_at"]).timestamp() + offset_seconds
    await until(lambda: time.time() >= at, patience_seconds=PATIENCE_SECONDS)
    with suppress(NotPaid):
        await merchant.pay(invoice["payment_request"], amount_msat=PRICE_MSAT)


async def is_taken(merchant: ContractNode, payment_hash: str) -> bool:
    """LND's last word, once it has one."""
    states: list[NodeInvoiceState] = []

    async def is_final() -> bool:
        row = await merchant.node.lookup(payment_hash)
        states.append(NodeInvoiceState.CANCELED if row is None else row.state)
        return states[-1] in {NodeInvoiceState.SETTLED, NodeInvoiceState.CANCELED}

    await until(is_final, patience_seconds=PATIENCE_SECONDS)
    return states[-1] is NodeInvoiceState.SETTLED
