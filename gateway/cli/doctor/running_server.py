"""The running server's own word on whether it is ready, by its socket."""

import aiohttp

from gateway.cli.admin_client import open_session, server_answers
from gateway.cli.doctor.check_result import Sign
from gateway.config import Config
from gateway.errors import Unavailable


async def look_at_server(config: Config) -> tuple[bool, list[Sign]]:
    """Whether one runs here, and what it says."""
    async with open_session(config.admin_socket) as session:
        try:
            if not await server_answers(session, config.admin_socket):
                return False, []
            async with session.get("http://admin/readyz") as response:
                told = await response.json(content_type=None)
        except Unavailable as error:
            return False, [Sign("bad", "the running server cannot be asked", error.detail)]
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return False, [Sign("bad", "the running server stopped while it was asked", str(error))]
    wrong = told.get("wrong") or []
    if told.get("ready"):
        return True, [Sign("good", "the running server is ready"), *(Sign("warning", line) for line in wrong)]
    return True, [Sign("bad", f"the running server is not ready: {line}") for line in wrong or ["its log says why"]]
