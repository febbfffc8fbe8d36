"""HTML as browsers read it: the tree of a page, and where its tags stand in the source."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Invalid

BOM = "\ufeff"


def document(source: str) -> Any:
    """The tree of a page, with scripts on, as nearly every reader has them."""
    from justhtml import JustHTML  # an extra

    return JustHTML(source, sanitize=False, track_node_locations=True).root


def fragment(html: str) -> Any:
    """The tree of some HTML inside a page."""
    from justhtml import JustHTML

    return JustHTML(html, sanitize=False, fragment=True).root


def nodes(root: Any) -> Iterator[Any]:
    """A node and all that is in it, in the order of the source."""
    ahead = [root]
    while ahead:
        node = ahead.pop()
        yield node
        ahead.extend(reversed(children(node)))


def children(node: Any) -> list[Any]:
    """What stands in a node; in a template, its content."""
    content = getattr(node, "template_content", None)
    return [*(getattr(node, "children", None) or ()), *(content.children or () if content is not None else ())]


def is_element(node: Any) -> bool:
    """Whether it has a tag."""
    return not node.name.startswith(("#", "!"))


def is_text(node: Any) -> bool:
    """Whether it is text, and no comment."""
    return bool(node.name == "#text")


def is_html(node: Any) -> bool:
    """Whether it is an element of HTML: inside SVG and MathML the same names mean nothing."""
    return node.namespace in {None, "html"}


def attributes(node: Any) -> Mapping[str, str]:
    """The attributes of an element, the first of each name, as browsers take them."""
    return {name: value or "" for name, value in node.attrs.items()}


def data_of(node: Any) -> str:
    """What a text says."""
    return str(node.data)


def text(node: Any) -> str:
    """All text in a node."""
    return "".join(data_of(inner) for inner in nodes(node) if is_text(inner))


def has_elements(html: str) -> bool:
    """Whether there is anything to see beside text: a picture, a film."""
    return any(is_element(node) and node.name in _SEEN for node in nodes(fragment(html)))


def opening(node: Any, source: str) -> tuple[int, int]:
    """Where its opening tag begins and ends."""
    return _span(node._start_tag_start, node._start_tag_end, source, f"<{node.name}")  # noqa: SLF001


def closing(node: Any, source: str) -> tuple[int, int] | None:
    """Where its closing tag begins and ends; None if it has none."""
    if not node._end_tag_present:  # noqa: SLF001
        return None
    return _span(node._end_tag_start, node._end_tag_end, source, f"</{node.name}")  # noqa: SLF001


# The library does not promise its spans: should they change, it is found out here, before a page is cut.
def _span(start: int | None, end: int | None, source: str, beginning: str) -> tuple[int, int]:
    shift = source.startswith(BOM)
    if start is not None and end is not None:
        begin, finish = start + shift, end + shift
        piece = source[begin:finish]
        if piece.lower().startswith(beginning.lower()) and piece.endswith(">"):
            return begin, finish
    raise Invalid("page_invalid", f"where {beginning}> stands in it could not be told; write that tag in plain HTML")


_SEEN = {"img", "picture", "video", "audio", "iframe", "object", "embed", "svg", "math", "canvas", "hr", "input"}
