"""Style sheets, scripts and marks: served from memory, cached by browsers for as long as they stay the same."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

from aiohttp import web

VERSION_DIGITS = 12
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    media_type: str
    version: str


class Assets:
    """The files of a package's `static` folder under a path prefix."""

    def __init__(self, package: str, prefix: str) -> None:
        self.prefix = prefix
        self._assets = _read(package)

    def url(self, name: str) -> str:
        """The address of a file, another one whenever its bytes change."""
        return f"{self.prefix}/{name}?v={self._assets[name].version}"

    async def answer(self, request: web.Request) -> web.Response:
        """GET {prefix}/{name}."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        current = request.query.get("v") == asset.version
        response = web.Response(body=asset.body, content_type=asset.media_type, charset="utf-8")
        response.headers["Cache-Control"] = FOR_EVER if current else ASK_FIRST
        response.enable_compression()
        return response


def _read(package: str) -> Mapping[str, _Asset]:
    found = {}
    for file in files(package).joinpath("static").iterdir():
        if not file.is_file():
            continue
        body = file.read_bytes()
        media_type, _ = mimetypes.guess_type(file.name)
        version = sha256(body).hexdigest()[:VERSION_DIGITS]
        found[file.name] = _Asset(body, media_type or "application/octet-stream", version)
    return MappingProxyType(found)
