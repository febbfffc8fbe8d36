"""A host of Lightning Addresses for payouts of the demo: every name is one, and all are paid at one node."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from aiohttp import web
from msgspec import Struct

from gateway.errors import Unavailable
from gateway.wire.lnurl.pay import OfferedInvoice, PayRequest
from gateway.wire.lnurl.withdraw import Failure

HOST = "127.0.0.1"
MIN_MSAT, MAX_MSAT = 1_000, 1_000_000_000

MakeInvoice = Callable[[int, bytes], Awaitable[str]]
"""Makes an invoice of so many msat with a description hash of 32 bytes; returns its payment request.

Raises `Unavailable`.
"""


class AddressHost:
    """Offers every name of its host, and makes their invoices (LUD-06, LUD-16)."""

    def __init__(self, make_invoice: MakeInvoice) -> None:
        self.make_invoice = make_invoice

    def app(self) -> web.Application:
        """The application that serves it."""
        app = web.Application()
        app.router.add_get("/.well-known/lnurlp/{name}", self.offer)
        app.router.add_get("/lnurlp/{name}/invoice", self.invoice)
        return app

    async def offer(self, request: web.Request) -> web.StreamResponse:
        """GET /.well-known/lnurlp/{name}: what the name takes."""
        name = request.match_info["name"]
        return answer(
            PayRequest(
                tag="payRequest",
                callback=f"{request.scheme}://{request.host}/lnurlp/{name}/invoice",
                min_sendable=MIN_MSAT,
                max_sendable=MAX_MSAT,
                metadata=metadata_of(request),
            )
        )

    async def invoice(self, request: web.Request) -> web.StreamResponse:
        """GET /lnurlp/{name}/invoice?amount=msat: an invoice of this amount."""
        amount = request.query.get("amount", "")
        if not amount.isascii() or not amount.isdecimal() or not MIN_MSAT <= int(amount) <= MAX_MSAT:
            return answer(Failure(f"Ask for an amount from {MIN_MSAT} to {MAX_MSAT} msat."))
        description_hash = sha256(metadata_of(request).encode()).digest()
        try:
            return answer(OfferedInvoice(pr=await self.make_invoice(int(amount), description_hash)))
        except Unavailable as error:
            return answer(Failure(error.detail))


def metadata_of(request: web.Request) -> str:
    """The metadata of the name that a request asks for."""
    name = request.match_info["name"]
    return json.dumps([["text/plain", f"Payout to {name}"], ["text/identifier", f"{name}@{request.host}"]])


def answer(said: Struct) -> web.Response:
    """An answer of LNURL, which has status 200 whatever it says."""
    return web.Response(
        body=msgspec.json.encode(said),
        content_type="application/json",
        headers={"Access-Control-Allow-Origin": "*"},
    )


@asynccontextmanager
async def serve_addresses(make_invoice: MakeInvoice, kept_port: Path) -> AsyncIterator[str]:
    """Serve every Lightning Address `name@host` on loopback as long as the block; gives the host, `127.0.0.1:port`.

    `kept_port` is the file of the port, which stays the same while it is free, so that addresses do.
    """
    runner = web.AppRunner(AddressHost(make_invoice).app(), access_log=None)
    await runner.setup()
    try:
        if kept_port.exists():
            with suppress(OSError):
                await web.TCPSite(runner, HOST, int(kept_port.read_text())).start()
        if not runner.addresses:
            await web.TCPSite(runner, HOST, 0).start()
        port = runner.addresses[0][1]
        kept_port.write_text(str(port))
        yield f"{HOST}:{port}"
    finally:
        await runner.cleanup()
