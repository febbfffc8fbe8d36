"""The table of the API's routes, from which the router and the OpenAPI document are made, and the pages' routes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from aiohttp import web

from gateway.rates.rate import Rate
from gateway.web import operations
from gateway.web.admin import audit, creators, destinations, items, nodes, payments, payouts, purges, refunds
from gateway.web.admin.bodies import (
    AuditBody,
    BalanceBody,
    CreatorBody,
    CreatorRequest,
    NodeBody,
    NodeChange,
    PaymentBody,
    PurgeBody,
    PurgeRequest,
    SuspenseBody,
    SuspenseRequest,
)
from gateway.web.admin.item_bodies import AdminItemBody, ItemChange, ItemRequest
from gateway.web.admin.payout_bodies import (
    DestinationBody,
    DestinationRequest,
    PauseBody,
    PauseRequest,
    PayoutBody,
    PayoutFindingBody,
    PayoutRequest,
    PayoutRuleBody,
    PayoutRuleRequest,
    RecordRequest,
    RefundBody,
    RefundRecordRequest,
    RefundRequest,
    ResolveRequest,
    ResumeRequest,
)
from gateway.web.api import content, identity, invoices, rate, receipts, recoveries, wallets
from gateway.web.api import refunds as api_refunds
from gateway.web.api.bodies import (
    CreatorCard,
    InvoiceBody,
    ItemBody,
    LinkBody,
    ReceiptBody,
    RecoveryBody,
    RecoveryRequest,
    RefundClaim,
    RefundOffer,
    TipRequest,
)
from gateway.web.api.items import read_creator, read_item
from gateway.web.embed.files import Embed
from gateway.web.embed.snippet import add_snippets
from gateway.web.http.application import GATEWAY
from gateway.web.http.bodies import BODY_LIMITS, MOST_BYTES
from gateway.web.http.render import add_globals, add_templates
from gateway.web.pages import item, tip
from gateway.web.pages.problem import as_page
from gateway.web.pages.receipt import claim_refund, show_receipt
from gateway.web.pages.recover import ask_code, open_by_code
from gateway.web.pages.share_image import PATH as PICTURE
from gateway.web.pages.share_image import send_card

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Proof = Literal["none", "token", "key"]

KEY_HOLDERS_BYTES = 64 * 1024
_ISSUING = (404, 409, 422, 429, 503)
_ADMIN = (401, 403)
_K1 = {"k1": {"type": "string"}}
_CHANGING = (400, *_ADMIN, 404, 409, 413, 415, 422, 503)


def _page(most: int) -> dict[str, dict[str, Any]]:
    """The query of a list that is read page by page, the newest first."""
    return {
        "before": {"type": "string"},
        "limit": {"type": "integer", "minimum": 0, "maximum": most},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API.

    `gives` is the type or media type of the body sent with `status`; `refusals` are the statuses of problem documents.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    takes: Any = None
    gives: Any = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    proof: Proof = "none"
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """The required parameters of `query`."""
    idempotent: bool = False
    most_bytes: int = 0
    """The body limit in bytes; 0 for the default of the route's proof."""

    def most(self) -> int:
        """The body limit in bytes."""
        return self.most_bytes or (KEY_HOLDERS_BYTES if self.proof == "key" else MOST_BYTES)


