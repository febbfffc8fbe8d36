"""The pages with generated parts, and what generates each."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from tools.reference.architecture import layers, rooms
from tools.reference.commands import commands
from tools.reference.configuration import configuration, payout_configuration
from tools.reference.dependencies import dependencies
from tools.reference.embed import attributes, events, sizes, styles
from tools.reference.http_api import bodies, errors, operations, routes
from tools.reference.markdown import ROOT
from tools.reference.metrics import metrics

DOCS = ROOT / "docs"

PARTS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "attributes": attributes,
        "bodies": bodies,
        "commands": commands,
        "configuration": configuration,
        "dependencies": dependencies,
        "errors": errors,
        "events": events,
        "layers": layers,
        "metrics": metrics,
        "operations": operations,
        "payouts": payout_configuration,
        "rooms": rooms,
        "routes": routes,
        "sizes": sizes,
        "styles": styles,
    }
)
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
PAGES = tuple(page for page in sorted(DOCS.rglob("*.md")) if _PART.search(page.read_text(encoding="utf-8")))


def renewed(page: Path) -> str:
    """The text of a page with its generated parts as the code has them now."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", page.read_text(encoding="utf-8"))


def parts_in_use() -> set[str]:
    """The names of the parts that the pages have."""
    return {part[2] for page in PAGES for part in _PART.finditer(page.read_text(encoding="utf-8"))}
