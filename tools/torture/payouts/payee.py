"""The creators' payee: a real node that takes what it is paid, at once or after a while, or refuses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from random import Random

import grpc
from lndgrpc.compiled import invoices_pb2, lightning_pb2

from gateway.demo.address_host import serve_addresses
from gateway.errors import Unavailable
from gateway.regtest.node import CALL_SECONDS, Node
from tests.real.payees import received

EXPIRY_SECONDS = 180
AWAY, HELD, REFUSED = 0.1, 0.5, 0.3
"""The part of requests that get no invoice, of invoices whose payment is held, and of these that are refused."""
HELD_SECONDS = (0.5, 5.0, 30.0, 100.0)
LOOK_SECONDS = 0.5
ENDED = (lightning_pb2.Invoice.SETTLED, lightning_pb2.Invoice.CANCELED)


@asynccontextmanager
async def serve_payee(node: Node, kept_port: Path, rng: Random) -> AsyncIterator[str]:
    """Serve Lightning Addresses of the node as long as the block; gives their host."""
    payee = Payee(node, rng)
    async with serve_addresses(payee.make_invoice, kept_port) as host:
        try:
            yield host
        finally:
            await payee.close()


class Payee:
    """Makes invoices of a node, and ends those whose payments it holds."""

    def __init__(self, node: Node, rng: Random) -> None:
        self._node, self._rng = node, rng
        self._ending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End nothing any more."""
        for task in self._ending:
            task.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def make_invoice(self, amount_msat: int, description_hash: bytes) -> str:
        """An invoice whose end is drawn. Raises `Unavailable`."""
        if self._rng.random() < AWAY:
            raise Unavailable("payee_away", "No invoice now.")
        try:
            if self._rng.random() < HELD:
                return await self._make_held(amount_msat, description_hash)
            request = lightning_pb2.Invoice(
                value_msat=amount_msat, description_hash=description_hash, expiry=EXPIRY_SECONDS
            )
            return str((await self._node.lightning.AddInvoice(request, timeout=CALL_SECONDS)).payment_request)
        except grpc.aio.AioRpcError as error:
            raise Unavailable("payee_away", f"The payee's node does not answer ({error.code().name}).") from error

    async def _make_held(self, amount_msat: int, description_hash: bytes) -> str:
        preimage = self._rng.randbytes(32)
        request = invoices_pb2.AddHoldInvoiceRequest(
            hash=sha256(preimage).digest(),
            value_msat=amount_msat,
            description_hash=description_hash,
            expiry=EXPIRY_SECONDS,
        )
        payment_request = (await self._node.invoices.AddHoldInvoice(request, timeout=CALL_SECONDS)).payment_request
        task = asyncio.create_task(
            self._end(preimage, seconds=self._rng.choice(HELD_SECONDS), is_taken=self._rng.random() >= REFUSED)
        )
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return str(payment_request)

    async def _end(self, preimage: bytes, *, seconds: float, is_taken: bool) -> None:
        """Hold the payment of an invoice so long, once it is there, then take or refuse it."""
        payment_hash, state = sha256(preimage).digest(), lightning_pb2.Invoice.OPEN
        while state not in ENDED:
            with suppress(grpc.aio.AioRpcError):
                state = (await received(self._node, payment_hash.hex())).state
                if state == lightning_pb2.Invoice.ACCEPTED:
                    await asyncio.sleep(seconds)
                    await (self._take(preimage) if is_taken else self._refuse(payment_hash))
            await asyncio.sleep(LOOK_SECONDS)

    async def _take(self, preimage: bytes) -> None:
        await self._node.invoices.SettleInvoice(invoices_pb2.SettleInvoiceMsg(preimage=preimage), timeout=CALL_SECONDS)

    async def _refuse(self, payment_hash: bytes) -> None:
        request = invoices_pb2.CancelInvoiceMsg(payment_hash=payment_hash)
        await self._node.invoices.CancelInvoice(request, timeout=CALL_SECONDS)
