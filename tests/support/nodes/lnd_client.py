"""A client of the simulated node with short deadlines, and what tests of it do again and again."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import Unavailable
from gateway.lnd.client import LndNode
from gateway.lnd.liveness import Timing
from gateway.money import Msat
from gateway.simulator.server import SimulatedLnd

QUICK = Timing(
    page_seconds=5,
    add_seconds=5,
    repeat_seconds=5,
    probe_seconds=1,
    probe_interval_seconds=0.05,
    watch_interval_seconds=0.1,
)
PREIMAGE = b"p" * 32


@asynccontextmanager
async def client(
    simulated: SimulatedLnd, *, timing: Timing = QUICK, target: str = "", macaroon: Path | None = None
) -> AsyncIterator[LndNode]:
    node = LndNode(
        node_id="lnd",
        target=target or simulated.target,
        tls_cert=simulated.tls_cert_path,
        macaroon=macaroon or simulated.macaroon_path,
        timing=timing,
    )
    try:
        yield node
    finally:
        await node.close()


async def add(node: LndNode, preimage: bytes = PREIMAGE) -> str:
    invoice = await node.add_invoice(preimage, amount_msat=Msat(1000), memo="memo", expiry_seconds=600)
    return invoice.payment_hash


async def refusal(call: Awaitable[object]) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await call
    return caught.value


async def is_answered(call: Awaitable[object]) -> bool:
    """Whether a call got through."""
    try:
        await call
    except Unavailable:
        return False
    return True
