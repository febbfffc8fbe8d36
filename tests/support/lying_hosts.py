"""A host of Lightning Addresses of which some do what none should, each in one way; every other name is honest."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from secrets import token_bytes

from aiohttp import web
from coincurve import PrivateKey

from gateway.demo.address_host import MAX_MSAT, MIN_MSAT, AddressHost, MakeInvoice, answer, metadata_of
from gateway.wire.bolt11.signing import encode
from gateway.wire.lnurl.pay import OfferedInvoice
from gateway.wire.lnurl.withdraw import Failure

INWARD_URL = "http://127.0.0.1:9/inward"
HUGE_BYTES = 70_000
LONG_AGO, IN_TIME = 1_600_000_000, 1_800_000_000

Behaviour = Callable[[AddressHost, web.Request], Awaitable[web.StreamResponse]]


class LyingHost(AddressHost):
    """Names of OFFERS lie in their offer, those of INVOICES in their invoice; `asked` are the paths asked for."""

    def __init__(self, make_invoice: MakeInvoice) -> None:
        super().__init__(make_invoice)
        self.asked: list[str] = []

    async def offer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        lie = OFFERS.get(request.match_info["name"])
        return await super().offer(request) if lie is None else await lie(self, request)

    async def invoice(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        lie = INVOICES.get(request.match_info["name"])
        return await super().invoice(request) if lie is None else await lie(self, request)


async def redirects(_: AddressHost, __: web.Request) -> web.StreamResponse:
    """Sends inward."""
    return web.Response(status=302, headers={"Location": INWARD_URL})


async def hangs(_: AddressHost, __: web.Request) -> web.StreamResponse:
    """Never answers; the end of the connection ends it."""
    await asyncio.Event().wait()
    raise AssertionError


async def is_huge(_: AddressHost, __: web.Request) -> web.StreamResponse:
    """Says more than anybody reads."""
    return web.Response(body=b'{"pr": "' + b"x" * HUGE_BYTES + b'"}')


async def refuses(_: AddressHost, __: web.Request) -> web.StreamResponse:
    """Says no, as LNURL does."""
    return answer(Failure("No such user"))


async def fails(_: AddressHost, __: web.Request) -> web.StreamResponse:
    """Is broken."""
    return web.Response(status=500, text="<h1>Internal Server Error</h1>")


def offering(**changes: object) -> Behaviour:
    """An offer that differs from an honest one in this."""

    async def offer(_: AddressHost, request: web.Request) -> web.StreamResponse:
        honest: dict[str, object] = {
            "tag": "payRequest",
            "callback": f"{request.scheme}://{request.host}/lnurlp/{request.match_info['name']}/invoice",
            "minSendable": MIN_MSAT,
            "maxSendable": MAX_MSAT,
            "metadata": metadata_of(request),
        }
        return web.json_response(honest | changes)

    return offer


def making(*, amount: Callable[[int], int] = int, describes: str | None = None) -> Behaviour:
    """An invoice of the host's node for another amount, or of another description."""

    async def invoice(host: AddressHost, request: web.Request) -> web.StreamResponse:
        description = metadata_of(request) if describes is None else describes
        description_hash = sha256(description.encode()).digest()
        return answer(
            OfferedInvoice(pr=await host.make_invoice(amount(int(request.query["amount"])), description_hash))
        )

    return invoice


def signing(*, prefix: str = "lnbcrt", created_at: int = IN_TIME) -> Behaviour:
    """An invoice of a node that nobody knows."""

    async def invoice(_: AddressHost, request: web.Request) -> web.StreamResponse:
        payment_request = encode(
            PrivateKey(b"\x07" * 32),
            prefix=prefix,
            amount_msat=int(request.query["amount"]),
            created_at=created_at,
            expiry_seconds=3600,
            payment_hash=token_bytes(32),
            payment_secret=token_bytes(32),
            description="",
            description_hash=sha256(metadata_of(request).encode()).digest(),
            min_final_cltv=80,
        )
        return answer(OfferedInvoice(pr=payment_request))

    return invoice


async def says_nonsense(_: AddressHost, __: web.Request) -> web.StreamResponse:
    """Answers with what is no invoice."""
    return answer(OfferedInvoice(pr="lnbcrt1nonsense"))


OFFERS: dict[str, Behaviour] = {
    "redirects": redirects,
    "hangs": hangs,
    "huge": is_huge,
    "refuses": refuses,
    "fails": fails,
    "no-range": offering(minSendable=2_000, maxSendable=1_000),
    "takes-nothing": offering(minSendable=0, maxSendable=0),
    "takes-much": offering(minSendable=MAX_MSAT),
    "takes-little": offering(maxSendable=MIN_MSAT),
    "withdraws": offering(tag="withdrawRequest"),
    "describes-nothing": offering(metadata="[]"),
    "calls-inward": offering(callback=INWARD_URL),
    "calls-nowhere": offering(callback="javascript:alert(1)"),
}
INVOICES: dict[str, Behaviour] = {
    "redirects-later": redirects,
    "hangs-later": hangs,
    "huge-later": is_huge,
    "refuses-later": refuses,
    "fails-later": fails,
    "nonsense": says_nonsense,
    "more": making(amount=lambda msat: msat * 2),
    "a-little-more": making(amount=lambda msat: msat + 1),
    "less": making(amount=lambda msat: msat - 1),
    "any-amount": making(amount=lambda _: 0),
    "other-description": making(describes="another"),
    "mainnet": signing(prefix="lnbc"),
    "expired": signing(created_at=LONG_AGO),
    "unreachable": signing(),
}
