"""Problem documents (RFC 9457) for errors: a stable `code`, and a `detail` that says what to do."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from gateway.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    PaymentRequired,
    TooMany,
    TuppenceError,
    Unauthorized,
    Unavailable,
)
from gateway.wire.l402.challenge import refusal_header

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[TuppenceError], int] = {
    Invalid: 422,
    NotFound: 404,
    Unauthorized: 401,
    Forbidden: 403,
    PaymentRequired: 402,
    Conflict: 409,
    TooMany: 429,
    Unavailable: 503,
    OutcomeUnknown: 503,
}
# Codes with a more specific status than that of their class.
STATUS_OF_CODE = {
    "body_malformed": 400,
    "body_too_large": 413,
    "body_too_slow": 408,
    "media_type_unsupported": 415,
    "origin_malformed": 400,
    "text_too_large": 413,
}
TITLES = {
    400: "Malformed",
    401: "Not opened by this",
    402: "Payment required",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Not understood",
    422: "Not valid",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available",
    504: "Outcome unknown",
}
RETRY_LATER = (429, 503)
RETRY_AFTER_SECONDS = 5
NODE_AWAY_DETAIL = "The payment node is not available just now. Nothing was charged; try again in a moment."
DEFECT = ("internal_error", "Something is broken here; it was logged. Nothing was charged.")
_HTTP_CODES = {
    404: ("route_not_found", "There is nothing at this address; /docs lists what there is."),
    405: ("method_not_allowed", "This address does not answer that method; /docs lists those it does."),
    413: ("body_too_large", "The body is larger than this address takes."),
}


class Problem(Struct):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str


def status_of(error: TuppenceError) -> int:
    """The HTTP status of an error."""
    return STATUS_OF_CODE.get(error.code) or STATUS[type(error)]


def problem(status: int, code: str, detail: str, **members: Any) -> web.Response:
    """A problem document as a response; `members` are added to its body."""
    title = TITLES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **members}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=MEDIA_TYPE)


def problem_of(error: TuppenceError, *, for_readers: bool) -> web.Response:
    """The problem document of an error, with Retry-After and WWW-Authenticate where HTTP asks for them.

    Readers do not see the details of node errors, which name addresses and permissions; the log has them.
    """
    status = status_of(error)
    hidden = for_readers and error.code.startswith("node_")
    response = problem(status, error.code, NODE_AWAY_DETAIL if hidden else error.detail)
    if status in RETRY_LATER:
        response.headers["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    if status == 401:
        response.headers["WWW-Authenticate"] = refusal_header(error.code)
    return response


def problem_of_http(error: web.HTTPException) -> web.Response:
    """The problem document of an error that aiohttp raises itself, such as an unknown path."""
    code, detail = _HTTP_CODES.get(error.status, ("request_refused", error.reason))
    response = problem(error.status, code, detail)
    for name in ("Allow", "Location"):
        if name in error.headers:
            response.headers[name] = error.headers[name]
    return response
