"""Reads request bodies (JSON, forms, streams) within limits of size and time, and writes JSON responses."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from msgspec import Struct

from gateway.errors import Invalid

T = TypeVar("T", bound=Struct)

SLUG = "^[a-z0-9-]{1,64}$"
COLOUR = "^#[0-9a-f]{6}$"
MOST_BYTES = 8 * 1024
"""The body limit of a route that sets no other."""
BODY_LIMITS = web.AppKey("body_limits", Mapping[Any, int])
"""The body limit in bytes, by handler."""
LEAST_BYTES_PER_SECOND = 16 * 1024
_LONGEST_TYPE = 256
_MOST_FIELDS = 32
_PATTERNS_IN_WORDS = {SLUG: "1 to 64 of a-z, 0-9 and -", COLOUR: "a colour like #a4552b"}
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyTiming:
    """How slowly a body may arrive."""

    body_seconds: float = 10.0
    """For the whole body, plus one second for each LEAST_BYTES_PER_SECOND received."""
    stalled_seconds: float = 30.0
    """The longest pause between two chunks."""


DEFAULT_BODY_TIMING = BodyTiming()
BODY_TIMING = web.AppKey("body_timing", BodyTiming)


def check_body(request: web.Request) -> None:
    """Refuse a body that is encoded or too large before reading it.

    Raises `Invalid` (`body_too_large`, `body_malformed`).
    """
    if not request.body_exists:
        return
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        raise Invalid("body_malformed", "Send the body as it is, without a Content-Encoding.")
    if (request.content_length or 0) > most_bytes(request):
        raise _too_large(most_bytes(request))


def most_bytes(request: web.Request) -> int:
    """The body limit of the matched route, in bytes."""
    return request.config_dict[BODY_LIMITS].get(request.match_info.handler, MOST_BYTES)


async def read_body(request: web.Request, form: type[T]) -> T:
    """Decode a JSON body. Raises `Invalid` (`media_type_unsupported`, `body_malformed`, `body_invalid`)."""
    if media_type_of(request)[0] != "application/json":
        raise Invalid("media_type_unsupported", "Send JSON with Content-Type: application/json.")
    body = await read_bytes(request)
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise Invalid("body_invalid", f"{_in_words(str(error))}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("body_malformed", f"The body is not JSON: {error}.") from error


async def read_bytes(request: web.Request, *, most: int | None = None) -> bytes:
    """Read a whole body. Raises `Invalid` (`body_too_large`, `body_too_slow`, `body_malformed`)."""
    most = most or most_bytes(request)
    body = bytearray()
    async for chunk in chunks_of(request):
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


async def chunks_of(request: web.Request) -> AsyncIterator[bytes]:
    """Yield a body as it arrives. Raises `Invalid` (`body_too_slow`, `body_malformed`)."""
    now, timing = asyncio.get_running_loop().time, request.config_dict[BODY_TIMING]
    deadline = now() + timing.body_seconds
    while True:
        try:
            async with asyncio.timeout_at(min(deadline, now() + timing.stalled_seconds)):
                chunk = await request.content.readany()
        except TimeoutError as error:
            raise Invalid("body_too_slow", "The body did not arrive in time; send it again, faster.") from error
        except web.RequestPayloadError as error:
            raise Invalid("body_malformed", "The body does not end where the request says.") from error
        if not chunk:
            return
        deadline += len(chunk) / LEAST_BYTES_PER_SECOND
        yield chunk


async def read_form(request: web.Request) -> Mapping[str, str]:
    """Read the fields of a form that one of our pages sent; the first of several with one name.

    Raises `Invalid` (`media_type_unsupported`, `body_malformed`, `body_too_large`, `body_too_slow`).
    """
    media_type, charset = media_type_of(request)
    if media_type.startswith("multipart/") or charset not in {"utf-8", "us-ascii"}:
        raise Invalid("body_malformed", f"Send the form as {_FORM}, in UTF-8.")
    if media_type not in {_FORM, ""}:
        raise Invalid("media_type_unsupported", f"Send a form: Content-Type: {_FORM}.")
    body = await read_bytes(request)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Invalid("body_malformed", "The form is not UTF-8, or has too many fields.") from error
    return dict(reversed(fields))


def answer(body: Any, *, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def media_type_of(request: web.Request) -> tuple[str, str]:
    """The media type and charset of a request, in lower case; "" and "utf-8" by default."""
    media_type, *parameters = request.headers.get("Content-Type", "")[:_LONGEST_TYPE].lower().split(";")
    named = (parameter.partition("=") for parameter in parameters)
    charsets = [value.strip(" \t\"'") for name, _, value in named if name.strip() == "charset"]
    return media_type.strip(), charsets[0] if charsets else "utf-8"


def _too_large(most: int) -> Invalid:
    return Invalid("body_too_large", f"The body is larger than this address takes: at most {most} bytes.")


def _in_words(refusal: str) -> str:
    for pattern, words in _PATTERNS_IN_WORDS.items():
        refusal = refusal.replace(f"`str` matching regex {pattern!r}", words)
    return refusal
