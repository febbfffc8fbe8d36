"""Structured logging to standard error, limited to allow-listed fields, none of which identifies a reader.

Errors are logged as types and source locations, messages of libraries as source locations; a message's text is logged
only if it is allow-listed, without its values, because clients can influence all other texts.
"""

import logging
import re
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from gateway.errors import TuppenceError
from gateway.terminal import visible

FIELDS = frozenset(
    {
        "ahead_seconds", "amount_msat", "at", "code", "creator", "detail", "ended", "error", "event", "exception",
        "failures", "fee_msat", "left_out", "level", "logger", "message", "method", "n", "node_id", "notes", "numbers",
        "open_invoices", "paid_msat", "payment_hash", "payment_hashes", "payout_id", "reason", "requests", "route",
        "sends", "since", "sqlstate", "state", "timestamp", "tried", "unpaid", "work", "wrong",
    }
)  # fmt: skip
"""The fields that are logged; the value of any other is replaced."""
LIBRARY_MESSAGES = frozenset(
    {
        "Error handling request from %s",
        "Exception in eof callback",
        "Exception terminating connection %r",
        "Future exception was never retrieved",
        "Task exception was never retrieved",
        "Task was destroyed but it is pending!",
        "Unclosed client session",
        "Unclosed connection",
        "Unhandled exception",
    }
)
"""The messages of libraries that are logged as text, without their values."""
CLIENT_ERRORS = {"HttpProcessingError", "RequestPayloadError", "PayloadAccessError", "ConnectionError"}
"""Errors that aiohttp raises for malformed requests and lost clients. They are not logged: anybody can cause them."""
MOST_ALIKE, ALIKE_SECONDS = 5, 60.0
"""At most MOST_ALIKE identical lines are written in ALIKE_SECONDS, if clients can cause them."""
_LIMITED = {"library", "request_failed", "unavailable"}
_MOST_KINDS = 1_000
_MOST_FRAMES, _MOST_CAUSES = 16, 4

_SECRET_NAMES = {
    "preimage",
    "macaroon",
    "access_token",
    "token",
    "payment_request",
    "authorization",
    "api_key",
    "idempotency_key",
    "signature",
    "cookie",
}
_SECRET_SHAPES = re.compile(
    # Payment requests; preimages and hashes; macaroons of version 2, with or without a location; API keys; passwords
    # in URLs; signatures of links.
    r"\bln(?:bc|tb|bcrt|tbs)[0-9a-z]{20,}|\b[0-9a-f]{64,}\b|\bAg[EJ][a-z0-9+/_=-]{40,}|\btp[ko]_[\w-]+"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)|(?<=signature=)[\w-]+",
    re.IGNORECASE,
)
_SCALARS = (bool, int, float, type(None))
_FOLDERS = re.compile(r"^.*/(?:site-packages|python3\.\d+)/|^.*/(?=(?:gateway|tests)/)")


def configure_logging(level: str) -> None:
    """Log JSON lines, or coloured ones on a terminal, including logs and warnings of libraries."""
    rendered: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer()]
    if sys.stderr.isatty():
        rendered = [_make_visible, structlog.dev.ConsoleRenderer()]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            reduce_error,
            RepeatLimit(time.monotonic),
            keep_allowed_fields,
            redact,
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log too much below warnings.
    logging.basicConfig(handlers=[_Forward()], level=max(number, logging.WARNING))
    warnings.showwarning = _log_warning


def log_uncaught() -> None:
    """Install hooks that log exceptions from threads and destructors, which Python would print with their values."""
    threading.excepthook = lambda args: _log_uncaught(args.exc_value)
    sys.unraisablehook = lambda args: _log_uncaught(args.exc_value)


def _make_visible(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters for a terminal; JSON output is escaped already."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "\n".join(map(visible, value.split("\n")))
    return event


def reduce_error(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by the types and source locations of its chain; its text may come from a client."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exception()
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = "\ncaused by ".join(_format(cause) for cause in _causes(error))
    return event


class RepeatLimit:
    """Limits the rate of identical lines; the next line that is written says how many were left out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("event") not in _LIMITED:
            return event
        kind = tuple(str(event.get(field, "")) for field in ("event", "code", "route", "logger", "at", "exception"))
        now = self._clock()
        began_at, count = self._kinds.get(kind, (now, 0))
        if now - began_at >= ALIKE_SECONDS:
            if count > MOST_ALIKE:
                event["left_out"] = count - MOST_ALIKE
            began_at, count = now, 0
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = began_at, count + 1
        if count >= MOST_ALIKE:
            raise structlog.DropEvent
        return event


def keep_allowed_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of fields that are not in FIELDS."""
    for name in event.keys() - FIELDS:
        event[name] = "redacted"
    return event


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace secrets that open content or move money, by field name and by pattern, at any depth."""
    for name, value in event.items():
        event[name] = "redacted" if name in _SECRET_NAMES else _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Mapping):
        return {str(key): "redacted" if key in _SECRET_NAMES else _redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(part) for part in value]
    # Other values are written as text; bytes as hex, which matches the pattern of a secret.
    return _SECRET_SHAPES.sub("redacted", value.hex() if isinstance(value, bytes) else str(value))


def _causes(error: BaseException) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        yield error
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        error = cause


def _format(error: BaseException) -> str:
    """Format an error as `KeyError: gateway/web/http/middleware.py:52 in _answer < …`, innermost frame first."""
    name = type(error).__qualname__ + (f" ({error.code})" if isinstance(error, TuppenceError) else "")
    frames = [*traceback.walk_tb(error.__traceback__)][-_MOST_FRAMES:]
    places = [_place(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in reversed(frames)]
    return f"{name}: {' < '.join(places)}" if places else name


def _place(path: str, line: int, function: str) -> str:
    return f"{_FOLDERS.sub('', path)}:{line} in {function}"


class _Forward(logging.Handler):
    """Forwards records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.name.startswith("aiohttp") and _is_client_error(error):
            return
        line: dict[str, Any] = {"logger": record.name}
        # asyncio's messages have more lines, with the values of the objects concerned.
        said = str(record.msg).partition("\n")[0]
        if said in LIBRARY_MESSAGES:
            line["message"] = said
        line["at"] = _place(record.pathname, record.lineno, record.funcName)
        structlog.get_logger().log(record.levelno, "library", **line, exc_info=error)


def _is_client_error(error: BaseException | None) -> bool:
    return any(kind.__name__ in CLIENT_ERRORS for kind in type(error).__mro__)


def _log_warning(
    message: Warning | str,  # noqa: ARG001  # its text may come from a client
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  # Python's signature
    line: str | None = None,  # noqa: ARG001
) -> None:
    at = f"{_FOLDERS.sub('', filename)}:{lineno}"
    structlog.get_logger().warning("library", logger="warnings", error=category.__qualname__, at=at)


def _log_uncaught(error: BaseException | None) -> None:
    structlog.get_logger().error("library", logger="python", exc_info=error)
