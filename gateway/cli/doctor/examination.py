"""All checks of `tuppence doctor`, in the order in which they are printed."""

import asyncio
from collections.abc import AsyncIterator

from gateway.cli.doctor.books import compare_content, compare_keys, read_books
from gateway.cli.doctor.check_result import CheckResult, show
from gateway.cli.doctor.database import check_database, check_key_folder
from gateway.cli.doctor.nodes import check_nodes
from gateway.cli.doctor.public_address import check_proxies, check_public_address, check_public_url
from gateway.cli.doctor.running_server import check_server
from gateway.cli.doctor.wallets import check_wallets
from gateway.config import Config
from gateway.errors import TuppenceError
from gateway.store.engines.database import read_database
from gateway.terminal import say


async def examine(config: Config) -> bool:
    """Print the result of every check; True if one of them is bad."""
    bad = False
    async for result in _signs(config):
        show(result)
        bad = bad or result.status == "bad"
    running, found = await check_server(config)
    reached, address = await check_public_address(config, running=running)
    for result in (*found, *address):
        show(result)
        bad = bad or result.status == "bad"
    if not bad and (running or reached):
        say(("Ready to sell.", "green"))
    elif not bad:
        say("Nothing here prevents selling. No server runs yet: `tuppence serve` starts it.")
    return bad


async def _signs(config: Config) -> AsyncIterator[CheckResult]:
    yield await check_database(config)
    yield check_key_folder(config)
    try:
        books = await read_database(config.database_url, read_books)
    except TuppenceError as error:
        books = None
        if error.code != "database_missing":
            yield CheckResult("bad", "the database cannot be read", error.detail)
    if books is not None:
        for result in compare_keys(config.shared_folder / "keys", books):
            yield result
        yield await asyncio.to_thread(compare_content, config.shared_folder / "content", books)
    for result in (check_public_url(config), check_proxies(config), *check_wallets(config)):
        yield result
    async for result in check_nodes(config, books):
        yield result
