"""Templates to answers: one look, one content security policy, refusals as pages."""

from base64 import urlsafe_b64encode
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from jinja2 import BaseLoader, ChoiceLoader, PackageLoader

from gateway.errors import OutcomeUnknown, TuppenceError, Unavailable
from gateway.web.assets import Assets
from gateway.web.gateway import gateway_of
from gateway.web.problems import status_of
from gateway.web.views import problem_view

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A form's POST names its origin only if the page sends referrers to its own host.
REFERRER_POLICY = "same-origin"
NONCE_BYTES = 16
AWAY = "The creator's node is not answering. Nothing was charged; try again in a moment."
_AWAY_CODES = ("node_away", "node_locked", "node_starting", "node_syncing", "node_refused")


def add_templates(app: web.Application) -> None:
    """Make templates and static files known to an application."""
    assets = Assets("gateway.web", "/static")
    app.router.add_get("/static/{name}", assets.answer)
    environment = aiohttp_jinja2.setup(
        app, loader=PackageLoader("gateway.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["static"] = assets.url


def put_before(app: web.Application, loader: BaseLoader, **variables: Any) -> None:
    """Look for templates with `loader` first: it may provide those that the pages include if they are there."""
    environment = aiohttp_jinja2.get_env(app)
    assert environment.loader is not None, "add_templates comes first"
    environment.loader = ChoiceLoader([loader, environment.loader])
    environment.globals.update(variables)


def render(request: web.Request, template: str, view: dict[str, Any], *, status: int = 200) -> web.Response:
    """A page, with headers that let it load nothing but what is ours."""
    nonce = urlsafe_b64encode(gateway_of(request).random_bytes(NONCE_BYTES)).rstrip(b"=").decode()
    response = aiohttp_jinja2.render_template(template, request, view | {"nonce": nonce}, status=status)
    response.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
    response.headers["Referrer-Policy"] = REFERRER_POLICY
    response.enable_compression()
    return response


def problem_page(request: web.Request, error: TuppenceError) -> web.Response:
    """A refusal for a person: what happened, and when to try again."""
    is_away = isinstance(error, OutcomeUnknown) or (isinstance(error, Unavailable) and error.code in _AWAY_CODES)
    detail = AWAY if is_away else error.detail
    status = status_of(error)
    view = problem_view(status, detail, retry_after_seconds=error.retry_after_seconds)
    response = render(request, "problem.html", view, status=status)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def not_found_page(request: web.Request) -> web.Response:
    """An address that is none, for a person."""
    detail = "There is nothing at this address. It may have been cut short on its way to you."
    return render(request, "problem.html", problem_view(404, detail, retry_after_seconds=None), status=404)


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for a person, to whom a refusal is better shown than told in JSON."""
    return any("text/html" in accepted for accepted in request.headers.getall("Accept", ()))
