"""The exchange rate in the reader's currency, if the operator has configured a source."""

from aiohttp import web

from gateway.web.http.bodies import answer
from gateway.web.http.language import rate_for


async def read_rate(request: web.Request) -> web.Response:
    """GET /v1/rate: the rate in a currency of the accepted languages, else in US dollars; null if there is none."""
    response = answer(rate_for(request))
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Vary"] = "Accept-Language"
    return response
