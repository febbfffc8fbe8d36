"""The path of the public URL, `/pay` in https://blog.example/pay, in links and in requested paths.

Some proxies forward the path and others strip it, so every route answers with and without it.
"""

from aiohttp import web

from gateway.web.http.application import gateway_of


def add_public_path(app: web.Application, public_path: str) -> None:
    """Add every route of the application a second time below the path; "" adds nothing."""
    if public_path:
        for route in list(app.router.routes()):
            assert route.resource is not None, "only routes with an address are added"
            app.router.add_route(route.method, public_path + route.resource.canonical, route.handler)


def path_of(request: web.Request, public_path: str) -> str:
    """The requested path without the public path."""
    return _below(public_path, request.path)


def route_of(request: web.Request, public_path: str) -> str:
    """The matched route's pattern without the public path. Logs use it: a path may name what a reader bought."""
    resource = request.match_info.route.resource
    return "none" if resource is None else _below(public_path, resource.canonical)


def with_public_path(request: web.Request, path: str) -> str:
    """A path of ours below the public path, for links and redirects."""
    return gateway_of(request).config.public_path + path


def _below(public_path: str, path: str) -> str:
    return path.removeprefix(public_path) if public_path and path.startswith(f"{public_path}/") else path
