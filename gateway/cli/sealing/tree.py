"""HTML parsed as browsers parse it: the tree of a page, with the positions of its tags in the source."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Invalid

BOM = "\ufeff"


def document(source: str) -> Any:
    """The tree of a page, parsed with scripting enabled."""
    from justhtml import JustHTML  # an extra

    return JustHTML(source, sanitize=False, track_node_locations=True).root


def fragment(html: str) -> Any:
    """The tree of a piece of HTML."""
    from justhtml import JustHTML

    return JustHTML(html, sanitize=False, fragment=True).root


def nodes(root: Any) -> Iterator[Any]:
    """A node and its descendants, in document order."""
    ahead = [root]
    while ahead:
        node = ahead.pop()
        yield node
        ahead.extend(reversed(children(node)))


def children(node: Any) -> list[Any]:
    """The children of a node; of a template also those of its content."""
    content = getattr(node, "template_content", None)
    return [*(getattr(node, "children", None) or ()), *(content.children or () if content is not None else ())]


def is_element(node: Any) -> bool:
    """Whether a node is an element."""
    return not node.name.startswith(("#", "!"))


def is_text(node: Any) -> bool:
    """Whether a node is text, and not a comment."""
    return bool(node.name == "#text")


def is_html(node: Any) -> bool:
    """Whether an element is HTML, and not SVG or MathML, where the same names have no meaning."""
    return node.namespace in {None, "html"}


def attributes(node: Any) -> Mapping[str, str]:
    """The attributes of an element; of several with one name the first, as in browsers."""
    return {name: value or "" for name, value in node.attrs.items()}


def text(node: Any) -> str:
    """The text of a node and its descendants."""
    return "".join(str(inner.data) for inner in nodes(node) if is_text(inner))


def text_of(html: str) -> str:
    """The words of a piece of HTML, separated by single spaces; every tag separates words."""
    words = (str(node.data) for node in nodes(fragment(html)) if is_text(node))
    return " ".join(" ".join(words).split())


def has_elements(html: str) -> bool:
    """Whether a piece of HTML shows anything besides text: a picture, a film."""
    return any(is_element(node) and node.name in _SEEN for node in nodes(fragment(html)))


def opening(node: Any, source: str) -> tuple[int, int]:
    """The offsets of an element's opening tag."""
    return _span(node._start_tag_start, node._start_tag_end, source, f"<{node.name}")  # noqa: SLF001


def closing(node: Any, source: str) -> tuple[int, int] | None:
    """The offsets of an element's closing tag; None if it has none."""
    if not node._end_tag_present:  # noqa: SLF001
        return None
    return _span(node._end_tag_start, node._end_tag_end, source, f"</{node.name}")  # noqa: SLF001


# The positions are private to the library: a change of them has to be noticed before a page is cut.
def _span(start: int | None, end: int | None, source: str, beginning: str) -> tuple[int, int]:
    shift = source.startswith(BOM)
    if start is not None and end is not None:
        begin, finish = start + shift, end + shift
        piece = source[begin:finish]
        if piece.lower().startswith(beginning.lower()) and piece.endswith(">"):
            return begin, finish
    raise Invalid("page_invalid", f"the position of {beginning}> is not known; write that tag in plain HTML")


_SEEN = {"img", "picture", "video", "audio", "iframe", "object", "embed", "svg", "math", "canvas", "hr", "input"}