API = (
    Route(method="GET", path="/v1/items/{item_id}/content", handler=content.read_content,
          summary="An item's content, with a token; otherwise a challenge to pay", gives="*/*", proof="token",
          refusals=(401, 402, 403, 404, 429, 503)),
    Route(method="GET", path="/v1/items/{item_id}", handler=read_item,
          summary="An item's public part: price and preview", gives=ItemBody, refusals=(404,)),
    Route(method="POST", path="/v1/items/{item_id}/invoices", handler=invoices.create_invoice,
          summary="Create an invoice for an item, at the item's price", gives=InvoiceBody, status=201,
          refusals=(400, 403, *_ISSUING), idempotent=True),
    Route(method="GET", path="/v1/creators/{name}", handler=read_creator,
          summary="A creator's public profile", gives=CreatorCard, refusals=(404,)),
    Route(method="POST", path="/v1/creators/{name}/tips", handler=invoices.create_tip,
          summary="Create an invoice for a tip", takes=TipRequest, gives=InvoiceBody, status=201,
          refusals=(400, 413, 415, *_ISSUING), idempotent=True),
    Route(method="GET", path="/v1/invoices/{payment_hash}", handler=invoices.read_invoice,
          summary="An invoice and its state", gives=InvoiceBody, refusals=(404,)),
    Route(method="GET", path="/v1/invoices/{payment_hash}/events", handler=invoices.stream_events,
          summary="Server-sent events: the current state, then each change", gives="text/event-stream",
          refusals=(404, 429)),
    Route(method="GET", path="/v1/invoices/{payment_hash}/qr.svg", handler=invoices.draw_qr,
          summary="An invoice's QR code", gives="image/svg+xml", refusals=(404,)),
    Route(method="POST", path="/v1/items/{item_id}/links", handler=content.create_link,
          summary="Create a signed link to the content, valid for an hour", gives=LinkBody, proof="token",
          refusals=(401, 402, 403, 404)),
    Route(method="GET", path="/v1/items/{item_id}/download", handler=content.download,
          summary="Download through a signed link", gives="*/*", refusals=(402, 403, 404),
          query={name: {"type": "string"} for name in content.LINK_PARAMETERS}),
    Route(method="GET", path="/v1/receipt", handler=receipts.read_receipt,
          summary="A payment's receipt, for the holder of its token", gives=ReceiptBody, proof="token",
          refusals=(401, 402, 403, 404)),
    Route(method="POST", path="/v1/refunds/claim", handler=api_refunds.claim_refund,
          summary="Claim a refund to a wallet, with the payment's token", takes=RefundClaim, gives=RefundOffer,
          status=202, proof="token", refusals=(400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 503)),
    Route(method="GET", path="/v1/refunds/withdraw", handler=api_refunds.offer_withdrawal,
          summary="LNURL-withdraw: what a wallet may claim of a refund", gives="application/json", query=_K1),
    Route(method="GET", path="/v1/refunds/withdraw/callback", handler=api_refunds.withdraw,
          summary="LNURL-withdraw: pay a refund to an invoice", gives="application/json",
          query=_K1 | {"pr": {"type": "string"}}),
    Route(method="POST", path="/v1/recoveries", handler=recoveries.create_recovery,
          summary="Create a new token for a purchase, by recovery code", takes=RecoveryRequest,
          gives=RecoveryBody, refusals=(400, 404, 413, 415, 422, 429)),
    Route(method="GET", path="/v1/rate", handler=rate.read_rate,
          summary="The exchange rate in the currency of the accepted languages, or null",
          gives=Rate | None),
    Route(method="GET", path="/v1/wallets", handler=wallets.list_wallets, gives=list[wallets.WalletBody],
          summary="Wallets for readers who have none, by the accepted languages"),
    Route(method="GET", path="/v1/identity", handler=identity.read_identity,
          summary="Proof of which gateway answers, for holders of its keys", gives=identity.IdentityBody,
          refusals=(422,), query={"nonce": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}, needs=("nonce",)),
    Route(method="GET", path="/v1/admin/creators", handler=creators.list_creators, summary="List all creators",
          gives=list[CreatorBody], proof="key", refusals=_ADMIN),
    Route(method="POST", path="/v1/admin/creators", handler=creators.create_creator,
          summary="Create a creator with an API key", takes=CreatorRequest, gives=CreatorBody, status=201, proof="key",
          refusals=(400, *_ADMIN, 409, 413, 415, 422)),
    Route(method="POST", path="/v1/admin/creators/{name}/key", handler=creators.rotate_key,
          summary="Replace an API key; the old one is revoked at once", gives=CreatorBody, proof="key",
          refusals=(*_ADMIN, 404)),
    Route(method="GET", path="/v1/admin/items", handler=items.list_items, summary="List the items of the key's creator",
          gives=list[AdminItemBody], proof="key", refusals=_ADMIN),
    Route(method="POST", path="/v1/admin/items", handler=items.create_item, summary="Create an item",
          takes=ItemRequest, gives=AdminItemBody, status=201, proof="key", most_bytes=items.MOST_ITEM_BYTES,
          refusals=(400, *_ADMIN, 404, 409, 413, 415, 422)),
    Route(method="GET", path="/v1/admin/items/{item_id}", handler=items.read_own_item,
          summary="An item with what only its creator sees", gives=AdminItemBody, proof="key", refusals=(*_ADMIN, 404)),
    Route(method="PATCH", path="/v1/admin/items/{item_id}", handler=items.change_item,
          summary="Change, archive or restore an item; existing sales keep their terms", takes=ItemChange,
          gives=AdminItemBody, proof="key", most_bytes=items.MOST_ITEM_BYTES,
          refusals=(400, *_ADMIN, 404, 409, 413, 415, 422)),
    Route(method="GET", path="/v1/admin/items/{item_id}/content", handler=items.read_own_content,
          summary="An item's content, for its creator", gives="*/*", proof="key", refusals=(*_ADMIN, 404, 503)),
    Route(method="PUT", path="/v1/admin/items/{item_id}/content", handler=items.put_content,
          summary="Upload an item's content: Markdown for a text, any bytes for a file",
          takes="application/octet-stream", query={"file_name": {"type": "string"}},
          gives=AdminItemBody, proof="key", refusals=(*_ADMIN, 404, 409, 413, 422),
          most_bytes=items.MOST_CONTENT_BYTES),
    Route(method="GET", path="/v1/admin/payments", handler=payments.list_payments,
          summary="List payments and tips in the order of booking, or those with a receipt's number",
          gives=list[PaymentBody], proof="key", refusals=(*_ADMIN, 422), query={
              "after": {"type": "integer", "minimum": 0, "maximum": 2**62},
              "limit": {"type": "integer", "minimum": 0, "maximum": payments.MOST_PAYMENTS},
              "number": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9A-HJKMNP-TV-Z]{6}$"},
          }),
    Route(method="GET", path="/v1/admin/balances", handler=payments.list_balances,
          summary="List the balances owed to creators", gives=list[BalanceBody], proof="key", refusals=_ADMIN),
    Route(method="GET", path="/v1/admin/creators/{name}/destination", handler=destinations.read_destination,
          summary="Where a creator is paid", gives=DestinationBody, proof="key", refusals=(*_ADMIN, 404)),
    Route(method="PUT", path="/v1/admin/creators/{name}/destination", handler=destinations.put_destination,
          summary="Set where a creator is paid; a creator's own change takes effect after a delay",
          takes=DestinationRequest, gives=DestinationBody, proof="key", refusals=_CHANGING),
    Route(method="GET", path="/v1/admin/creators/{name}/payout-rule", handler=destinations.read_rule,
          summary="A creator's payout rule", gives=PayoutRuleBody, proof="key", refusals=(*_ADMIN, 404)),
    Route(method="PUT", path="/v1/admin/creators/{name}/payout-rule", handler=destinations.put_rule,
          summary="Pay a creator daily or weekly from a threshold on", takes=PayoutRuleRequest, gives=PayoutRuleBody,
          proof="key", refusals=_CHANGING),
    Route(method="DELETE", path="/v1/admin/creators/{name}/payout-rule", handler=destinations.delete_rule,
          summary="End a creator's payout rule", status=204, proof="key", refusals=(*_ADMIN, 404)),
    Route(method="GET", path="/v1/admin/payouts", handler=payouts.list_payouts, summary="List payouts, newest first",
          gives=list[PayoutBody], proof="key", refusals=(*_ADMIN, 422), query=_page(payouts.MOST_PAYOUTS)),
    Route(method="POST", path="/v1/admin/payouts", handler=payouts.create_payout,
          summary="Pay a creator out: an amount, or all", takes=PayoutRequest, gives=PayoutBody, status=201,
          proof="key", refusals=_CHANGING, idempotent=True),
    Route(method="POST", path="/v1/admin/payout-records", handler=payouts.record_payout,
          summary="Book a payout that was made by hand", takes=RecordRequest, gives=PayoutBody, status=201,
          proof="key", refusals=_CHANGING),
    Route(method="POST", path="/v1/admin/refund-records", handler=payouts.record_refund,
          summary="Book a refund that was paid by hand", takes=RefundRecordRequest, gives=PayoutBody, status=201,
          proof="key", refusals=_CHANGING),
    Route(method="PUT", path="/v1/admin/payout-pause", handler=payouts.pause_payouts,
          summary="Pause all payouts", takes=PauseRequest, gives=PauseBody, proof="key", refusals=_CHANGING),
    Route(method="POST", path="/v1/admin/payout-pause/end", handler=payouts.resume_payouts,
          summary="Resume payouts", takes=ResumeRequest, gives=PauseBody, proof="key", refusals=_CHANGING),
    Route(method="GET", path="/v1/admin/payout-pause/lacking", handler=payouts.list_lacking,
          summary="List payments of the nodes that the books lack since a restore", gives=list[PayoutFindingBody],
          proof="key", refusals=(*_ADMIN, 503)),
    Route(method="GET", path="/v1/admin/payouts/{payout_id}", handler=payouts.read_payout,
          summary="A payout and its tries", gives=PayoutBody, proof="key", refusals=(*_ADMIN, 404)),
    Route(method="POST", path="/v1/admin/payouts/{payout_id}/cancel", handler=payouts.cancel_payout,
          summary="Cancel a payout that was not sent yet", gives=PayoutBody, proof="key", refusals=(*_ADMIN, 404, 409)),
    Route(method="POST", path="/v1/admin/payouts/{payout_id}/retry", handler=payouts.retry_payout,
          summary="Try a waiting payout again now", gives=PayoutBody, proof="key", refusals=(*_ADMIN, 404, 409)),
    Route(method="POST", path="/v1/admin/payouts/{payout_id}/resolve", handler=payouts.resolve_payout,
          summary="End a payout of which its node knows nothing", takes=ResolveRequest, gives=PayoutBody, proof="key",
          refusals=_CHANGING),
    Route(method="GET", path="/v1/admin/refunds", handler=refunds.list_refunds, summary="List refunds, newest first",
          gives=list[RefundBody], proof="key", refusals=(*_ADMIN, 422), query=_page(refunds.MOST_REFUNDS)),
    Route(method="PUT", path="/v1/admin/payments/{payment_hash}/refund", handler=refunds.create_refund,
          summary="Offer a payment back to its payer; what it bought closes", takes=RefundRequest, gives=RefundBody,
          proof="key", refusals=_CHANGING),
    Route(method="GET", path="/v1/admin/nodes/{node_id}/payouts", handler=payouts.audit_payouts,
          summary="Compare every payout with its node", gives=list[PayoutFindingBody], proof="key",
          refusals=(*_ADMIN, 404, 409, 503)),
    Route(method="GET", path="/v1/admin/nodes", handler=nodes.list_nodes, summary="List the LND nodes",
          gives=list[NodeBody], proof="key", refusals=_ADMIN),
    Route(method="PATCH", path="/v1/admin/nodes/{node_id}", handler=nodes.change_node,
          summary="Drain a node, or put it back into service", takes=NodeChange, gives=NodeBody, proof="key",
          refusals=(400, *_ADMIN, 404, 413, 415, 422)),
    Route(method="GET", path="/v1/admin/nodes/{node_id}/audit", handler=audit.audit_books,
          summary="Compare the books with a node", gives=AuditBody, proof="key", refusals=(*_ADMIN, 404, 503)),
    Route(method="POST", path="/v1/admin/suspense", handler=audit.book_lacking,
          summary="Book a settlement that is missing from the books", takes=SuspenseRequest, gives=SuspenseBody,
          status=201, proof="key", refusals=(400, *_ADMIN, 404, 409, 413, 415, 422, 503)),
    Route(method="POST", path="/v1/admin/purges", handler=purges.purge,
          summary="Delete expired records", takes=PurgeRequest, gives=PurgeBody,
          proof="key", refusals=(400, *_ADMIN, 413, 415, 422, 503)),
    Route(method="DELETE", path="/v1/admin/creators/{name}/notes", handler=purges.purge_notes,
          summary="Delete the notes to a creator's tips", gives=PurgeBody, proof="key",
          refusals=(*_ADMIN, 404)),
    Route(method="GET", path="/healthz", handler=operations.alive, summary="Liveness",
          gives=dict[str, bool]),
    Route(method="GET", path="/readyz", handler=operations.ready, summary="Readiness, and the faults",
          gives=dict[str, Any], refusals=(503,)),
    Route(method="GET", path="/metrics", handler=operations.metrics, summary="Prometheus metrics", gives="text/plain",
          refusals=(401,)),
)  # fmt: skip


def add_routes(app: web.Application) -> None:
    """Add the API, the pages and the static files to an application."""
    for route in API:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    app[BODY_LIMITS] = MappingProxyType({route.handler: route.most() for route in API})
    app.router.add_get("/v1/identity/events", identity.stream_identity)
    _add_pages(app)


def _add_pages(app: web.Application) -> None:
    """Add the pages, their templates and their static files."""
    add_templates(app, public_path=app[GATEWAY].config.public_path)
    embed = Embed()
    embed.add_to(app)
    add_globals(app, page_script=embed.url("hosted.js"))
    add_snippets(app, embed)
    app.router.add_get("/i/{item_id}", as_page(item.show_item))
    app.router.add_post("/i/{item_id}", as_page(item.buy_item))
    app.router.add_get("/t/{name}", as_page(tip.show_tip))
    app.router.add_post("/t/{name}", as_page(tip.send_tip))
    app.router.add_get(PICTURE, send_card)
    app.router.add_get("/r", as_page(show_receipt))
    app.router.add_post("/r", as_page(claim_refund))
    app.router.add_get("/recover", as_page(ask_code))
    app.router.add_post("/recover", as_page(open_by_code))
