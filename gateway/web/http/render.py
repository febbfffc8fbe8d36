"""Renders templates as responses with a content security policy, in the reader's language."""

from base64 import urlsafe_b64encode
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web
from jinja2 import BaseLoader, ChoiceLoader, PackageLoader

from gateway.errors import TuppenceError
from gateway.rates.rate import Rate
from gateway.sales.wallets import Device, Wallet
from gateway.web.http.application import gateway_of
from gateway.web.http.assets import Assets
from gateway.web.http.language import LANGUAGES, Fiat, Words, language_query, rate_for, wallets_of, words_of
from gateway.web.http.problems import status_of
from gateway.web.http.public_path import path_of, with_public_path

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'{relays}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A page on which a reader connects a wallet opens WebSockets to its relay; unencrypted ones only without TLS.
RELAYS = {"https": " wss:", "http": " wss: ws:"}
# What the User-Agent of a phone or tablet contains.
PHONES: dict[Device, tuple[str, ...]] = {"android": ("Android",), "ios": ("iPhone", "iPad", "iPod")}
# Browsers send Origin with a form's POST only if the page sends referrers to its own host.
REFERRER_POLICY = "same-origin"
NONCE_BYTES = 16
# Pages are compressed on the event loop for each view.
MOST_COMPRESSED_BYTES = 128 * 1024


def add_templates(app: web.Application, *, public_path: str = "") -> None:
    """Set up the templates and serve the static files of the pages."""
    assets = Assets("gateway.web", f"{public_path}/static")
    app.router.add_get("/static/{name}", assets.answer)
    environment = aiohttp_jinja2.setup(
        app, loader=PackageLoader("gateway.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(static=assets.url, base=public_path)


def add_globals(app: web.Application, **variables: Any) -> None:
    """Add variables to every template."""
    aiohttp_jinja2.get_env(app).globals.update(variables)


def add_loader(app: web.Application, loader: BaseLoader, **variables: Any) -> None:
    """Search templates with `loader` first, so that it can provide optional includes, and add variables."""
    environment = aiohttp_jinja2.get_env(app)
    assert environment.loader is not None, "add_templates comes first"
    environment.loader = ChoiceLoader([loader, environment.loader])
    add_globals(app, **variables)


def render(
    request: web.Request, template: str, view: dict[str, Any], *, status: int = 200, words: Words | None = None
) -> web.Response:
    """Render a page in the reader's language, or in `words`, with a policy that allows only our own resources."""
    nonce = urlsafe_b64encode(gateway_of(request).random_bytes(NONCE_BYTES)).rstrip(b"=").decode()
    spoken = words or words_of(request)
    relays = _relays(request) if view.get("connects") else ""
    view = view | {"connects": bool(relays)}
    ours: dict[str, Any] = {"nonce": nonce, "lang": language_query(request), "may_choose": words is None}
    # Called by the pages that name them.
    ours["wallets"] = partial(_wallets, request, spoken)
    variables = language_variables(spoken, rate_for(request)) | ours | view
    response = aiohttp_jinja2.render_template(template, request, variables, status=status)
    response.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce, relays=relays)
    response.headers["Referrer-Policy"] = REFERRER_POLICY
    response.headers["Content-Language"] = spoken.tag
    response.headers["Vary"] = "Accept-Language"
    if (response.content_length or 0) <= MOST_COMPRESSED_BYTES:
        response.enable_compression()
    return response


def may_be_kept(page: web.Response) -> web.Response:
    """Let the reader's own browser keep a page that no token or cookie had a part in, so that going back restores it.

    Shared caches keep no copy, and a page that is requested anew is asked for again. Every other page is `no-store`.
    """
    page.headers["Cache-Control"] = "private, no-cache"
    page.headers["Vary"] = "Accept-Language, Cookie"
    return page


def _wallets(request: web.Request, words: Words) -> list[dict[str, Any]]:
    """The wallets for a reader who has none. A phone is shown its own; elsewhere each says where it runs."""
    agent = request.headers.get("User-Agent", "")
    device = next((device for device, names in PHONES.items() if any(name in agent for name in names)), None)
    places: dict[Device, str] = {"ios": "iPhone", "android": "Android", "browser": words.say("in the browser")}
    return [
        {
            "name": wallet.name,
            "url": wallet.url,
            "notes": [*([places[one] for one in wallet.devices] if device is None else []), _time(wallet, words)],
        }
        for wallet in wallets_of(request, device=device)
    ]


def _time(wallet: Wallet, words: Words) -> str:
    """`about 2 min`, on one line."""
    about = words.say("about {time}", time=words.measure(wallet.minutes, "duration-minute"))
    return about.replace(" ", "\N{NO-BREAK SPACE}")


def _relays(request: web.Request) -> str:
    """No relays if the public URL has a path: other pages of that origin could read a wallet connection and spend."""
    public = urlsplit(gateway_of(request).config.public_url)
    return RELAYS[public.scheme] if public.path in {"", "/"} else ""


def language_variables(words: Words, rate: Rate | None = None) -> dict[str, Any]:
    """The template variables of a language, and of the rate of its reader's currency."""
    return {"_": words.say, "language": words.tag, "languages": LANGUAGES, "fiat": Fiat(rate, words)}


def refused_form(request: web.Request, template: str, view: dict[str, Any], error: TuppenceError) -> web.Response:
    """Render a form again with the status of an error, keeping what was typed."""
    response = render(request, template, view, status=status_of(error))
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def see_other(request: web.Request) -> web.Response:
    """Redirect (303) to the page whose form was sent, keeping a chosen language."""
    path = path_of(request, gateway_of(request).config.public_path)
    return web.Response(status=303, headers={"Location": with_public_path(request, path + language_query(request))})


def wants_page(request: web.Request) -> bool:
    """Whether the client accepts HTML: a browser, which gets errors as pages."""
    return any("text/html" in accepted for accepted in request.headers.getall("Accept", ()))
