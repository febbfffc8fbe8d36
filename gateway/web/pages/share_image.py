"""The image of link previews as PNG: the two coins of the logo on the creator's accent.

The pixels are drawn once, as intensities of the coins' colour; each accent only changes the PNG's palette.
"""

import asyncio
import struct
import zlib
from functools import cache, lru_cache
from math import sqrt

from aiohttp import web

from gateway.web.http.application import gateway_of
from gateway.web.pages.palette import shades

WIDTH, HEIGHT = 1200, 630
PATH = "/t/{name}/card.png"
# The logo is 22 units wide; its second coin is half behind the first.
_UNIT = 20
_RADIUS = 6.4 * _UNIT
_FRONT, _BACK = (WIDTH / 2 - 4 * _UNIT, 255), (WIDTH / 2 + 4 * _UNIT, 115)
_HEADER = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
_A_DAY = "public, max-age=86400"


async def send_card(request: web.Request) -> web.Response:
    """GET /t/{name}/card.png: the image for a creator."""
    creator = gateway_of(request).catalog.creator(request.match_info["name"])
    headers = {"Cache-Control": _A_DAY, "Cross-Origin-Resource-Policy": "cross-origin"}
    picture = await asyncio.to_thread(draw_coins, creator.accent)
    return web.Response(body=picture, content_type="image/png", headers=headers)


@lru_cache(maxsize=256)
def draw_coins(accent: str) -> bytes:
    """The PNG for an accent, 1200 by 630 pixels."""
    colours = b"".join(bytes(shade) for shade in shades(accent, 256))
    chunks = ((b"IHDR", _HEADER), (b"PLTE", colours), (b"IDAT", _pixels()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


@cache
def _pixels() -> bytes:
    rows = bytearray()
    for y in range(HEIGHT):
        row = bytearray(WIDTH)
        for centre, strength in (_BACK, _FRONT):
            _draw_coin_row(row, centre, strength, abs(y + 0.5 - HEIGHT / 2))
        # Each row of a PNG begins with its filter type, 0 for none.
        rows += b"\0" + row
    return zlib.compress(bytes(rows), 9)


def _draw_coin_row(row: bytearray, centre: float, strength: int, distance: float) -> None:
    """Draw one row of a coin over the row, anti-aliased at the edge."""
    if distance > _RADIUS + 1:
        return
    half = sqrt(max(0.0, (_RADIUS + 1) ** 2 - distance**2))
    for x in range(int(centre - half), int(centre + half) + 1):
        covered = min(1.0, max(0.0, _RADIUS + 0.5 - sqrt((x + 0.5 - centre) ** 2 + distance**2)))
        row[x] = max(row[x], round(row[x] * (1 - covered) + strength * covered))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
