"""The demo's page of another site that embeds the gateway, under a strict policy; and the gallery of embed states."""

from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web

from gateway.demo.content import ESSAY_ID, FILE_ID, WRITER
from gateway.demo.embed_states import GALLERY, STATES
from gateway.errors import NotFound
from gateway.web.http.application import gateway_of
from gateway.web.http.qr import payment_qr
from gateway.web.pages.problem import as_page

# The policy that an embedding page needs; `self` is for the page's own scripts and styles.
POLICY = (
    "default-src 'none'; script-src 'self' {gateway}; connect-src 'self' {gateway}; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; frame-src 'self'"
)
SAMPLE_INVOICE = (
    "lnbcrt1u1p5jt8z4pp5q9skm2lrfmvq8h0k4cnzu6yr7cd3ea2wg5xj6s8t0p4v7n9l3hdsdqhf4hkuceqnzuqfpx7cmfw3jhxapq"
    "cqzzsxqzjcsp5h0x9k2m4n6p8r0t2v4w6y8z0a2c4d6e8f0g2h4j6k8l0m2n4p6rq9qxpqysgq3e5f7g9h2j4k6l8m0n2p4r6s8t0v2w4x"
    "6y8z0a2c4d6e8f0g2h4j6k8l0m2n4p6r8s0t2v4w6x8y0z2a4c6d8e0f2g4h6j8k0l2m4n6cpqq7d8e9"
)


def add_embedding_site(app: web.Application, static: Callable[[str], str]) -> None:
    """Add the pages to an application."""

    async def show_site(request: web.Request) -> web.Response:
        """GET /demo/press."""
        gateway = gateway_of(request)
        essay = gateway.catalog.item(ESSAY_ID)
        view = {"essay": essay, "file_id": FILE_ID, "tip_to": WRITER, "wallet": request.query.get("wallet", "browser")}
        return _render(request, "embedding_site.html", view | {"late": "late" in request.query})

    async def show_gallery(request: web.Request) -> web.Response:
        """GET /demo/gallery."""
        return _render(request, "gallery.html", {"groups": GALLERY})

    async def show_state(request: web.Request) -> web.Response:
        """GET /demo/gallery/{state}?theme=…&lang=…: one state by itself."""
        state = STATES.get(request.match_info["state"])
        if state is None:
            raise NotFound("state_not_found", "The gallery has no such state; /demo/gallery shows those it has.")
        theme, lang = request.query.get("theme", "auto"), request.query.get("lang", "en")
        return _render(request, "state.html", {"state": state, "theme": theme, "lang": lang, "sample": SAMPLE_INVOICE})

    async def draw_sample(_: web.Request) -> web.Response:
        """GET /demo/sample.svg."""
        return web.Response(text=payment_qr(SAMPLE_INVOICE), content_type="image/svg+xml")

    def _render(request: web.Request, template: str, view: dict[str, object]) -> web.Response:
        origin = gateway_of(request).config.public_url
        view = view | {"gateway": origin, "demo_static": static}
        response = aiohttp_jinja2.render_template(template, request, view)
        response.headers["Content-Security-Policy"] = POLICY.format(gateway=origin)
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    app.router.add_get("/demo/press", as_page(show_site))
    app.router.add_get("/demo/gallery", as_page(show_gallery))
    app.router.add_get("/demo/gallery/{state}", as_page(show_state))
    app.router.add_get("/demo/sample.svg", draw_sample)


def embedding_site_url(public_url: str) -> str:
    """The press under this machine's other name, which is another origin."""
    parts = urlsplit(public_url)
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(parts.hostname or "")
    return f"{parts.scheme}://{other}:{parts.port}/demo/press" if other and parts.port else "/demo/press"
