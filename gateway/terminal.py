r"""Prints to the terminal: every line is escaped, no value is truncated, and pipes get plain lines.

Titles, names, paths, aliases and messages come from others. Characters that would move the cursor, change colours or
the direction of text, or be invisible are printed as escapes like `\x1b`; nothing is interpreted as markup.
"""

import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

Part = str | tuple[str, str]
"""A text, or a text with its style."""

GOOD, WARNING, BAD = ("✓", "green"), ("!", "yellow"), ("✗", "bold red")
GAP = 2
NARROWEST_PROSE = 16
_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Characters without a glyph: fillers, joiners, and variation selectors that emoji do not need.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]")


def say(*parts: Part) -> None:
    """Print one line on standard output."""
    _print(sys.stdout, parts)


def say_lines(text: str) -> None:
    """Print text of several lines on standard output."""
    for line in text.split("\n"):
        say(line)


def warn(*parts: Part) -> None:
    """Print one line on standard error."""
    _print(sys.stderr, parts)


def warn_lines(*parts: Part) -> None:
    """Print parts of several lines on standard error."""
    *first, last = parts
    text, style = (last, "") if isinstance(last, str) else last
    head, *rest = text.split("\n")
    warn(*first, (head, style))
    for line in rest:
        warn((line, style))


def say_fields(*fields: str) -> None:
    """Print one record: fields aligned by the caller on a terminal, tab-separated in a pipe."""
    if sys.stdout.isatty():
        say("  ".join(fields).rstrip())
    else:
        _write(sys.stdout, "\t".join(visible(field.strip()) for field in fields))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, prose: Sequence[str] = ()) -> None:
    """Print a table. Only columns named in `prose` are wrapped; if the others do not fit, each row is a block."""
    if not sys.stdout.isatty():
        for row in (headings, *rows):
            _write(sys.stdout, "\t".join(map(visible, row)))
        return
    cells = [[visible(cell) for cell in row] for row in rows]
    console = _console(sys.stdout)
    widths = _widths(headings, cells, prose, console.width)
    if widths is None:
        _show_blocks(headings, cells)
        return
    columns = [
        Column(heading, no_wrap=heading not in prose, width=width, overflow="fold")
        for heading, width in zip(headings, widths, strict=True)
    ]
    table = Table(*columns, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


@contextmanager
def show_progress(first: str) -> Iterator[Callable[[str], None]]:
    """Show reported steps: on a terminal in one changing line, elsewhere on one line each."""
    if sys.stderr.isatty():
        with _console(sys.stderr).status(Text(visible(first))) as line:
            yield lambda step: line.update(Text(visible(step)))
        return
    last = ""

    def tell(step: str) -> None:
        nonlocal last
        # Steps that differ only in a count share one line in a log.
        stem = re.sub(r"\d+", "", step)
        if stem != last:
            warn(step)
            last = stem

    yield tell


def visible(text: str, escape: Callable[[str], str] | None = None) -> str:
    """The text with invisible and control characters escaped."""
    if text.isascii() and text.isprintable():
        return text
    escape = escape or _escape
    return "".join(escape(character) if _is_invisible(character) else character for character in text)


def escape_unencodable() -> None:
    """Escape characters that the output encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Discard further output, because the reader of the pipe is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES or _INVISIBLE.match(character) is not None


def _escape(character: str) -> str:
    return character.encode("unicode_escape", errors="surrogatepass").decode("ascii")


def _widths(
    headings: Sequence[str], cells: Sequence[Sequence[str]], prose: Sequence[str], most: int
) -> list[int] | None:
    """The width of each column; None if the terminal is too narrow."""
    widths = [max(cell_len(text) for text in column) for column in zip(headings, *cells, strict=True)]
    room = most - sum(widths) - GAP * (len(widths) - 1)
    # The widest column of prose is narrowed first.
    while room < 0:
        wide = [n for n, heading in enumerate(headings) if heading in prose and widths[n] > NARROWEST_PROSE]
        if not wide:
            return None
        widest = max(wide, key=widths.__getitem__)
        widths[widest] -= 1
        room += 1
    return widths


def _show_blocks(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    for n, row in enumerate(cells):
        if n:
            say()
        for heading, cell in zip(headings, row, strict=True):
            if cell:
                say((f"{heading}: ", "bold"), cell)


def _print(stream: TextIO, parts: Sequence[Part]) -> None:
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    if stream.isatty():
        line = Text.assemble(*((visible(text), style) for text, style in pairs))
        _console(stream).print(line, soft_wrap=True)
    else:
        _write(stream, "".join(visible(text) for text, _ in pairs))


def _write(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    # The reader of a pipe waits for the line.
    stream.flush()


def _console(stream: TextIO) -> Console:
    return Console(file=stream, highlight=False, markup=False, emoji=False)
