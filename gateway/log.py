"""Structured logs on standard error. One list says what a line may hold, and nothing of a reader is on it.

Of an error a line holds types and places in code, of what a library says the place; its words only where they are on
the list, without their values. Anybody who sends something can put words into all others.
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
        "ahead_seconds", "amount_msat", "at", "code", "detail", "ended", "error", "event", "exception", "failures",
        "left_out", "level", "logger", "message", "method", "node_id", "notes", "numbers", "open_invoices",
        "paid_msat", "payment_hash", "payment_hashes", "requests", "route", "since", "sqlstate", "timestamp", "tried",
        "unpaid", "work", "wrong",
    }
)  # fmt: skip
"""Every field of a line; of any other the name alone is written."""
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
"""What a library may say in its own words; its values are left out."""
CLIENTS_FAULTS = {"HttpProcessingError", "RequestPayloadError", "PayloadAccessError", "ConnectionError"}
"""What aiohttp raises at what a client sends, or at its leaving: worth no line, for anybody can make them."""
MOST_ALIKE, ALIKE_SECONDS = 5, 60.0
"""Of lines that strangers may cause, so many alike are written in so many seconds."""
_CAUSED = {"library", "request_failed", "unavailable"}
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
    # Payment requests; preimages and hashes; macaroons of version 2, with a location or without; API keys; passwords
    # in addresses; signatures of links.
    r"\bln(?:bc|tb|bcrt|tbs)[0-9a-z]{20,}|\b[0-9a-f]{64,}\b|\bAg[EJ][a-z0-9+/_=-]{40,}|\btp[ko]_[\w-]+"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)|(?<=signature=)[\w-]+",
    re.IGNORECASE,
)
_PLAIN = (bool, int, float, type(None))
_FOLDERS = re.compile(r"^.*/(?:site-packages|python3\.\d+)/|^.*/(?=(?:gateway|tests)/)")


def configure_logging(level: str) -> None:
    """JSON lines, or coloured ones where a person looks on; what libraries log and warn of among them."""
    rendered: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer()]
    if sys.stderr.isatty():
        rendered = [_make_visible, structlog.dev.ConsoleRenderer()]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            reduce_error,
            Spared(time.monotonic),
            only_known,
            redact,
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries tell of what goes wrong; of what goes right they tell too much.
    logging.basicConfig(handlers=[_Forward()], level=max(number, logging.WARNING))
    warnings.showwarning = _log_warning


def catch_strays() -> None:
    """Log what nobody caught, in a thread or while something is deleted, as any error: Python prints its values."""
    threading.excepthook = lambda args: _log_stray(args.exc_value)
    sys.unraisablehook = lambda args: _log_stray(args.exc_value)


def _make_visible(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what a terminal obeys; JSON does so by itself."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "\n".join(map(visible, value.split("\n")))
    return event


def reduce_error(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An error as types and places: its words, and those of what caused it, may be anybody's."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exception()
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = "\ncaused by ".join(_told(cause) for cause in _causes(error))
    return event


class Spared:
    """Leaves out lines alike that come too fast; the next one that is written says how many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("event") not in _CAUSED:
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


def only_known(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out the value of a field that is not on the list."""
    for name in event.keys() - FIELDS:
        event[name] = "redacted"
    return event


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what opens content or moves money, by name and by shape, however deep it lies."""
    for name, value in event.items():
        event[name] = "redacted" if name in _SECRET_NAMES else _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {str(key): "redacted" if key in _SECRET_NAMES else _redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(part) for part in value]
    # What is neither is written as its words; bytes as hex, which has the shape of a secret.
    return _SECRET_SHAPES.sub("redacted", value.hex() if isinstance(value, bytes) else str(value))


def _causes(error: BaseException) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        yield error
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        error = cause


def _told(error: BaseException) -> str:
    """`KeyError: gateway/web/http/middleware.py:52 in _answer < …`, innermost first."""
    name = type(error).__qualname__ + (f" ({error.code})" if isinstance(error, TuppenceError) else "")
    frames = [*traceback.walk_tb(error.__traceback__)][-_MOST_FRAMES:]
    places = [_place(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in reversed(frames)]
    return f"{name}: {' < '.join(places)}" if places else name


def _place(path: str, line: int, function: str) -> str:
    return f"{_FOLDERS.sub('', path)}:{line} in {function}"


class _Forward(logging.Handler):
    """What a library logs, as one of our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.name.startswith("aiohttp") and _is_clients_fault(error):
            return
        line: dict[str, Any] = {"logger": record.name}
        # asyncio's go on for lines, with the values of the objects concerned.
        said = str(record.msg).partition("\n")[0]
        if said in LIBRARY_MESSAGES:
            line["message"] = said
        line["at"] = _place(record.pathname, record.lineno, record.funcName)
        structlog.get_logger().log(record.levelno, "library", **line, exc_info=error)


def _is_clients_fault(error: BaseException | None) -> bool:
    return any(kind.__name__ in CLIENTS_FAULTS for kind in type(error).__mro__)


def _log_warning(
    message: Warning | str,  # noqa: ARG001  # its words are anybody's
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  # Python's signature
    line: str | None = None,  # noqa: ARG001
) -> None:
    at = f"{_FOLDERS.sub('', filename)}:{lineno}"
    structlog.get_logger().warning("library", logger="warnings", error=category.__qualname__, at=at)


def _log_stray(error: BaseException | None) -> None:
    structlog.get_logger().error("library", logger="python", exc_info=error)
