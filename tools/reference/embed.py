"""The reference of the embed: attributes and events by its TypeScript types, sizes by its built files."""

import gzip
import re

from gateway.web.embed.files import Embed
from tools.reference.markdown import ROOT, table

TYPES = ROOT / "paywall" / "types" / "tuppence.d.ts"
_SHARED_BY_HTML = {"lang", "id", "class", "className", "slot", "hidden", "style", "key", "ref", "children"}
_ELEMENTS = {
    "Common": "all",
    "TuppencePaywallAttributes": "`<tuppence-paywall>`",
    "TuppenceTipAttributes": "`<tuppence-tip>`",
    "TuppenceButtonAttributes": "`<tuppence-button>`",
}
ATTRIBUTES = {
    "theme": "`auto`, `light` or `dark`; `auto` follows the page's `color-scheme`",
    "gateway": "the gateway's address, if the script comes from elsewhere",
    "item": "the id of the item that is sold",
    "to": "the name of the creator who is tipped",
    "amount": "the amount in whole sats that is offered first",
    "rest": "the page shows the preview itself, so only what follows it opens",
    "sealed": "the ciphertext that `tuppence seal` wrote",
}
EVENTS = {
    "tuppence-ready": "the element shows its price, or what was paid for",
    "tuppence-invoice": "an invoice is shown; the event carries no token",
    "tuppence-paid": "the gateway reports the invoice as settled",
    "tuppence-unlocked": "what was paid for is in the page; `again`: it was paid for before",
    "tuppence-expired": "the invoice that is shown has expired; a late payment still counts",
    "tuppence-error": "a request was refused or failed; `code` is the gateway's, or `unreachable`",
}
PROPERTIES = {
    "--tuppence-accent": "the colour of buttons and marks",
    "--tuppence-on-accent": "the colour of text on it",
    "--tuppence-paper": "the background",
    "--tuppence-ink": "the text",
    "--tuppence-muted": "secondary text",
    "--tuppence-rule": "lines",
    "--tuppence-radius": "the radius of corners",
    "--tuppence-font": "the font of the interface",
    "--tuppence-serif": "the font of titles",
}
PARTS = {
    "card": "the element's box",
    "button": "a button with a price",
    "amount": "the price",
    "sheet": "the payment sheet",
    "qr": "the QR code",
    "status": "the line that says what is going on",
    "onward": "the line after what was opened: tip the creator, more by them, copy the page's link",
    "newcomers": "the line under the button for readers who have no wallet yet",
}
# The files that a reader's browser loads, and when.
FILES = {
    "embed.js": "with the page",
    "sheet.js": "when the reader comes near a button, once",
    "opened.js": "with `sheet.js`, or for what was paid for before",
    "extras.js": "once a card stands: its price in the reader's currency, and the line for readers without a wallet",
    "tipping.js": "with a `<tuppence-tip>`",
    "help.js": "when a reader asks how to pay without a wallet; then the gateway is asked for its list of wallets",
    "recover.js": "when a reader enters a recovery code, or arrives by a link of the gateway",
    "hosted.js": "with the gateway's own pages, in place of `embed.js` and `opened.js`",
    "connect.js": "on the gateway's own pages, when a reader connects a wallet over Nostr",
    "words-de.json": "for a reader of another language than English; the other six are of similar size",
}


def attributes() -> str:
    """The attributes of the elements, in the order of the types."""
    rows = []
    for interface, element in _ELEMENTS.items():
        for name in members(interface):
            rows += [] if name in _SHARED_BY_HTML else [(element, f"`{name}`", ATTRIBUTES[name])]
    return table(("element", "attribute", "meaning"), rows)


def events() -> str:
    """The events of the elements with their `detail`."""
    found = re.findall(r'"(tuppence-\w+)": Event & \{ readonly detail: (.+?) \};', TYPES.read_text(encoding="utf-8"))
    rows = [(f"`{name}`", f"`{detail}`", EVENTS[name]) for name, detail in found]
    return table(("event", "`detail`", "meaning"), rows)


def styles() -> str:
    """The custom properties and parts that a page may style."""
    rows = [(f"`{name}`", meaning) for name, meaning in PROPERTIES.items()]
    rows += [(f"`::part({name})`", meaning) for name, meaning in PARTS.items()]
    return table(("name", "what it is"), rows)


def sizes() -> str:
    """The embed's files with their compressed sizes."""
    rows = [
        (f"`{name}`", f"{len(gzip.compress(Embed().newest(name).body, 9)):,}", when) for name, when in FILES.items()
    ]
    return table(("file", "bytes, gzip -9", "loaded"), rows)


def members(interface: str) -> list[str]:
    """The names of an interface's members in the TypeScript types."""
    body = re.search(rf"interface {interface}\b[^{{]*\{{(.*?)\n\}}", TYPES.read_text(encoding="utf-8"), re.DOTALL)
    assert body is not None, interface
    return re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE)
