"""The snippet that a creator pastes: the tag, the script (evergreen or pinned), the policy and the style."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.catalog.catalog import Catalog
from gateway.catalog.sealed_key import PAID_ATTRIBUTE
from gateway.errors import NotFound
from gateway.money import to_sat
from gateway.rows import Creator, Item, ItemKind
from gateway.web.embed.files import SCRIPT, Embed
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.language import words_in
from gateway.web.http.render import render, wants_page

# Reserves the space of each element, so that the page does not shift when the script has loaded.
STYLE = """tuppence-paywall, tuppence-tip { display: block; }
tuppence-paywall:not(:defined) > a { display: block; min-height: 16.5rem; }
tuppence-tip:not(:defined) { container-type: inline-size; }
tuppence-tip:not(:defined) > a { display: block; min-height: 23.75rem; }
@container (max-width: 15rem) { tuppence-tip:not(:defined) > a { min-height: 31.25rem; } }
tuppence-button:not(:defined) { display: inline-block; min-width: 8em; min-height: 2.5rem; vertical-align: middle; }"""
# The class that marks paid content for search engines.
PAID_CLASS = "paywall"
THEMES = ("auto", "light", "dark")
SHAPES = ("paywall", "button")
MOST_LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """The pieces of a snippet, each as text to copy."""

    tag: str
    evergreen: str
    pinned: str
    policy: str
    style: str = STYLE
    marking: str = ""
    allowed_origins: Sequence[str] = ()


def add_snippets(app: web.Application, embed: Embed) -> None:
    """Add the page to an application."""

    async def show_snippets(request: web.Request) -> web.Response:
        """GET /embed?what=…: a form, and the snippet of an item or creator with a preview; JSON for programs."""
        if not wants_page(request):
            return answer(_asked(gateway_of(request), embed, request.query))
        gateway, asked, status = gateway_of(request), dict(request.query), 200
        view: dict[str, Any] = {"themes": THEMES, "shapes": SHAPES, "asked": asked, "listed": _listed(gateway.catalog)}
        try:
            view["snippet"] = _asked(gateway, embed, asked)
        except NotFound:
            status = 404
        return render(
            request, "snippet.html", view | {"is_unknown": status != 200}, status=status, words=words_in("en")
        )

    app.router.add_get("/embed", show_snippets)


def item_snippet(gateway_url: str, embed: Embed, item: Item, *, shape: str = "paywall", theme: str = "auto") -> Snippet:
    """The snippet of an item: a paywall with the preview, or a button, and a link to the item's page inside."""
    words = "Download it" if item.kind is ItemKind.FILE else "Read the rest"
    link = f'<a href="{gateway_url}/i/{item.id}">{words} for {to_sat(item.price_msat)} sat</a>'
    opening = f'item="{item.id}"{_theme(theme)}'
    if shape == "button":
        return _snippet(gateway_url, embed, f"<tuppence-button {opening}>{link}</tuppence-button>")
    preview = item.preview_html.strip()
    shown = f'  <div slot="preview">\n{preview}\n  </div>\n' if preview else ""
    if item.kind is ItemKind.SEALED:
        shown += f"  <template {PAID_ATTRIBUTE}>\n    <p>What is paid for, until it is sealed.</p>\n  </template>\n"
    tag = f'<tuppence-paywall {opening} class="{PAID_CLASS}">\n{shown}  {link}\n</tuppence-paywall>'
    return replace(_snippet(gateway_url, embed, tag), marking=_marking(item))


def tip_snippet(gateway_url: str, embed: Embed, creator: Creator, *, theme: str = "auto") -> Snippet:
    """The snippet of a creator's tips."""
    link = f'<a href="{gateway_url}/t/{creator.name}">A tip for {escape(creator.title)}</a>'
    return _snippet(gateway_url, embed, f'<tuppence-tip to="{creator.name}"{_theme(theme)}>\n  {link}\n</tuppence-tip>')


def _asked(gateway: Gateway, embed: Embed, query: Mapping[str, str]) -> Snippet | None:
    what = query.get("what", "").strip()
    if not what:
        return None
    url = gateway.config.public_url
    theme = query.get("theme", "auto")
    if what.startswith("@"):
        return tip_snippet(url, embed, gateway.catalog.creator(what[1:]), theme=theme)
    item = gateway.catalog.item(what)
    snippet = item_snippet(url, embed, item, shape=query.get("shape", "paywall"), theme=theme)
    return replace(snippet, allowed_origins=item.allowed_origins)


def _listed(catalog: Catalog) -> list[tuple[str, str]]:
    """What a snippet can be asked for, as its name and its title: the creators, then the newest items on sale."""
    creators = [(f"@{creator.name}", creator.title) for creator in catalog.creators()]
    items = [(item.id, item.title) for item in catalog.listed()[:MOST_LISTED]]
    return [*creators[:MOST_LISTED], *items]


def _marking(item: Item) -> str:
    """The schema.org marking of a paywall, for search engines."""
    free = {"isAccessibleForFree": False}
    marking = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": item.title,
        **free,
        "hasPart": {"@type": "WebPageElement", **free, "cssSelector": f".{PAID_CLASS}"},
    }
    text = json.dumps(marking, ensure_ascii=False, indent=2).replace("<", "\\u003c")
    return f'<script type="application/ld+json">\n{text}\n</script>'


def _theme(theme: str) -> str:
    return f' theme="{theme}"' if theme in THEMES[1:] else ""


def _snippet(gateway_url: str, embed: Embed, tag: str) -> Snippet:
    pinned = f"{gateway_url}/embed/{embed.version}/{SCRIPT}"
    integrity = embed.newest().integrity
    return Snippet(
        tag=tag,
        evergreen=f'<script type="module" src="{gateway_url}/embed/v1.js" async></script>',
        pinned=f'<script type="module" src="{pinned}" integrity="{integrity}" crossorigin async></script>',
        policy=f"script-src {gateway_url}; connect-src {gateway_url}",
    )
