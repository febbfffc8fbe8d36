"""The exchange rate in the reader's currency, if the operator has configured a source."""

from aiohttp import web

from gateway.rates.source import Rate
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.language import accepted_tags


async def read_rate(request: web.Request) -> web.Response:
    """GET /v1/rate: the rate in the currency of the accepted languages; null if there is none."""
    response = answer(rate_for(request))
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Vary"] = "Accept-Language"
    return response


def rate_for(request: web.Request) -> Rate | None:
    """The rate in a currency of the languages that the request accepts; None without a recent one."""
    return gateway_of(request).rates.of(accepted_tags(request.headers.get("Accept-Language", "")))
