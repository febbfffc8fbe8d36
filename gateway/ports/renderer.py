"""The port to the renderer of Markdown."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A rendered text. `fields` are those of its front matter; `marked`: its preview ends at `<!-- more -->`."""

    fields: dict[str, str]
    title: str
    preview_html: str
    marked: bool
    html: str
    word_count: int


class Renderer(Protocol):
    """Renders what creators write, within limits of size, time and memory.

    Raises `Invalid` (`text_too_large`, `text_too_complex`, `preview_too_long`) and `Unavailable` (`renderer_away`).
    """

    async def article(self, source: str) -> Article:
        """Render a text with front matter and preview. Raises `Invalid` (`article_invalid`) as well."""

    async def markup(self, markdown: str) -> str:
        """Render Markdown to sanitised HTML."""
