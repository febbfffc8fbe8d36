"""Removes HTML comments from Markdown, except in code."""

import re

MORE = re.compile(r"<!--[ \t]*more[ \t]*-->", re.IGNORECASE)
# The start of a fenced block, a code span or a comment; or an escaped character, which starts none.
_BEGINS = re.compile(
    r"^(?P<before>[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*)(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})"
    r"|(?P<ticks>`+)|(?P<comment><!--)|\\.",
    re.MULTILINE,
)
# As in browsers: `<!-->` and `<!--->` are complete comments, and `--!>` ends one, too.
_COMPLETE, _ENDS = re.compile("-?>"), re.compile("--!?>")
_COMMENT = "<!--"
_PARAGRAPH_END = re.compile(r"\n[ \t>]*\n")


def without_comments(markdown: str) -> tuple[str, int | None]:
    """The text without its comments, and the offset in it of the first `<!-- more -->`; None if there is none.

    A comment that is never closed ends with its paragraph: the comment stays hidden, and the text after it is not lost.
    """
    kept: list[str] = []
    cut: int | None = None
    at = 0
    ends, paragraphs = _Next(_ENDS, markdown), _Next(_PARAGRAPH_END, markdown)
    unclosed: set[tuple[int, int]] = set()
    while match := _BEGINS.search(markdown, at):
        if match["comment"]:
            kept.append(markdown[at : match.start()])
            if cut is None and MORE.match(markdown, match.start()):
                cut = sum(map(len, kept))
            at = _end_of_comment(markdown, match.end(), ends, paragraphs)
            continue
        end = match.end()
        if match["fence"]:
            end = _end_of_fence(markdown, match)
        elif match["ticks"]:
            end = _end_of_span(markdown, match, paragraphs, unclosed)
        kept.append(markdown[at:end])
        at = end
    return "".join([*kept, markdown[at:]]), cut


class _Next:
    """Finds the next match of a pattern from ascending positions, in time proportional to the text."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern, self._text = pattern, text
        self._found = pattern.search(text)

    def span(self, at: int) -> tuple[int, int]:
        """The offsets of the next match; twice the end of the text if there is none."""
        if self._found is not None and self._found.start() < at:
            self._found = self._pattern.search(self._text, at)
        return (len(self._text),) * 2 if self._found is None else self._found.span()


def _end_of_comment(markdown: str, begins: int, ends: _Next, paragraphs: _Next) -> int:
    if whole := _COMPLETE.match(markdown, begins):
        return whole.end()
    starts, end = ends.span(begins)
    paragraph_ends, _ = paragraphs.span(begins)
    is_closed = starts < len(markdown)
    # Comments do not nest: if another begins in a later paragraph, this one was never closed.
    if is_closed and markdown.find(_COMMENT, paragraph_ends, starts) < 0:
        return end
    return paragraph_ends


def _end_of_fence(markdown: str, match: re.Match[str]) -> int:
    fence = match["fence"]
    closes = re.compile(rf"^[ \t>]*{fence[0]}{{{len(fence)},}}[ \t]*$", re.MULTILINE)
    end = closes.search(markdown, match.end())
    return len(markdown) if end is None else end.end()


def _end_of_span(markdown: str, match: re.Match[str], paragraphs: _Next, unclosed: set[tuple[int, int]]) -> int:
    """The end of a code span, which lies within one paragraph; without such a span the end of the backticks."""
    paragraph_ends, _ = paragraphs.span(match.end())
    ticks = len(match["ticks"])
    if (ticks, paragraph_ends) not in unclosed:
        end = re.compile(rf"(?<!`)`{{{ticks}}}(?!`)").search(markdown, match.end(), paragraph_ends)
        if end is not None:
            return end.end()
        unclosed.add((ticks, paragraph_ends))
    return match.end()
