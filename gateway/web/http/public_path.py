"""The path of the public URL, `/pay` in https://blog.example/pay: in what we link to, and in what we are asked for.

Some proxies pass the path on and others take it off, so every address is answered with it and without it.
"""

from aiohttp import web

from gateway.web.http.app_keys import gateway_of


def add_public_path(app: web.Application, public_path: str) -> None:
    """Answer every route of the application below the path as well; "" adds nothing."""
    if public_path:
        for route in list(app.router.routes()):
            assert route.resource is not None, "only routes with an address are added"
            app.router.add_route(route.method, public_path + route.resource.canonical, route.handler)


def path_of(request: web.Request, public_path: str) -> str:
    """The path that was asked for, without that of the public URL."""
    return _below(public_path, request.path)


def route_of(request: web.Request, public_path: str) -> str:
    """The pattern that matched, likewise; never the path, which may name what a reader bought."""
    resource = request.match_info.route.resource
    return "none" if resource is None else _below(public_path, resource.canonical)


def link(request: web.Request, path: str) -> str:
    """The address on this host of one of our own paths."""
    return gateway_of(request).config.public_path + path


def _below(public_path: str, path: str) -> str:
    return path.removeprefix(public_path) if public_path and path.startswith(f"{public_path}/") else path
