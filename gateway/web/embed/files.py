"""The embed's files: `v1.js` asks whether it is still the newest, everything under a version never changes."""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from aiohttp import ETag, web

from gateway.web.http.assets import FOR_EVER

SCRIPT = "embed.js"
# Long enough to spare a page of many readers the question, short enough for a mend to arrive.
SHORTLY = "public, max-age=300, stale-while-revalidate=86400"
MEDIA_TYPES = {"js": "text/javascript", "json": "application/json", "ts": "text/plain"}
# A page of any origin runs it, and checks its bytes.
OPEN_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


@dataclass(frozen=True, slots=True)
class File:
    """One built file; `packed` is its gzip form."""

    body: bytes
    packed: bytes
    media_type: str

    @property
    def tag(self) -> str:
        """Another one whenever the bytes change."""
        return sha256(self.body).hexdigest()[:20]

    @property
    def integrity(self) -> str:
        """For the attribute of that name."""
        return f"sha384-{b64encode(sha384(self.body).digest()).decode()}"


class Embed:
    """Every version that was ever released, by `{version}/{name}`: pages that pin one go on working."""

    def __init__(self) -> None:
        self._files = _read(files("gateway.web").joinpath("static", "embed"))
        self.version = max((path.partition("/")[0] for path in self._files), key=_order)

    def newest(self, name: str = SCRIPT) -> File:
        """A file of the newest version."""
        return self._files[f"{self.version}/{name}"]

    def url(self, name: str) -> str:
        """The address of a file of the newest version, at this gateway."""
        return f"/embed/{self.version}/{name}"

    def add_to(self, app: web.Application) -> None:
        """Put the files on an application."""
        app.router.add_get("/embed/v1.js", self.evergreen)
        app.router.add_get("/embed/{version}/{name}", self.pinned)

    async def evergreen(self, request: web.Request) -> web.Response:
        """GET /embed/v1.js: the newest script of the first generation."""
        return _answer(request, self.newest(), SHORTLY)

    async def pinned(self, request: web.Request) -> web.Response:
        """GET /embed/{version}/{name}."""
        file = self._files.get(f"{request.match_info['version']}/{request.match_info['name']}")
        if file is None:
            raise web.HTTPNotFound
        return _answer(request, file, FOR_EVER)


def _answer(request: web.Request, file: File, cache_control: str) -> web.Response:
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding", **OPEN_HEADERS}
    known = request.if_none_match or ()
    if any(tag.value in {file.tag, "*"} for tag in known):
        response = web.Response(status=304, headers=headers)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = web.Response(body=file.packed, headers=headers | {"Content-Encoding": "gzip"})
    else:
        response = web.Response(body=file.body, headers=headers)
    if response.status != 304:
        response.content_type = file.media_type
        response.charset = "utf-8"
    response.etag = ETag(file.tag, is_weak=True)
    return response


def _read(folder: Traversable) -> Mapping[str, File]:
    found = {}
    for version in folder.iterdir():
        for file in version.iterdir():
            body = file.read_bytes()
            media_type = MEDIA_TYPES[file.name.rpartition(".")[2]]
            found[f"{version.name}/{file.name}"] = File(body, gzip.compress(body, 9, mtime=0), media_type)
    return MappingProxyType(found)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
