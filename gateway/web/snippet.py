"""What a creator pastes: the tag, the script evergreen or pinned, the lines of policy and of style."""

from dataclasses import dataclass
from html import escape

from aiohttp import web

from gateway.money import to_sat
from gateway.rows import Creator, Item, ItemKind
from gateway.web.embed import SCRIPT, Embed
from gateway.web.gateway import gateway_of
from gateway.web.render import render

# Rooms that the elements take: a page that reserves them sees nothing move.
STYLE = """tuppence-paywall, tuppence-tip { display: block; }
tuppence-paywall:not(:defined) > a { display: block; min-height: 14.5rem; }
tuppence-tip:not(:defined) > a { display: block; min-height: 18rem; }
tuppence-button:not(:defined) { display: inline-block; min-height: 2.5rem; vertical-align: middle; }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """Each piece as text, to be copied."""

    tag: str
    evergreen: str
    pinned: str
    policy: str
    style: str = STYLE


def item_snippet(gateway_url: str, embed: Embed, item: Item) -> Snippet:
    """For an item: its preview inside the tag, and a link to its page."""
    preview = f'  <div slot="preview">{item.preview_html.strip()}</div>\n' if item.preview_html.strip() else ""
    words = "Download it" if item.kind is ItemKind.FILE else "Read the rest"
    link = f'  <a href="{gateway_url}/i/{item.id}">{words} for {to_sat(item.price_msat)} sat</a>\n'
    tag = f'<tuppence-paywall item="{item.id}">\n{preview}{link}</tuppence-paywall>'
    return _snippet(gateway_url, embed, tag)


def tip_snippet(gateway_url: str, embed: Embed, creator: Creator) -> Snippet:
    """For a creator's tips."""
    link = f'<a href="{gateway_url}/t/{creator.name}">Leave {escape(creator.title)} a tip</a>'
    return _snippet(gateway_url, embed, f'<tuppence-tip to="{creator.name}">{link}</tuppence-tip>')


def show_snippets(embed: Embed) -> web.RequestHandler:  # type: ignore[type-arg]
    """The handler of GET /embed."""
    raise NotImplementedError


def _snippet(gateway_url: str, embed: Embed, tag: str) -> Snippet:
    pinned = f"{gateway_url}/embed/{embed.version}/{SCRIPT}"
    return Snippet(
        tag=tag,
        evergreen=f'<script type="module" src="{gateway_url}/embed/v1.js" async></script>',
        pinned=f'<script type="module" src="{pinned}"\n  integrity="{embed.newest().integrity}" crossorigin async></script>',
        policy=f"script-src {gateway_url}; connect-src {gateway_url}",
    )
