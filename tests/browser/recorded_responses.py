"""Records the responses that a browser receives: addresses, headers and bodies."""

import asyncio
from html import unescape

from playwright.async_api import BrowserContext, Error, Response


class RecordedResponses:
    """Records from the moment it is made. Event streams never finish, so their bodies are not recorded."""

    def __init__(self, context: BrowserContext) -> None:
        self._reading: list[asyncio.Task[bytes]] = []
        context.on("response", self._record)

    async def bodies(self) -> list[bytes]:
        """All bodies so far. To be asked before the page is left, which forgets them."""
        return list(await asyncio.gather(*self._reading))

    async def text(self) -> str:
        """All of them as text, with entities resolved."""
        return unescape("\n".join(body.decode("utf-8", "replace") for body in await self.bodies()))

    def _record(self, response: Response) -> None:
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        if not is_stream and not 300 <= response.status < 400:
            self._reading.append(asyncio.ensure_future(_read(response)))


async def _read(response: Response) -> bytes:
    head = f"{response.url} {await response.all_headers()}\n".encode()
    try:
        return head + await response.body()
    except Error:
        # A download, or a page that was left: nothing that the page could have read.
        return head
