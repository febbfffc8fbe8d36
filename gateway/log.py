"""Structured logs on standard error, from which secrets are taken whatever calls them."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = {"preimage", "macaroon", "access_token", "token", "payment_request", "authorization", "api_key"}
_SECRET_SHAPES = re.compile(
    # Payment requests; preimages and hashes; macaroons of version 2, with a location or without; API keys.
    r"\bln(?:bc|tb|bcrt|tbs)[0-9a-z]{20,}|\b[0-9a-f]{64,}\b|\bAg[EJ][a-z0-9+/_=-]{40,}|\btp[ko]_[\w-]+",
    re.IGNORECASE,
)


def configure_logging(level: str) -> None:
    """JSON lines, or coloured ones where a person looks on."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what opens content or moves money, by name and by shape."""
    for name, value in event.items():
        if name in _SECRET_NAMES:
            event[name] = "redacted"
        elif isinstance(value, str):
            event[name] = _SECRET_SHAPES.sub("redacted", value)
    return event
