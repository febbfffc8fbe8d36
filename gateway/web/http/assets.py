"""Static files, served from memory with a validator and in gzip."""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256, sha384
from importlib.resources import files
from types import MappingProxyType

from aiohttp import ETag, web

VERSION_DIGITS = 12
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
    "ts": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file in memory; `packed` is its gzip form."""

    body: bytes
    packed: bytes
    media_type: str

    @property
    def tag(self) -> str:
        """The ETag, which changes with the bytes."""
        return sha256(self.body).hexdigest()[:20]

    @property
    def integrity(self) -> str:
        """The value for the attribute `integrity` (SHA-384)."""
        return f"sha384-{b64encode(sha384(self.body).digest()).decode()}"


class Assets:
    """The files of a package's `static` folder under a path prefix."""

    def __init__(self, package: str, prefix: str) -> None:
        self.prefix = prefix
        self._assets = read_assets(package, "static")
        self._versions = {name: asset.tag[:VERSION_DIGITS] for name, asset in self._assets.items()}

    def url(self, name: str) -> str:
        """The address of a file, which changes with its bytes."""
        return f"{self.prefix}/{name}?v={self._versions[name]}"

    async def answer(self, request: web.Request) -> web.Response:
        """GET {prefix}/{name}."""
        name = request.match_info["name"]
        asset = self._assets.get(name)
        if asset is None:
            raise web.HTTPNotFound
        current = request.query.get("v") == self._versions[name]
        return send_asset(request, asset, cache_control=FOR_EVER if current else ASK_FIRST)


@cache
def read_assets(package: str, folder: str) -> Mapping[str, Asset]:
    """The files of a package's folder by name, without those in folders below it."""
    bodies = {file.name: file.read_bytes() for file in files(package).joinpath(folder).iterdir() if file.is_file()}
    return MappingProxyType(
        {
            name: Asset(body, gzip.compress(body, 9, mtime=0), MEDIA_TYPES[name.rpartition(".")[2]])
            for name, body in bodies.items()
        }
    )


def send_asset(request: web.Request, asset: Asset, *, cache_control: str) -> web.Response:
    """The file, packed where the client takes gzip; 304 to a client that has it."""
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    known = request.if_none_match or ()
    if any(tag.value in {asset.tag, "*"} for tag in known):
        response = web.Response(status=304, headers=headers)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = web.Response(body=asset.packed, headers=headers | {"Content-Encoding": "gzip"})
    else:
        response = web.Response(body=asset.body, headers=headers)
    if response.status != 304:
        response.content_type = asset.media_type
        response.charset = "utf-8"
    response.etag = ETag(asset.tag, is_weak=True)
    return response
