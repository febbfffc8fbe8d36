"""The admin API for commands: over the running server's socket, or over one made for the occasion."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from gateway.cli import run
from gateway.config import Config, load_config
from gateway.errors import Conflict, Invalid, Refused, Unavailable


class Admin:
    """Calls as the operator, or as a creator from elsewhere."""

    def __init__(self, session: aiohttp.ClientSession, url: str = "http://admin") -> None:
        self._session, self._url = session, url

    async def call(self, method: str, path: str, *, json: Any = None, data: Any = None) -> Any:
        """The decoded answer. Raises `Refused` with the server's code and detail."""
        async with self._session.request(method, f"{self._url}{path}", json=json, data=data) as response:
            body = await response.json(content_type=None)
            if response.status >= 400:
                raise Refused(body["code"], body["detail"])
            return body


@asynccontextmanager
async def open_remote(gateway_url: str, api_key: str) -> AsyncIterator[Admin]:
    """The admin API of a gateway elsewhere. Raises `Invalid` (`api_key_needed`) and `Unavailable` (`gateway_away`)."""
    if not api_key:
        raise Invalid("api_key_needed", "Say with which key: TUPPENCE_API_KEY=tpk_… in the environment.")
    headers = {"Authorization": f"Bearer {api_key}"}
    try:
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Admin(session, gateway_url.rstrip("/"))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable("gateway_away", f"{gateway_url} does not answer as a gateway does: {error}.") from error


@asynccontextmanager
async def open_admin(config: Config) -> AsyncIterator[Admin]:
    """The running server's admin API; where none runs, its like on the data folder for this moment."""
    try:
        async with _connect(config) as admin:
            await admin.call("GET", "/healthz")
            yield admin
            return
    except aiohttp.ClientConnectorError:
        pass
    from gateway.app import build_app, open_gateway, serve_admin  # noqa: PLC0415  # only when no server runs

    try:
        async with (
            open_gateway(config, background=False) as gateway,
            serve_admin(build_app(gateway), config),
            _connect(config) as admin,
        ):
            yield admin
    except Conflict as error:
        raise Unavailable(error.code, f"{error.detail} (The server there does not answer on its socket.)") from error


def admin_call(method: str, path: str, *, json: Any = None, data: Any = None) -> Any:
    """One call, whole."""

    async def call() -> Any:
        async with open_admin(load_config()) as admin:
            return await admin.call(method, path, json=json, data=data)

    return run(call())


@asynccontextmanager
async def _connect(config: Config) -> AsyncIterator[Admin]:
    connector = aiohttp.UnixConnector(path=str(config.admin_socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Admin(session)
