"""Sends files with Range support. The ETag is the digest, so ranges of two contents are never joined."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict

from gateway.access.download_links import DownloadLink

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._+(),=@~-]")


def send_file(
    request: web.Request, path: Path, *, digest: str, headers: Mapping[str, str], in_parts: bool
) -> web.StreamResponse:
    """Send a file with its digest as ETag; 304 or 412 by the request's conditions. `in_parts` allows ranges."""
    tag = {"ETag": f'"{digest}"'}
    if request.if_match is not None and not {"*", digest} & {e.value for e in request.if_match if not e.is_weak}:
        return web.Response(status=412, headers=tag)
    if request.if_none_match is not None and {"*", digest} & {e.value for e in request.if_none_match}:
        return web.Response(status=304, headers={**headers, **tag})
    known = request.headers.get("If-Range", tag["ETag"]) == tag["ETag"]
    return _Download(path, {**headers, **tag}, in_parts=in_parts and known)


def download_path(link: DownloadLink) -> str:
    """The path and query of a signed link."""
    carried = {
        "payment_hash": link.payment_hash,
        "expires": link.expires_at,
        "content": link.content,
        "signature": link.signature,
    }
    query = urlencode(carried)
    return f"/v1/items/{link.item_id}/download?{query}"


def disposition(file_name: str) -> str:
    """A Content-Disposition header (RFC 6266): an ASCII name for programs like `curl -OJ`, then the full name."""
    plain = _NOT_PLAIN.sub("_", file_name).lstrip(".") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name)}"


class _Download(web.FileResponse):
    """A `FileResponse` with a given ETag: aiohttp derives it from time and size, and reads If-Range only as a date."""

    def __init__(self, path: Path, headers: LooseHeaders, *, in_parts: bool) -> None:
        super().__init__(path, headers=headers)
        self._in_parts = in_parts
        self._tag = self.headers["ETag"]

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Prepare the response with Range as the only condition."""
        # `send_file` has checked the other conditions, and a file's modification time says nothing about its content.
        # Only Range is copied, because other headers may hold bytes that cannot be encoded again.
        part = request.headers.get("Range", "") if self._in_parts else ""
        headers = CIMultiDict({"Range": part} if part and part.isascii() else {})
        return await super().prepare(request.clone(headers=headers))

    async def _start(self, request: web.BaseRequest) -> AbstractStreamWriter:
        self.headers["ETag"] = self._tag
        self.headers.popall("Last-Modified", None)
        return await super()._start(request)
