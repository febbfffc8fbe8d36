"""The demo's routes: a wallet to pay with, the shares of each payment, payouts. They answer this machine only."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import PackageLoader
from msgspec import Struct

from gateway.access.receipts import booked_shares
from gateway.app.gateway import Gateway
from gateway.demo.content import EDITOR, ESSAY_ID
from gateway.demo.embedding_site import add_embedding_site, embedding_site_url
from gateway.demo.payouts import pay_out, payable, read_payout
from gateway.demo.settlement_times import SettlementTimes
from gateway.demo.wallet import STATUS, OutcomeUnknown, Wallet, WalletError
from gateway.errors import Forbidden
from gateway.rows import InvoiceState, rfc3339
from gateway.web.api.invoices import find_invoice
from gateway.web.http.application import gateway_of
from gateway.web.http.assets import Assets
from gateway.web.http.bodies import answer, read_body
from gateway.web.http.forwarded import is_local
from gateway.web.http.problems import problem
from gateway.web.http.render import add_loader

Mode = Literal["demo", "regtest"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAY_SECONDS = 30.0
CODES = {
    402: "no_route",
    409: "already_paid",
    410: "invoice_expired",
    422: "invoice_invalid",
    503: "wallet_away",
    504: "outcome_unknown",
}


class InvoiceRequest(Struct, forbid_unknown_fields=True):
    """The invoice that the wallet shall pay or decode."""

    invoice: str


@dataclass(frozen=True, slots=True)
class _Site:
    """The handlers, which share one wallet."""

    wallet: Wallet
    gateway: Gateway
    times: SettlementTimes

    async def pay(self, request: web.Request) -> web.Response:
        """POST /demo/pay {"invoice": …}: 200 with the preimage, or a problem with the reason."""
        asked = await read_body(request, InvoiceRequest)
        try:
            async with asyncio.timeout(PAY_SECONDS):
                preimage = await self.wallet.pay(asked.invoice)
        except WalletError as error:
            return _wallet_problem(error)
        except TimeoutError:
            return _wallet_problem(OutcomeUnknown("the payment is still under way after 30 s; look again in a while"))
        return answer({"preimage": preimage})

    async def decode(self, request: web.Request) -> web.Response:
        """POST /demo/decode {"invoice": …}: the decoded invoice."""
        asked = await read_body(request, InvoiceRequest)
        try:
            decoded = await self.wallet.decode(asked.invoice)
        except WalletError as error:
            return _wallet_problem(error)
        return answer(
            {
                "payment_hash": decoded.payment_hash,
                "amount_msat": decoded.amount_msat,
                "payee": decoded.payee,
                "description": decoded.description,
                "expires_at": rfc3339(int(decoded.expires_at.timestamp())),
            }
        )

    async def balance(self, _: web.Request) -> web.Response:
        """GET /demo/balance."""
        try:
            return answer({"balance_msat": await self.wallet.balance_msat()})
        except WalletError as error:
            return _wallet_problem(error)

    async def payment(self, request: web.Request) -> web.Response:
        """GET /demo/payments/{payment_hash}: the shares booked, and when the gateway saw the settlement.

        `payable` is what the second creator can be paid, if this payment has earned them something.
        """
        invoice = await find_invoice(request)
        shares = await booked_shares(self.gateway.store, self.gateway.catalog, invoice)
        settled = invoice.state is InvoiceState.SETTLED
        has_share = settled and any(share.creator == EDITOR for share in shares)
        return answer(
            {
                "payment_hash": invoice.payment_hash,
                "shares": shares if settled else [],
                "seen_at": self.times.reported_at(invoice.payment_hash),
                "payable": await payable(self.gateway) if has_share else None,
            }
        )


def add_demo(app: web.Application, wallet: Wallet, gateway: Gateway, times: SettlementTimes, mode: Mode) -> None:
    """Add the demo to a gateway's application, whose pages have been added before."""
    site = _Site(wallet, gateway, times)
    assets = Assets("gateway.demo", "/demo/static")
    embedding_site = embedding_site_url(gateway.config.public_url)
    loader = PackageLoader("gateway.demo")
    add_loader(app, loader, demo_mode=mode, demo_static=assets.url, embedding_site_url=embedding_site)
    add_embedding_site(app, assets.url)
    app.router.add_get("/", _to_essay)
    app.router.add_get("/demo/static/{name}", assets.answer)
    app.router.add_get("/demo/balance", _local(site.balance))
    app.router.add_get("/demo/payments/{payment_hash}", _local(site.payment))
    app.router.add_post("/demo/decode", _local(site.decode))
    app.router.add_post("/demo/pay", _local(site.pay))
    app.router.add_post("/demo/payouts", _local(pay_out))
    app.router.add_get("/demo/payouts/{payout_id}", _local(read_payout))


async def _to_essay(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": f"/i/{ESSAY_ID}"})


def _local(handler: Handler) -> Handler:
    """Restrict a handler to requests from this machine and from pages of this site."""

    async def answer_local(request: web.Request) -> web.StreamResponse:
        _check_local(request)
        return await handler(request)

    return answer_local


def _check_local(request: web.Request) -> None:
    """Raises `Forbidden` (`demo_closed`)."""
    if not is_local(request):
        raise Forbidden("demo_closed", "The demo's wallet answers this machine only; open the demo there.")
    ours = _hosts(request)
    # DNS rebinding: a foreign page reaches a server on this machine by a host name of its own.
    if not _is_among(request.host, ours):
        raise Forbidden("demo_closed", f"The demo's wallet answers under {' and '.join(sorted(ours))} only.")
    origin = request.headers.get("Origin")
    if origin is not None and not _is_among(urlsplit(origin).netloc, ours):
        raise Forbidden("demo_closed", "The demo's wallet pays for its own site's pages only.")


def _hosts(request: web.Request) -> set[str]:
    """The configured host, and the loopback names with the local port of the connection."""
    port = request.get_extra_info("sockname")[1]
    return {gateway_of(request).config.public_host, f"127.0.0.1:{port}", f"localhost:{port}"}


def _is_among(host: str, ours: set[str]) -> bool:
    return host.lower() in {known.lower() for known in ours}


def _wallet_problem(error: WalletError) -> web.Response:
    status = STATUS[type(error)]
    detail = str(error)
    return problem(status, CODES[status], f"{detail[:1].upper()}{detail[1:]}".rstrip(".") + ".")
