"""`tuppence embed`: what to paste into a page."""

import json
from typing import Annotated, Literal
from urllib.parse import urlencode

import typer

from gateway.cli.admin_call import admin_call
from gateway.cli.pasted import thing_of
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

# What is unseen in a title or a preview is pasted in a form that means the same there.
_ESCAPES = {"tag": lambda letter: f"&#x{ord(letter):x};", "marking": lambda letter: json.dumps(letter)[1:-1]}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("embed")(embed)


def embed(
    what: Annotated[str, typer.Argument(help="An item's id, or @ and a creator's name for tips.")],
    shape: Annotated[Shape, typer.Option(help="A button is one button in a line.")] = "paywall",
    theme: Annotated[Theme, typer.Option(help="Auto follows the page.")] = "auto",
) -> None:
    """Print what to paste: the tag, the script evergreen and pinned, the lines of policy and style to add."""
    snippet = admin_call("GET", "/embed?" + urlencode({"what": thing_of(what), "shape": shape, "theme": theme}))
    if snippet["allowed_origins"]:
        say(("Only in pages of", "bold"))
        say(" ".join(snippet["allowed_origins"]))
        say()
    for name, title in ((name, title) for name, title in _TITLES.items() if snippet[name]):
        say((title, "bold"))
        for line in snippet[name].split("\n"):
            say(visible(line, _ESCAPES.get(name)))
        say()
