"""Check of the running server: whether it reports itself ready, asked over its admin socket."""

import aiohttp

from gateway.cli.admin_client import open_session, server_answers
from gateway.cli.doctor.check_result import CheckResult
from gateway.config import Config
from gateway.errors import Unavailable


async def check_server(config: Config) -> tuple[bool, list[CheckResult]]:
    """Whether a server runs on this data folder, and what it reports."""
    async with open_session(config.admin_socket) as session:
        try:
            if not await server_answers(session, config.admin_socket):
                return False, []
            async with session.get("http://admin/readyz") as response:
                told = await response.json(content_type=None)
        except Unavailable as error:
            return False, [CheckResult("bad", "the running server cannot be asked", error.detail)]
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return False, [CheckResult("bad", "the running server stopped while it was asked", str(error))]
    wrong = told.get("wrong") or []
    if told.get("ready"):
        return True, [
            CheckResult("good", "the running server is ready"),
            *(CheckResult("warning", line) for line in wrong),
        ]
    return True, [
        CheckResult("bad", f"the running server is not ready: {line}") for line in wrong or ["its log says why"]
    ]
