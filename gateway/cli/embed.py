"""`tuppence embed`: prints the HTML that sells an item in a page."""

import json
from typing import Annotated, Literal
from urllib.parse import urlencode

import typer

from gateway.cli.admin_call import admin_call
from gateway.cli.arguments import item_or_creator_of
from gateway.terminal import say, visible

Shape = Literal["paywall", "button"]
Theme = Literal["auto", "light", "dark"]

_TITLES = {
    "tag": "The tag",
    "evergreen": "The script, once in the page",
    "pinned": "or pinned to these bytes",
    "marking": "For search engines, in the head of a page that is one paid text",
    "policy": "Add to the page's Content-Security-Policy, if it has one",
    "style": "Add to its style sheet, so that nothing moves while the script is on its way",
}

# Invisible characters of a title or a preview are printed as escapes that mean the same in HTML or JSON.
_ESCAPES = {"tag": lambda letter: f"&#x{ord(letter):x};", "marking": lambda letter: json.dumps(letter)[1:-1]}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("embed")(embed)


def embed(
    what: Annotated[str, typer.Argument(help="An item's id, or @ and a creator's name for tips.")],
    shape: Annotated[Shape, typer.Option(help="A paywall block, or one button in a line of text.")] = "paywall",
    theme: Annotated[Theme, typer.Option(help="Auto follows the colour scheme of the page.")] = "auto",
) -> None:
    """Print the HTML to paste into a page, to sell an item or take tips.

    It prints the tag, the script (evergreen, or pinned to its bytes), and lines for the page's Content-Security-Policy
    and style sheet.
    """
    snippet = admin_call(
        "GET", "/embed?" + urlencode({"what": item_or_creator_of(what), "shape": shape, "theme": theme})
    )
    if snippet["allowed_origins"]:
        say(("Only in pages of", "bold"))
        say(" ".join(snippet["allowed_origins"]))
        say()
    for name, title in ((name, title) for name, title in _TITLES.items() if snippet[name]):
        say((title, "bold"))
        for line in snippet[name].split("\n"):
            say(visible(line, _ESCAPES.get(name)))
        say()
