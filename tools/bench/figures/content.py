"""A paid article with a Bearer token against a bare aiohttp handler that answers as many bytes: wrk, 32 connections."""

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE

import aiohttp

from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of
from tools.bench.nodes import Payable
from tools.bench.served import ITEM, Served, buy

CONNECTIONS = 32
SECONDS = 3
ROUNDS = 7
PATIENCE_SECONDS = 10.0


async def measure(bench: Bench) -> list[Line]:
    """Alternating rounds; raises RuntimeError without wrk."""
    if shutil.which("wrk") is None:
        msg = "content is measured with wrk: apt install wrk"
        raise RuntimeError(msg)
    node = await bench.node("simulated" if bench.kind == "simulated" else None)
    through, bare = [], []
    async with bench.gateway("content") as served, bench.child("tools.bench.bare") as handler:
        async with aiohttp.ClientSession() as session:
            invoice = await buy(session, served)
            await node.pay(Payable(invoice["payment_hash"], invoice["payment_request"]))
            token = {"Authorization": f"Bearer {invoice['access_token']}"}
            size = await _open(session, _content_url(served), token)
        bare_url = await handler.answer()
        for number in range(ROUNDS):
            bench.report(f"content: round {number + 1} of {ROUNDS}")
            through.append(await _wrk(_content_url(served), *(f"-H{name}: {value}" for name, value in token.items())))
            bare.append(await _wrk(bare_url))
    ratios = [a / b for a, b in zip(through, bare, strict=True)]
    note = f"one process each, {CONNECTIONS} connections, {size} bytes"
    return [
        line_of("paid articles", through, "/s", note=note),
        line_of("a bare aiohttp handler", bare, "/s"),
        line_of("ratio", ratios, "", at_least=0.45),
    ]


def _content_url(served: Served) -> str:
    return f"{served.url}/v1/items/{ITEM}/content"


async def _open(session: aiohttp.ClientSession, url: str, token: dict[str, str]) -> int:
    """Ask until the payment is booked; gives the size of what opened."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with session.get(url, headers=token) as response:
                body = await response.read()
                if response.status == 200:
                    return len(body)
            await asyncio.sleep(0.05)


async def _wrk(url: str, *options: str) -> float:
    """Requests per second. Raises RuntimeError when one was refused."""
    command = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", *options, url)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    output = (await process.communicate())[0].decode()
    found = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    if found is None or "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    return float(found[1])
