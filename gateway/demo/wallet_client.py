"""A wallet that another process holds, asked over its Unix socket."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from gateway.demo.wallet import (
    STATUS,
    DecodedInvoice,
    OutcomeUnknown,
    WalletAway,
    WalletError,
)

# A little more than the wallet itself takes to say that it does not know.
ANSWER_SECONDS = 32.0
FAILURES = {status: failure for failure, status in STATUS.items()}


class SocketWallet:
    """The client of `tuppence regtest wallet`; satisfies gateway.demo.wallet.Wallet."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet; `path` is the wallet's socket."""
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    async def pay(self, payment_request: str) -> str:
        """Pay the invoice and give the preimage in hex, as the protocol says."""
        return str((await self._ask("POST", "/pay", {"invoice": payment_request}))["preimage"])

    async def balance_msat(self) -> int:
        """Give what the wallet can send, in millisatoshi; raises WalletAway."""
        return int((await self._ask("GET", "/balance"))["balance_msat"])

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """Give what the invoice asks for; raises InvalidInvoice or WalletAway."""
        answer = await self._ask("POST", "/decode", {"invoice": payment_request})
        return DecodedInvoice(
            payment_hash=answer["payment_hash"],
            amount_msat=answer["amount_msat"],
            payee=answer["payee"],
            description=answer["description"],
            expires_at=datetime.fromisoformat(answer["expires_at"]),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path=str(self._path), limit=0),
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            )
        try:
            async with self._session.request(method, f"http://wallet{path}", json=body) as response:
                answer = await response.json()
        except aiohttp.ClientConnectorError as error:
            raise WalletAway(f"No wallet answers at {self._path}. Start it: tuppence regtest wallet") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(
                f"The wallet broke off before it said what became of this ({error!r}); asking again is safe."
            ) from error
        if response.status != HTTPStatus.OK:
            raise FAILURES.get(response.status, WalletError)(answer["detail"])
        result: dict[str, Any] = answer
        return result
