"""An amount in the currency of who asks, where the operator has named a source of rates."""

from aiohttp import web

from gateway.rates.source import Rate
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.language import accepted, words_of


async def read_rate(request: web.Request) -> web.Response:
    """GET /v1/rate: where the asker's languages are spoken; null where nobody knows."""
    response = answer(_rate_for(request))
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Vary"] = "Accept-Language"
    return response


def in_fiat(request: web.Request, amount_msat: int) -> str:
    """`≈ €0.09`; nothing where nobody knows."""
    rate = _rate_for(request)
    return "" if rate is None else words_of(request).fiat(amount_msat, rate.currency, rate.per_bitcoin)


def _rate_for(request: web.Request) -> Rate | None:
    return gateway_of(request).rates.of(accepted(request.headers.get("Accept-Language", "")))
