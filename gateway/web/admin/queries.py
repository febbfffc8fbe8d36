"""Reads the parameters of a query."""

from aiohttp import web

from gateway.errors import Invalid


def whole_number(request: web.Request, name: str, *, default: int, most: int) -> int:
    """A whole number from 0 to `most`. Raises `Invalid` (`query_invalid`)."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > most:
        raise Invalid("query_invalid", f"{name} must be a whole number up to {most}.")
    return int(text)
