"""Forms of our own pages: what must hold before one changes anything."""

from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import Forbidden
from gateway.web.http.app_keys import gateway_of

# The origin of a page that names none: of a file, of a sandboxed frame, or where no referrer may be sent.
OPAQUE = "null"


def check_origin(request: web.Request) -> None:
    """A form comes from a page that was served under the host to which it is sent.

    What the browser says of the way (Sec-Fetch-Site) decides where it names no origin: a proxy that adds
    `Referrer-Policy: no-referrer` makes our own pages name none. Raises `Forbidden` (`origin_wrong`).
    """
    web_origin, way = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if web_origin is None:
        # A browser that tells neither sends no form across sites without its origin: this is a program's.
        is_own = way in {None, "same-origin", "none"}
    elif web_origin == OPAQUE:
        is_own = way == "same-origin"
    else:
        is_own = is_ours(request, web_origin) or _host_of(web_origin) == _named_host(request) != ""
    if not is_own:
        raise Forbidden("origin_wrong", "This form came from another site; open the page itself and pay there.")


def is_ours(request: web.Request, web_origin: str) -> bool:
    """Whether a page of this origin is one of the gateway's own: under the public URL, or an address of this machine.

    A name that leads here is no proof: whoever owns it chose where it leads. Nobody owns `localhost`, or an IP address.
    """
    if web_origin == _origin(gateway_of(request).config.public_url):
        return True
    return bool(web_origin) and _host_of(web_origin) == _named_host(request) and is_nobodys_name(_named_host(request))


def reached_by_own_name(request: web.Request) -> bool:
    """Whether the host of the request is that of the public URL, or an address of this machine."""
    return _named_host(request) == _host_of(_origin(gateway_of(request).config.public_url)) or is_nobodys_name(
        _named_host(request)
    )


def is_nobodys_name(host: str) -> bool:
    """Whether a host, with its port or without, is an IP address or `localhost`."""
    name = hostname(host)
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _named_host(request: web.Request) -> str:
    return request.headers.get("Host", "").lower()


def hostname(host: str) -> str:
    """The name in a Host header, without its port and brackets; empty where there is none."""
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
    """As a browser writes it."""
    parts = urlsplit(url)
    usual_port = {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname or ""
    with suppress(UnicodeError):
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in {None, usual_port} else "")
