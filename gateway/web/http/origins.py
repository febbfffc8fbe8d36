"""Checks of the Origin header: the syntax, the gateway's own pages, and the forms that they send."""

from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import Forbidden
from gateway.web.http.application import gateway_of

# The opaque origin: of a file, a sandboxed frame, or a page that may send no referrer.
OPAQUE = "null"


def check_form_origin(request: web.Request) -> None:
    """Check that a form was sent by a page of the same host, against cross-site request forgery.

    Sec-Fetch-Site decides if the origin is missing or opaque: a proxy that adds `Referrer-Policy: no-referrer` makes
    the origin of our own pages opaque. Raises `Forbidden` (`origin_wrong`).
    """
    web_origin, fetch_site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if web_origin is None:
        # No browser omits both headers in a form sent across sites, so this is a program.
        is_own = fetch_site in {None, "same-origin", "none"}
    elif web_origin == OPAQUE:
        is_own = fetch_site == "same-origin"
    else:
        is_own = is_own_origin(request, web_origin) or _host_of(web_origin) == _named_host(request) != ""
    if not is_own:
        raise Forbidden("origin_wrong", "This form came from another site; open the page itself and pay there.")


def is_own_origin(request: web.Request, web_origin: str) -> bool:
    """Whether an origin is the gateway's own: that of the public URL, or of the requested IP address or `localhost`.

    Another host name that resolves to this machine is not proof, because its owner chooses where it resolves.
    """
    if web_origin == _origin(gateway_of(request).config.public_url):
        return True
    host = _named_host(request)
    return bool(web_origin) and _host_of(web_origin) == host and is_ip_or_localhost(host)


def is_own_host(request: web.Request) -> bool:
    """Whether the Host header is that of the public URL, an IP address or `localhost`."""
    host = _named_host(request)
    return host == _host_of(_origin(gateway_of(request).config.public_url)) or is_ip_or_localhost(host)


def is_ip_or_localhost(host: str) -> bool:
    """Whether a host, with or without a port, is an IP address or `localhost`."""
    name = hostname(host)
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _named_host(request: web.Request) -> str:
    return request.headers.get("Host", "").lower()


def hostname(host: str) -> str:
    """The name in a Host header without port and brackets; "" if there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _host_of(web_origin: str) -> str:
    try:
        return urlsplit(web_origin).netloc
    except ValueError:
        return ""


@cache
def _origin(url: str) -> str:
    """The origin of a URL as browsers write it."""
    parts = urlsplit(url)
    usual_port = {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname or ""
    with suppress(UnicodeError):
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in {None, usual_port} else "")
