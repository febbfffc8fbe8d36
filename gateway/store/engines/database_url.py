"""Parses TUPPENCE_DATABASE_URL. No error message repeats a part of it, because it holds a password."""

import re
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Invalid

POSTGRES = "postgresql+asyncpg"
# All that follows is the path, including ? and #.
_SQLITE = re.compile(r"sqlite(?:\+[a-z]+)?:///(.+)", re.DOTALL)
_TLS_OF_OTHERS, _TLS = "sslmode", "ssl"


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite address; None for a PostgreSQL address. Raises `Invalid` (`config_invalid`)."""
    if match := _SQLITE.fullmatch(url):
        return Path(match[1])
    _parsed(url)
    return None


def postgres_address(url: str) -> str:
    """A PostgreSQL address as asyncpg expects it, with `ssl` for `sslmode`. Raises `Invalid` (`config_invalid`)."""
    parsed = _parsed(url)
    # With a second @ the parser would take a part of the password for the host.
    if url.count("@") > 1:
        raise Invalid(
            "config_invalid",
            "TUPPENCE_DATABASE_URL: user or password contains a character that is special there. Write @ as %40, "
            ": as %3A, / as %2F, ? as %3F, # as %23 and % as %25.",
        )
    if _TLS_OF_OTHERS in parsed.query:
        query = dict(parsed.query)
        query[_TLS] = query.pop(_TLS_OF_OTHERS)
        parsed = parsed.set(query=query)
    return parsed.render_as_string(hide_password=False)


def shown(url: URL) -> str:
    """An address without its secrets; options after the ? may be secrets too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    # A port that is not a number raises ValueError.
    except (ArgumentError, ValueError):
        parsed = make_url("unknown://")
    if parsed.drivername != POSTGRES:
        raise Invalid(
            "config_invalid",
            f"TUPPENCE_DATABASE_URL must be sqlite:///path/of/a.db or {POSTGRES}://user:password@host/database. Write "
            "in user and password @ as %40, : as %3A and / as %2F.",
        )
    return parsed
