"""What TUPPENCE_DATABASE_URL names. No message repeats a piece of it: it holds a password."""

import re
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Invalid

POSTGRES = "postgresql+asyncpg"
# Whatever follows is the path: ? and # are letters of it.
_SQLITE = re.compile(r"sqlite(?:\+[a-z]+)?:///(.+)", re.DOTALL)
_TLS_OF_OTHERS, _TLS = "sslmode", "ssl"


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite address; None for one of PostgreSQL. Raises `Invalid` (`config_invalid`)."""
    if match := _SQLITE.fullmatch(url):
        return Path(match[1])
    _parsed(url)
    return None


def postgres_address(url: str) -> str:
    """An address as asyncpg takes it; libpq's `sslmode` is its `ssl`. Raises `Invalid` (`config_invalid`)."""
    parsed = _parsed(url)
    # Another one before the host: what is taken for the host would be a piece of the password.
    if url.count("@") > 1:
        raise Invalid(
            "config_invalid",
            "TUPPENCE_DATABASE_URL: user or password holds a letter that means something there. Write @ as %40, "
            ": as %3A, / as %2F, ? as %3F, # as %23 and % as %25.",
        )
    if _TLS_OF_OTHERS in parsed.query:
        query = dict(parsed.query)
        query[_TLS] = query.pop(_TLS_OF_OTHERS)
        parsed = parsed.set(query=query)
    return parsed.render_as_string(hide_password=False)


def shown(url: URL) -> str:
    """An address without its secrets, which may stand after the ?, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    # A port that is no number is no ArgumentError.
    except (ArgumentError, ValueError):
        parsed = make_url("unknown://")
    if parsed.drivername != POSTGRES:
        raise Invalid(
            "config_invalid",
            f"TUPPENCE_DATABASE_URL must be sqlite:///path/of/a.db or {POSTGRES}://user:password@host/database. Write "
            "in user and password @ as %40, : as %3A and / as %2F.",
        )
    return parsed
