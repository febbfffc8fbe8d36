"""Templates to answers: one look, one content security policy, refusals as pages."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web
from jinja2 import BaseLoader, ChoiceLoader, PackageLoader

from gateway.errors import TuppenceError
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.assets import Assets
from gateway.web.http.language import LANGUAGES, Words, chosen, words_of
from gateway.web.http.problems import status_of
from gateway.web.http.public_path import link, path_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'{relays}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A page on which a reader's own wallet is connected reaches its relay; without TLS, one without it too.
RELAYS = {"https": " wss:", "http": " wss: ws:"}
# A form's POST names its origin only if the page sends referrers to its own host.
REFERRER_POLICY = "same-origin"
NONCE_BYTES = 16
# Each view compresses its page, on the event loop.
MOST_COMPRESSED_BYTES = 128 * 1024


def add_templates(app: web.Application, *, public_path: str = "") -> None:
    """Make templates and static files known to an application."""
    assets = Assets("gateway.web", f"{public_path}/static")
    app.router.add_get("/static/{name}", assets.answer)
    environment = aiohttp_jinja2.setup(
        app, loader=PackageLoader("gateway.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(static=assets.url, base=public_path)


def put_globals(app: web.Application, **variables: Any) -> None:
    """Make variables known to every template."""
    aiohttp_jinja2.get_env(app).globals.update(variables)


def put_before(app: web.Application, loader: BaseLoader, **variables: Any) -> None:
    """Look for templates with `loader` first: it may provide those that the pages include if they are there."""
    environment = aiohttp_jinja2.get_env(app)
    assert environment.loader is not None, "add_templates comes first"
    environment.loader = ChoiceLoader([loader, environment.loader])
    put_globals(app, **variables)


def render(
    request: web.Request, template: str, view: dict[str, Any], *, status: int = 200, words: Words | None = None
) -> web.Response:
    """A page in its reader's language, or in `words`, with headers that let it load nothing but what is ours."""
    nonce = urlsafe_b64encode(gateway_of(request).random_bytes(NONCE_BYTES)).rstrip(b"=").decode()
    spoken = words or words_of(request)
    relays = _relays(request) if view.get("connects") else ""
    view = view | {"connects": bool(relays)}
    variables = said(spoken) | {"nonce": nonce, "lang": chosen(request), "may_choose": words is None} | view
    response = aiohttp_jinja2.render_template(template, request, variables, status=status)
    response.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce, relays=relays)
    response.headers["Referrer-Policy"] = REFERRER_POLICY
    response.headers["Content-Language"] = spoken.tag
    response.headers["Vary"] = "Accept-Language"
    if (response.content_length or 0) <= MOST_COMPRESSED_BYTES:
        response.enable_compression()
    return response


def _relays(request: web.Request) -> str:
    """None where the gateway shares its origin with other pages: those could read a connection, and it spends."""
    public = urlsplit(gateway_of(request).config.public_url)
    return RELAYS[public.scheme] if public.path in {"", "/"} else ""


def said(words: Words) -> dict[str, Any]:
    """What every template needs of a language."""
    return {"_": words.say, "language": words.tag, "languages": LANGUAGES}


def refused_form(request: web.Request, template: str, view: dict[str, Any], error: TuppenceError) -> web.Response:
    """A page with the status of a refusal, for what was typed to stay where it was typed."""
    response = render(request, template, view, status=status_of(error))
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def see_other(request: web.Request) -> web.Response:
    """303 to the page whose form was sent, in the language that was chosen there."""
    path = path_of(request, gateway_of(request).config.public_path)
    return web.Response(status=303, headers={"Location": link(request, path + chosen(request))})


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for a person, to whom a refusal is better shown than told in JSON."""
    return any("text/html" in accepted for accepted in request.headers.getall("Accept", ()))
