"""A gateway that sells a text and can pay it back, and the wallet of the reader who bought it."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.config import Config, load_config
from gateway.demo.address_host import AddressHost
from gateway.rows.payouts import Refund
from gateway.simulator.core import Simulator
from tests.payouts.world import paid_world
from tests.support.clock import FakeClock, until
from tests.support.site import Site, serve_app

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
CONTENT = "/v1/items/welcome/content"
CLAIM = "/v1/refunds/claim"
Headers = dict[str, str]


@dataclass(slots=True)
class Shop:
    """A site that sells `welcome` for 100 sat, the reader's wallet, and its Lightning Address."""

    site: Site
    wallet: Simulator
    address: str

    async def bought(self) -> tuple[str, Headers]:
        """The payment hash of a paid text, and the headers that present its token."""
        invoice, headers = await self.site.buy("welcome")
        await self.site.settle(invoice["payment_hash"])
        return invoice["payment_hash"], headers

    async def refund(self, payment_hash: str) -> None:
        """The operator offers a payment back, and every request knows it."""
        path = f"/v1/admin/payments/{payment_hash}/refund"
        status, refund = await self.site.call("PUT", path, json={"operator_pays": True}, headers=self.site.operator)
        assert (status, refund["state"]) == (200, "offered")
        await self.site.gateway.authorizer.refunded.refresh()

    async def refunded(self) -> tuple[str, Headers]:
        """A paid text that is offered back."""
        payment_hash, headers = await self.bought()
        await self.refund(payment_hash)
        return payment_hash, headers

    def invoice(self, amount_msat: int = 100_000, *, expiry_seconds: int = 600) -> str:
        """An invoice of the reader's wallet."""
        return self.wallet.add_invoice(
            preimage=b"", amount_msat=amount_msat, memo="", expiry_seconds=expiry_seconds
        ).payment_request

    def received_sat(self) -> int:
        """What the reader's wallet holds."""
        return self.wallet.liquidity().outbound_msat // 1_000

    async def row(self, payment_hash: str) -> Refund:
        """The refund's row."""
        row = await self.site.gateway.store.read(lambda tx: tx.refunds.get(payment_hash))
        assert row is not None
        return row

    async def is_in(self, payment_hash: str, state: str) -> None:
        """Wait until a refund is in a state, with all that the gateway can do now done."""

        async def reached() -> bool:
            await self.site.gateway.payouts.worker.look()
            await self.site.gateway.payouts.worker.settle_down()
            return (await self.row(payment_hash)).state.value == state

        await until(reached)


@pytest.fixture
def lightning(clock: FakeClock) -> tuple[Simulator, Simulator]:
    """The gateway's node, and the wallet's."""
    return paid_world(clock, secrets.token_bytes)


@pytest.fixture
def core(lightning: tuple[Simulator, Simulator]) -> Simulator:
    return lightning[0]


@pytest.fixture
async def wallet_host(lightning: tuple[Simulator, Simulator]) -> AsyncIterator[str]:
    """The host of the wallet's Lightning Address."""

    async def make_invoice(amount_msat: int, description_hash: bytes) -> str:
        return (
            lightning[1]
            .add_invoice(
                preimage=b"",
                amount_msat=amount_msat,
                memo="",
                expiry_seconds=600,
                description_hash=description_hash,
            )
            .payment_request
        )

    async with serve_app(AddressHost(make_invoice).app()) as url:
        yield url.removeprefix("http://")


@pytest.fixture
def config(tmp_path: Path, database_url: str, wallet_host: str) -> Config:
    return load_config(
        data_dir=tmp_path / "data", database_url=database_url, listen="127.0.0.1:8402", outgoing_allow=wallet_host
    )


@pytest.fixture
async def shop(site: Site, lightning: tuple[Simulator, Simulator], wallet_host: str) -> Shop:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return Shop(site, lightning[1], f"reader@{wallet_host}")
