"""The embed's files: `v1.js` is the newest script and is revalidated; a file under a version never changes."""

from importlib.resources import files

from aiohttp import web

from gateway.web.http.assets import FOR_EVER, Asset, read_assets, send_asset

SCRIPT = "embed.js"
# Spares a page with many readers most requests; a fix arrives within minutes.
SHORTLY = "public, max-age=300, stale-while-revalidate=86400"
# Pages of any origin load the script with `crossorigin`, for its integrity to be checked.
OPEN_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


class Embed:
    """The files of every released version. Old versions stay, because pages pin them."""

    def __init__(self) -> None:
        versions = [folder.name for folder in files("gateway.web").joinpath("static", "embed").iterdir()]
        self._versions = {version: read_assets("gateway.web", f"static/embed/{version}") for version in versions}
        self.version = max(self._versions, key=_order)

    def newest(self, name: str = SCRIPT) -> Asset:
        """A file of the newest version."""
        return self._versions[self.version][name]

    def url(self, name: str) -> str:
        """The path of a file of the newest version at this gateway."""
        return f"/embed/{self.version}/{name}"

    def add_to(self, app: web.Application) -> None:
        """Add the routes to an application."""
        app.router.add_get("/embed/v1.js", self.evergreen)
        app.router.add_get("/embed/{version}/{name}", self.pinned)

    async def evergreen(self, request: web.Request) -> web.Response:
        """GET /embed/v1.js: the newest script of the first generation."""
        return _answer(request, self.newest(), SHORTLY)

    async def pinned(self, request: web.Request) -> web.Response:
        """GET /embed/{version}/{name}."""
        asset = self._versions.get(request.match_info["version"], {}).get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return _answer(request, asset, FOR_EVER)


def _answer(request: web.Request, asset: Asset, cache_control: str) -> web.Response:
    response = send_asset(request, asset, cache_control=cache_control)
    response.headers.update(OPEN_HEADERS)
    return response


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
