"""A client for a wallet in another process, over its Unix socket."""

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

# A little longer than the wallet waits before it answers that the outcome is unknown.
ANSWER_SECONDS = 32.0
FAILURES = {status: failure for failure, status in STATUS.items()}


class SocketWallet:
    """A `Wallet` that asks `tuppence regtest wallet`."""

    def __init__(self, path: Path) -> None:
        """`path` is the wallet's socket; the connection is opened at the first request."""
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    async def pay(self, payment_request: str) -> str:
        """See `Wallet.pay`."""
        return str((await self._ask("POST", "/pay", {"invoice": payment_request}))["preimage"])

    async def balance_msat(self) -> int:
        """See `Wallet.balance_msat`."""
        return int((await self._ask("GET", "/balance"))["balance_msat"])

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """See `Wallet.decode`."""
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
            raise OutcomeUnknown(f"The wallet's answer was cut off ({error!r}); asking again is safe.") from error
        if response.status != HTTPStatus.OK:
            raise FAILURES.get(response.status, WalletError)(answer["detail"])
        result: dict[str, Any] = answer
        return result
