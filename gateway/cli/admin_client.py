"""The client of the admin API: over the socket of the running server, or of one that is started for the command."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from gateway.cli.existing_gateway import require_gateway, require_keys
from gateway.config import Config
from gateway.errors import Conflict, Invalid, OutcomeUnknown, Refused, Unavailable

ANSWER_SECONDS = 10.0
# A purge of a large database, or an upload, may take long.
CALL_SECONDS = 3_600.0


class Admin:
    """Calls the admin API as the operator, or as a creator from elsewhere. `alone`: no server runs on the data."""

    def __init__(
        self, session: aiohttp.ClientSession, where: str, url: str = "http://admin", *, alone: bool = False
    ) -> None:
        self._session, self._where, self._url, self.alone = session, where, url, alone

    async def call(
        self, method: str, path: str, *, json: Any = None, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Make a call; returns the decoded answer.

        Raises `Refused` with the server's code and detail, `Unavailable` (`gateway_away`) where no gateway answers,
        `OutcomeUnknown` (`answer_lost`) where the gateway may have done what was asked.
        """
        try:
            async with self._session.request(
                method, f"{self._url}{path}", json=json, data=data, headers=headers
            ) as response:
                body = await response.json(content_type=None)
        except aiohttp.ClientConnectorError as error:
            raise self._away(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if method == "GET":
                raise self._away(str(error) or type(error).__name__) from error
            raise OutcomeUnknown(
                "answer_lost",
                f"{self._where} stopped before it answered: the request may have been carried out. "
                "Check before you repeat it.",
            ) from error
        if response.status < 400:
            return body
        if not isinstance(body, dict) or not {"code", "detail"} <= body.keys():
            raise self._away(f"status {response.status}")
        raise Refused(str(body["code"]), str(body["detail"]))

    def _away(self, reason: str) -> Unavailable:
        return Unavailable("gateway_away", f"{self._where} gave no valid answer, or has stopped: {reason}.")


@asynccontextmanager
async def open_remote(gateway_url: str, api_key: str) -> AsyncIterator[Admin]:
    """The admin API of a gateway elsewhere. Raises `Invalid` (`api_key_needed`)."""
    if not api_key:
        raise Invalid("api_key_needed", "Set TUPPENCE_API_KEY=tpk_… in the environment.")
    headers = {"Authorization": f"Bearer {api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Admin(session, gateway_url, gateway_url.rstrip("/"))


@asynccontextmanager
async def open_admin(
    config: Config, *, reads: bool = False, missing: str = "database_missing", answer_seconds: float = ANSWER_SECONDS
) -> AsyncIterator[Admin]:
    """The admin API of the running server; if none runs, one is started on the data folder for this command.

    Raises `Unavailable` (`gateway_away`, `data_in_use`), and as `require_gateway` does.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(config.admin_socket))
        answers = partial(server_answers, session, config.admin_socket, answer_seconds=answer_seconds)
        alone = not await answers()
        if alone:
            try:
                await stack.enter_async_context(_served_alone(config, reads=reads, missing=missing))
            except Conflict as error:
                # A server that was starting may answer now.
                if error.code != "data_in_use" or not await answers():
                    detail = f"{error.detail} (The server there does not answer on its socket.)"
                    raise Unavailable(error.code, detail) from error
                alone = False
        yield Admin(session, f"The gateway at {config.admin_socket}", alone=alone)


@asynccontextmanager
async def _served_alone(config: Config, *, reads: bool, missing: str) -> AsyncIterator[None]:
    from gateway.app.assemble import open_gateway  # only when no server runs
    from gateway.store.files.lock import lock_data
    from gateway.web.serve import build_app, serve_admin  # only when no server runs

    if (config.data_dir / "lock").exists():
        # The owner of the folder is reported first: it may be creating what is missing.
        with lock_data(config.data_dir):
            pass
    await require_gateway(config, reads=reads, code=missing)
    require_keys(config)
    async with open_gateway(config, background=False) as gateway, serve_admin(build_app(gateway), config):
        yield


@asynccontextmanager
async def open_session(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session over the admin socket."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(path)), timeout=timeout) as session:
        yield session


async def server_answers(session: aiohttp.ClientSession, path: Path, *, answer_seconds: float = ANSWER_SECONDS) -> bool:
    """Whether a server answers on the socket; False if there is no socket, or only a stale one.

    Raises `Unavailable` (`gateway_away`) if something else answers there.
    """
    timeout = aiohttp.ClientTimeout(total=answer_seconds)
    try:
        async with session.get("http://admin/healthz", timeout=timeout) as response:
            alive = (await response.json(content_type=None)) == {"alive": True}
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
            return False
        reason = f"{error.os_error.strerror}; is it another user's?"
        raise Unavailable("gateway_away", f"{path} cannot be reached: {reason}") from error
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise Unavailable("gateway_away", f"The program that listens on {path} is no gateway: {reason}.") from error
    if not alive:
        raise Unavailable("gateway_away", f"What listens on {path} is no gateway.")
    return True
