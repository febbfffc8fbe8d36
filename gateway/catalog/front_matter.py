"""Reads the front matter of a Markdown text: `name: value` lines between two lines of `---`."""

import re

from gateway.errors import Invalid

FIELDS = {"id", "title", "price", "creator", "share", "access_seconds", "memo"}
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<head>.*?)\n---[ \t]*\n", re.DOTALL)
_SHOWN = 80


def split_front_matter(source: str) -> tuple[dict[str, str], str]:
    """The fields, and the text after them with normalised line ends.

    Raises `Invalid` (`article_invalid`) for a line that sets none of the fields, and for an empty text.
    """
    source = source.removeprefix("\ufeff").replace("\r\n", "\n")
    match = _FRONT_MATTER.match(source)
    fields = {} if match is None else _fields_of(match["head"])
    text = source if match is None else source[match.end() :]
    if not text.strip():
        raise empty_text()
    return fields, text


def empty_text() -> Invalid:
    """The error for a text without words."""
    return Invalid("article_invalid", "The text is empty; write something worth its price.")


def _fields_of(head: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.splitlines():
        if not line.strip():
            continue
        name, separator, value = line.partition(":")
        name = name.strip()
        if not separator or name not in FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise Invalid("article_invalid", f"front matter: {line.strip()[:_SHOWN]!r} is none of {known}")
        fields[name] = value.strip().strip("\"'")
    return fields
