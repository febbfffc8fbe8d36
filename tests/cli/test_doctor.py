"""The checks of `tuppence doctor`: the database against keys, content and nodes, the server, and the public address."""

import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from gateway.cli.doctor.books import (
    Books,
    compare_content,
    compare_identity,
    compare_keys,
    compare_nodes,
    read_books,
)
from gateway.cli.doctor.check_result import CheckResult
from gateway.cli.doctor.nodes import is_old
from gateway.cli.doctor.public_address import check_public_address
from gateway.cli.doctor.running_server import check_server
from gateway.config import Config, load_config
from gateway.store.engines.database import read_database
from gateway.store.files.keyring import FileKeyRing
from gateway.web.serve import build_app, serve_admin
from tests.support.site import Site, serve_app

pytestmark = pytest.mark.both_databases

TEXT = "# A\n\nFree.\n\n<!-- more -->\n\nPaid.\n"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def books(site: Site) -> Books:
    await site.sell_text(TEXT)
    return await read_database(site.gateway.config.database_url, read_books)


def bad(results: list[CheckResult]) -> list[str]:
    return [result.what for result in results if result.status == "bad"]


def test_an_lnd_older_than_the_oldest_supported_one_is_known_by_its_version() -> None:
    old = ["0.21.2-beta commit=v0.21.2-beta", "0.20.3-beta", "v0.9.99"]
    fresh = ["0.21.3-beta commit=v0.21.3-beta", "0.21.10-beta", "0.22.0-beta.rc1", "1.0.0", "", "an unknown form"]
    assert [is_old(version) for version in (*old, *fresh)] == [True] * 3 + [False] * 6


# The books -----------------------------------------------------------------------------------------------------------


async def test_keys_are_the_books_own_or_named_and_none_is_made(site: Site, books: Books, tmp_path: Path) -> None:
    keys = site.gateway.config.shared_folder / "keys"
    assert [result.status for result in compare_keys(keys, books)] == ["good"]
    foreign, empty = tmp_path / "foreign", tmp_path / "empty"
    FileKeyRing.open(foreign)
    empty.mkdir()
    assert "not the key that the database records" in bad([*compare_keys(foreign, books)])[0]
    assert "lost" in bad([*compare_keys(empty, books)])[0]
    assert [*empty.iterdir()] == []
    (foreign / "0.key").write_text("no key")
    assert "not a readable key" in bad([*compare_keys(foreign, books)])[0]
    # A key that the database does not record was just added.
    more = tmp_path / "more"
    shutil.copytree(keys, more)
    FileKeyRing.add(more)
    assert bad([*compare_keys(more, books)]) == []


async def test_content_is_what_was_put_in_or_named(site: Site, books: Books) -> None:
    content = site.gateway.config.shared_folder / "content"
    assert compare_content(content, books).status == "good"
    file = content / books.digests["welcome"]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"!")
    assert "welcome" in compare_content(content, books).what
    file.unlink()
    assert compare_content(content, books).status == "bad"
    assert compare_content(content / "nothing", books).status == "bad"


async def test_a_node_is_the_one_that_the_books_know_or_its_key_is_said(books: Books) -> None:
    known = books.nodes["lnd"]
    assert compare_identity("lnd", known, books).status == "good"
    assert compare_identity("new", "02" * 33, books).status == "good"
    other = compare_identity("lnd", "02" * 33, books)
    assert (other.status, "02" * 33 in other.what, known in other.hint) == ("bad", True, True)


async def test_nodes_that_are_all_drained_sell_nothing_and_what_nobody_follows_is_bad(books: Books) -> None:
    assert [*compare_nodes(["lnd"], books)] == []
    drained = replace(books, drained=["lnd"])
    assert "every node is drained" in bad([*compare_nodes(["lnd"], drained)])[0]
    assert [result.status for result in compare_nodes(["lnd", "two"], drained)] == ["warning"]
    assert "not configured" in bad([*compare_nodes(["lnd"], replace(books, open_invoices={"gone": 2}))])[0]


# The running server --------------------------------------------------------------------------------------------------


