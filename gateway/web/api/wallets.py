"""Wallets for readers who have none yet."""

from typing import Literal

from aiohttp import web
from msgspec import Struct

from gateway.web.http.bodies import answer
from gateway.web.http.language import wallets_of


class WalletBody(Struct):
    """A wallet. `minutes`: about how long it takes to set up."""

    name: str
    url: str
    devices: list[Literal["ios", "android", "browser"]]
    minutes: int


async def list_wallets(request: web.Request) -> web.Response:
    """GET /v1/wallets: for the accepted languages, the first choice first."""
    response = answer(
        [
            WalletBody(name=wallet.name, url=wallet.url, devices=[*wallet.devices], minutes=wallet.minutes)
            for wallet in wallets_of(request)
        ]
    )
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Vary"] = "Accept-Language"
    return response
