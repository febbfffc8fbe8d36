"""Serves the reader's wallet over HTTP on a Unix socket, to processes that do not have its macaroon."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from aiohttp import web

from gateway.demo.wallet import STATUS, InvalidInvoice, Wallet, WalletError
from gateway.regtest.process import RegtestError

SOCKET = "wallet.sock"
# Nodes report a chain without a new block for two hours as not synchronised.
BLOCK_EVERY_SECONDS = 600.0
BODY_BYTES = 16_384
HOW_TO_ASK = 'Send JSON, at most 16 KiB: {"invoice": "lnbcrt…"}'

WALLET: web.AppKey[Wallet] = web.AppKey("wallet", Wallet)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Miner(Protocol):
    """Mines blocks, as `gateway.regtest.chain.Chain` does."""

    async def mine(self, blocks: int) -> int:
        """Mine blocks; returns the new height. Raises RegtestError."""


async def serve_wallet(wallet: Wallet, path: Path, miner: Miner) -> None:
    """Serve the wallet on a Unix socket until cancelled, and mine a block every ten minutes meanwhile.

    Raises RegtestError when another process serves it already.
    """
    if await _answers(path):
        raise RegtestError(f"A wallet serves {path} already. End that process first.")
    path.unlink(missing_ok=True)
    runner = web.AppRunner(wallet_app(wallet), access_log=None)
    await runner.setup()
    try:
        await _listen(runner, path)
        await _make_blocks(miner)
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


def wallet_app(wallet: Wallet) -> web.Application:
    """The application that serves the wallet: POST /pay and /decode take {"invoice"}, GET /balance nothing."""
    app = web.Application(client_max_size=BODY_BYTES, middlewares=[_tell_failures])
    app[WALLET] = wallet
    app.add_routes([web.post("/pay", _pay), web.post("/decode", _decode), web.get("/balance", _balance)])
    return app


@web.middleware
async def _tell_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except WalletError as error:
        return web.json_response({"detail": str(error)}, status=STATUS[type(error)])


async def _pay(request: web.Request) -> web.Response:
    return web.json_response({"preimage": await request.app[WALLET].pay(await _invoice(request))})


async def _decode(request: web.Request) -> web.Response:
    invoice = await request.app[WALLET].decode(await _invoice(request))
    return web.json_response(
        {
            "payment_hash": invoice.payment_hash,
            "amount_msat": invoice.amount_msat,
            "payee": invoice.payee,
            "description": invoice.description,
            "expires_at": invoice.expires_at.isoformat(),
        }
    )


async def _balance(request: web.Request) -> web.Response:
    return web.json_response({"balance_msat": await request.app[WALLET].balance_msat()})


async def _invoice(request: web.Request) -> str:
    try:
        body = await request.json()
    except (ValueError, web.HTTPRequestEntityTooLarge) as error:
        raise InvalidInvoice(HOW_TO_ASK) from error
    if not isinstance(body, dict) or not isinstance(body.get("invoice"), str):
        raise InvalidInvoice(HOW_TO_ASK)
    return str(body["invoice"])


async def _listen(runner: web.AppRunner, path: Path) -> None:
    try:
        await web.UnixSite(runner, path).start()
    except OSError as error:
        raise RegtestError(
            f"{path} cannot be served ({error}). A path of a socket has about 100 characters at most."
        ) from error
    # No one else can have connected before: only this user has access to the folder.
    path.chmod(0o600)


async def _answers(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _make_blocks(miner: Miner) -> None:
    while True:
        await asyncio.sleep(BLOCK_EVERY_SECONDS)
        with suppress(RegtestError):
            await miner.mine(1)
