"""The demo's creators as payees: a second simulated node, and Lightning Addresses that are paid there."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.demo.address_host import serve_addresses
from gateway.ports.clock import Clock
from gateway.ports.random_bytes import RandomBytes
from gateway.simulator.core import Simulator

EXPIRY_SECONDS = 600


@asynccontextmanager
async def serve_simulated_payee(
    payer: Simulator, folder: Path, *, clock: Clock, random_bytes: RandomBytes = secrets.token_bytes
) -> AsyncIterator[str]:
    """Serve addresses of a new node in the payer's network as long as the block; gives their host."""
    node = Simulator(clock=clock, random_bytes=random_bytes, network=payer.network)

    async def make_invoice(amount_msat: int, description_hash: bytes) -> str:
        row = node.add_invoice(
            preimage=b"",
            amount_msat=amount_msat,
            memo="",
            expiry_seconds=EXPIRY_SECONDS,
            description_hash=description_hash,
        )
        return row.payment_request

    async with serve_addresses(make_invoice, folder / "addresses.port") as host:
        yield host