async def test_the_running_server_says_itself_whether_it_is_ready(site: Site, books: Books) -> None:
    config = site.gateway.config
    assert await check_server(config) == (False, [])
    async with serve_admin(build_app(site.gateway), config):
        running, results = await check_server(config)
        assert (running, len(results) > 0) == (True, True)
        (config.shared_folder / "content" / books.digests["welcome"]).unlink()
        site.gateway.readiness._last = None
        running, results = await check_server(config)
        assert running
        assert any("welcome" in what for what in bad(results)), results


# The public address --------------------------------------------------------------------------------------------------


def at(site: Site, url: str) -> Config:
    """The site's configuration with another public address."""
    return load_config(data_dir=site.gateway.config.data_dir, public_url=url, listen="127.0.0.1:8402")


async def found(site: Site, url: str, *, running: bool = True) -> tuple[bool, str]:
    reached, results = await check_public_address(at(site, url), running=running)
    return reached, " | ".join(bad(results))


async def test_an_address_at_which_this_gateway_answers_is_good(site: Site) -> None:
    assert await found(site, site.url) == (True, "")


async def test_an_address_at_which_another_gateway_answers_is_told(site: Site, tmp_path: Path) -> None:
    config = load_config(data_dir=tmp_path / "other", public_url=site.url, listen="127.0.0.1:8402")
    FileKeyRing.open(config.shared_folder / "keys")
    reached, results = await check_public_address(config, running=True)
    assert (reached, "another gateway" in bad(results)[0]) == (False, True)


def passing(site: Site, change: Answer | None = None, *, whole: bool = False) -> Answer:
    """A proxy; `whole`: it sends what it has read to the end."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if change is not None and not request.path.endswith("/events"):
            return await change(request)
        async with site.session.get(f"{site.url}{request.path_qs}") as answer:
            if whole:
                return web.Response(body=await answer.read(), headers={"Content-Type": answer.content_type})
            response = web.StreamResponse(headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for part in answer.content.iter_any():
                await response.write(part)
            return response

    return handle


async def through(site: Site, handler: Answer, *, running: bool = True) -> tuple[bool, str]:
    app = web.Application()
    app.router.add_get("/{rest:.*}", handler)
    async with serve_app(app) as url:
        return await found(site, url, running=running)


async def test_what_a_proxy_makes_of_the_gateway_is_told(site: Site) -> None:
    async def login(_: web.Request) -> web.Response:
        return web.Response(text="<html>Sign in", content_type="text/html")

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently("https://elsewhere.example/")

    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=502, text="Bad Gateway")

    async def cached(_: web.Request) -> web.Response:
        return web.json_response(body=b'{"proof":"0000"}')

    async def nonsense(_: web.Request) -> web.Response:
        return web.json_response(["proof"])

    assert await through(site, passing(site)) == (True, "")
    for change, said in (
        (login, "status 200, text/html"),
        (elsewhere, "redirects to https://elsewhere.example/"),
        (gone, "502"),
        (cached, "a cache answers"),
        (nonsense, "is not this gateway"),
    ):
        reached, told = await through(site, passing(site, change))
        assert (reached, said in told) == (False, True), (said, told)
    assert await through(site, passing(site, gone), running=False) == (False, "")


async def test_a_filter_that_delays_events_is_reported(site: Site) -> None:
    _, told = await through(site, passing(site, whole=True))
    assert "delays events" in told


async def test_an_address_that_nothing_answers_at_is_bad_beside_a_server_and_told_before_its_start(site: Site) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert "nothing answers" in (await found(site, url))[1]
    assert await found(site, url, running=False) == (False, "")
    assert "is not known" in (await found(site, "http://nothing.invalid"))[1]
    assert "TLS" in (await found(site, site.url.replace("http:", "https:")))[1]
    assert await found(site, "http://abc.onion") == (False, "")


async def test_the_proof_is_given_for_a_nonce_alone_and_kept_by_no_cache(site: Site) -> None:
    for query in ("", "?nonce=", "?nonce=" + "a" * 31, "?nonce=" + "A" * 32, "?nonce=" + "a" * 33):
        status, problem = await site.call("GET", f"/v1/identity{query}")
        assert (status, problem["code"]) == (422, "query_invalid")
    url = f"{site.url}/v1/identity?nonce={'a' * 32}"
    async with site.session.get(url) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert (await response.json())["proof"] == site.gateway.keys.keyed_hash("identity", "a" * 32)
