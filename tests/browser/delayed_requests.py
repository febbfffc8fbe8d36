"""A slow network: requests are delayed until they are released."""

import asyncio

from playwright.async_api import Route


class DelayedRequests:
    """Give `hold` to `page.route`."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()

    async def hold(self, route: Route) -> None:
        """Let a request wait."""
        await self._opened.wait()
        await route.continue_()

    def open(self) -> None:
        """Let it through, and all that follow."""
        self._opened.set()
