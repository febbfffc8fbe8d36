"""The steps that the contract suite is written in."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.money import Msat
from gateway.ports.node import IssuedInvoice, NodeInvoice, NodeInvoiceState
from tests.contract.nodes import CALL_SECONDS, ContractNode

OPEN, SETTLED, CANCELED, ACCEPTED = NodeInvoiceState
UNKNOWN_HASH = "00" * 32


async def issue(lnd: ContractNode, *, preimage: bytes = b"", expiry_seconds: int = 600) -> IssuedInvoice:
    preimage = preimage or secrets.token_bytes(32)
    return await lnd.node.add_invoice(
        preimage, amount_msat=Msat(1000), memo="creator · host", expiry_seconds=expiry_seconds
    )


async def has_state(lnd: ContractNode, invoice: IssuedInvoice, state: NodeInvoiceState) -> bool:
    found = await lnd.node.lookup(invoice.payment_hash)
    return found is not None and found.state is state


@asynccontextmanager
async def following(lnd: ContractNode) -> AsyncIterator[AsyncIterator[NodeInvoice]]:
    """A stream that is known to stand: LND says nothing of that, so invoices are issued until one is told."""
    async with aclosing(lnd.node.subscribe()) as stream:
        first = asyncio.ensure_future(anext(stream))
        async with asyncio.timeout(CALL_SECONDS):
            while not first.done():
                newest = await issue(lnd)
                await asyncio.wait([first], timeout=0.05)
        told = await first
        while told.add_index < newest.add_index:
            told = await anext(stream)
        yield stream


async def next_of(stream: AsyncIterator[NodeInvoice]) -> tuple[str, NodeInvoiceState]:
    async with asyncio.timeout(CALL_SECONDS):
        told = await anext(stream)
    return told.payment_hash, told.state


async def read(stream: Any) -> Any:
    """The next message of a raw stream."""
    async with asyncio.timeout(CALL_SECONDS):
        return await stream.read()


def invoice(**fields: Any) -> ln.Invoice:
    return ln.Invoice(**{"value_msat": 1000, "memo": "memo", "expiry": 60, **fields})


async def refused(call: Any, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(request, timeout=CALL_SECONDS)
    return caught.value.code().name, caught.value.details()
