"""The creator as a payee on a real LND node: Lightning Addresses of which every name is paid there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from lndgrpc.compiled import lightning_pb2

from gateway.demo.address_host import serve_addresses
from gateway.errors import Unavailable
from gateway.regtest.credentials import PAYEE_ENV, PAYEE_PREFIX, read_credentials
from gateway.regtest.node import CALL_SECONDS, Node

EXPIRY_SECONDS = 600


@asynccontextmanager
async def serve_payee(folder: Path) -> AsyncIterator[str]:
    """Serve addresses of the creator's node as long as the block; gives their host. Raises RegtestError."""
    async with Node(read_credentials(folder / PAYEE_ENV, PAYEE_PREFIX)) as node:

        async def make_invoice(amount_msat: int, description_hash: bytes) -> str:
            request = lightning_pb2.Invoice(
                value_msat=amount_msat, description_hash=description_hash, expiry=EXPIRY_SECONDS
            )
            try:
                answer = await node.lightning.AddInvoice(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                raise Unavailable("payee_away", f"The creator's node does not answer ({error.code().name}).") from error
            return str(answer.payment_request)

        async with serve_addresses(make_invoice, folder / "addresses.port") as host:
            yield host
