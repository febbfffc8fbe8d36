"""Structured logs on standard error, from which secrets are taken whatever calls them."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

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


def configure_logging(level: str) -> None:
    """JSON lines, or coloured ones where a person looks on; what libraries log among them."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries tell of what goes wrong; of what goes right they tell too much.
    logging.basicConfig(handlers=[_Forward()], level=max(number, logging.WARNING))


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


class _Forward(logging.Handler):
    """What a library logs, as one of our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(record.levelno, "library", logger=record.name, message=record.getMessage(), exc_info=record.exc_info)
