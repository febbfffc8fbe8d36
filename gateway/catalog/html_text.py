"""The plain text of HTML."""

from html.parser import HTMLParser

_BLOCKS = {"p", "li", "blockquote", "pre", "h1", "h2", "h3", "h4", "tr", "td", "th", "br", "hr"}


def text_of_html(html: str) -> str:
    """The words of sanitised HTML, separated by single spaces; blocks and table cells separate words, too."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.pieces).split())


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the parser's signature
        if tag in _BLOCKS:
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
