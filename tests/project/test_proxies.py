"""nginx and Caddy with the configurations of `ops/`, before a real gateway: unbuffered, trusting no client's header."""

import asyncio
import io
import ssl
import time
from asyncio.subprocess import STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any

import aiohttp
import pytest

from gateway.config import load_config
from gateway.simulator.core import Simulator
from gateway.simulator.identity import Identity
from tests.support.clock import FakeClock, until
from tests.support.processes.demo_process import free_port, stop
from tests.support.rows import a_creator
from tests.support.site import Site, open_site
from tests.web.api.test_events import Listener

pytestmark = pytest.mark.proxy

OPS = Path(__file__).parents[2] / "ops"
TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES, CONTENT = "/v1/items/welcome/invoices", "/v1/items/welcome/content"
SOON_SECONDS = 2.0
# The block of global options, in which Caddy's own API is closed.
WITHOUT_ADMIN = {"\n{\n": "\n{\n\tadmin off\n"}
NGINX_FRAME = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {site}
}}
"""


@pytest.fixture
async def shop(tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """A gateway as the two files want it, which lets a network hold three open invoices."""
    config = load_config(data_dir=tmp_path / "data", trusted_proxies="127.0.0.1", open_invoices_per_client=3)
    async with open_site(config, clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        yield site


@pytest.fixture(params=["nginx", "caddy"])
async def front(request: pytest.FixtureRequest, tmp_path: Path, shop: Site) -> AsyncIterator[str]:
    """The address of a proxy before the shop."""
    gateway = shop.url.removeprefix("http://")
    async with {"nginx": nginx, "caddy": caddy}[request.param](tmp_path, gateway) as address:
        yield address


@asynccontextmanager
async def nginx(folder: Path, gateway: str) -> AsyncIterator[str]:
    """`ops/nginx.conf` on free ports, with a certificate of its own."""
    identity = Identity(folder / "front", now=time.time(), random_bytes=token_bytes)
    listen = f"127.0.0.1:{free_port()}"
    site = replaced(
        (OPS / "nginx.conf").read_text(),
        {
            "listen 443 ssl": f"listen {listen} ssl",
            "listen 80": f"listen 127.0.0.1:{free_port()}",
            "127.0.0.1:8402": gateway,
            "/etc/letsencrypt/live/pay.example/fullchain.pem": str(identity.tls_cert_path),
            "/etc/letsencrypt/live/pay.example/privkey.pem": str(identity.tls_key_path),
        },
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX_FRAME.format(folder=folder, site=site))
    async with running(["/usr/sbin/nginx", "-c", str(configuration), "-p", str(folder)], folder, listen):
        yield f"https://{listen}"


@asynccontextmanager
async def caddy(folder: Path, gateway: str) -> AsyncIterator[str]:
    """`ops/Caddyfile` on a free port, without its certificate from afar."""
    listen = f"127.0.0.1:{free_port()}"
    words = {"pay.example {": f"http://{listen} {{", "127.0.0.1:8402": gateway} | WITHOUT_ADMIN
    configuration = folder / "Caddyfile"
    configuration.write_text(replaced((OPS / "Caddyfile").read_text(), words))
    command = ["/usr/bin/caddy", "run", "--config", str(configuration), "--adapter", "caddyfile"]
    async with running(command, folder, listen):
        yield f"http://{listen}"


@asynccontextmanager
async def nginx_at_a_path(folder: Path, gateway: str, listen: str, *, passes_it_on: bool) -> AsyncIterator[None]:
    """`ops/nginx-path.conf` in a site with TLS; a slash behind the gateway's port takes the path off."""
    identity = Identity(folder / "front", now=time.time(), random_bytes=token_bytes)
    below = (OPS / "nginx-path.conf").read_text()
    below = replaced(below, {"http://127.0.0.1:8402;": f"http://{gateway}{'' if passes_it_on else '/'};"})
    tls = f"ssl_certificate {identity.tls_cert_path}; ssl_certificate_key {identity.tls_key_path};"
    site = f"server {{ listen {listen} ssl; {tls}\n{below}\nlocation / {{ return 404; }} }}"
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX_FRAME.format(folder=folder, site=site))
    async with running(["/usr/sbin/nginx", "-c", str(configuration), "-p", str(folder)], folder, listen):
        yield


@asynccontextmanager
async def caddy_at_a_path(folder: Path, gateway: str, listen: str, *, passes_it_on: bool) -> AsyncIterator[None]:
    """`ops/Caddyfile-path`, without its certificate from afar."""
    assert passes_it_on, "as the example has it"
    words = {"blog.example {": f"http://{listen} {{", "127.0.0.1:8402": gateway, "/srv/www": str(folder)}
    configuration = folder / "Caddyfile"
    configuration.write_text(replaced((OPS / "Caddyfile-path").read_text(), words | WITHOUT_ADMIN))
    command = ["/usr/bin/caddy", "run", "--config", str(configuration), "--adapter", "caddyfile"]
    async with running(command, folder, listen):
        yield


def replaced(text: str, words: dict[str, str]) -> str:
    """An example with the words of this machine: each of them is there."""
    for word, own in words.items():
        assert word in text
        text = text.replace(word, own)
    return text


@asynccontextmanager
async def running(command: Sequence[str], folder: Path, listen: str) -> AsyncIterator[Process]:
    with (folder / "output.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}, stdout=output, stderr=STDOUT
        )
    host, _, port = listen.rpartition(":")

    async def listens() -> bool:
        assert process.returncode is None, f"{command[0]} ended"
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(listens)
        yield process
    finally:
        await stop(process)


@asynccontextmanager
async def reader(*, address: str = "127.0.0.1") -> AsyncIterator[aiohttp.ClientSession]:
    """Who comes from an address of this machine, and takes any certificate."""
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    connector = aiohttp.TCPConnector(ssl=anything, local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def test_a_reader_who_waits_is_told_at_once(shop: Site, front: str) -> None:
    async with reader() as session:
        async with session.post(f"{front}{INVOICES}") as response:
            invoice = await response.json()
        async with session.get(f"{front}/v1/invoices/{invoice['payment_hash']}/events") as response:
            assert (response.status, response.content_type) == (200, "text/event-stream")
            listener = Listener(response)
            async with asyncio.timeout(SOON_SECONDS):
                assert (await listener.next())[0] == "open"
            await shop.settle(invoice["payment_hash"])
            async with asyncio.timeout(SOON_SECONDS):
                assert (await listener.next())[0] == "settled"
        token = {"Authorization": f"Bearer {invoice['access_token']}"}
        async with session.get(f"{front}{CONTENT}", headers=token) as response:
            assert (response.status, "paid part" in await response.text()) == (200, True)


async def test_the_address_that_the_proxy_sees_is_believed_and_what_a_reader_claims_is_not(
    shop: Site, front: str
) -> None:
    async def ask(session: aiohttp.ClientSession, claimed: str) -> int:
        async with session.post(f"{front}{INVOICES}", headers={"X-Forwarded-For": claimed}) as response:
            return response.status

    async with reader(address="127.0.1.1") as one, reader(address="127.0.2.1") as other:
        assert [await ask(one, f"203.0.{number}.7") for number in range(4)] == [201, 201, 201, 429]
        assert await ask(other, "203.0.1.7") == 201
    assert len(list(shop.core.invoices)) == 4


async def test_a_program_that_sends_two_lines_of_authorization_is_answered_behind_caddy_and_refused_by_nginx(
    shop: Site, front: str
) -> None:
    """As clients built on aperture do. nginx answers what it refuses without asking the gateway."""
    async with reader() as session:
        async with session.get(f"{front}{CONTENT}") as response:
            challenge = await response.json(content_type=None)
        preimage = await shop.settle(challenge["paymentHash"])
        lines = [("Authorization", f"{scheme} {challenge['macaroon']}:{preimage}") for scheme in ("LSAT", "L402")]
        async with session.get(f"{front}{CONTENT}", headers=lines[1:]) as response:
            assert response.status == 200
        async with session.get(f"{front}{CONTENT}", headers=lines) as response:
            assert response.status == (400 if front.startswith("https") else 200)


async def test_what_the_machine_alone_may_ask_is_not_there_from_outside(shop: Site, front: str) -> None:
    assert (await shop.call("GET", "/metrics"))[0] == 200
    async with reader() as session:
        for path in ("/metrics", "/metrics?x=1", "//metrics", "/%6detrics", "/metrics/"):
            async with session.get(f"{front}{path}") as response:
                assert "tuppence_" not in await response.text(), path
        async with session.get(f"{front}/healthz") as response:
            assert response.status == 200


async def test_a_creators_file_of_any_size_gets_through_and_a_part_of_it_back(shop: Site, front: str) -> None:
    data = bytes(range(256)) * 12_000
    item: dict[str, Any] = {"id": "book", "creator": "alice", "price_msat": 1_000, "file_name": "book.pdf"}
    async with reader() as session:
        await session.post(f"{front}/v1/admin/items", json=item, headers=shop.operator)
        path = f"{front}/v1/admin/items/book/content"
        async with session.put(path, data=io.BytesIO(data), headers=shop.operator) as response:
            assert response.status == 200
        invoice, token = await shop.buy("book")
        await shop.settle(invoice["payment_hash"])
        part = {"Range": "bytes=256-511"}
        async with session.get(f"{front}/v1/items/book/content", headers=token | part) as response:
            assert (response.status, await response.read()) == (206, bytes(range(256)))


def at_a_path(open_proxy: Callable[..., AbstractAsyncContextManager[None]], scheme: str) -> Any:
    """A proxy for a path of a site, opened as one with a host of its own."""

    @asynccontextmanager
    async def opened(folder: Path, gateway: str) -> AsyncIterator[str]:
        listen = f"127.0.0.1:{free_port()}"
        async with open_proxy(folder, gateway, listen, passes_it_on=True):
            yield f"{scheme}://{listen}/pay"

    return opened


@pytest.mark.parametrize(
    "proxy",
    [nginx, caddy, at_a_path(nginx_at_a_path, "https"), at_a_path(caddy_at_a_path, "http")],
    ids=["nginx", "caddy", "nginx-path", "caddy-path"],
)
async def test_what_the_gateway_does_not_answer_stands_in_no_log(proxy: Any, tmp_path: Path) -> None:
    k1, invoice, client = token_hex(32), f"lnbc1{token_hex(50)}", "127.0.9.9"
    async with proxy(tmp_path, f"127.0.0.1:{free_port()}") as front, reader(address=client) as session:
        for path in (f"withdraw?k1={k1}", f"withdraw/callback?k1={k1}&pr={invoice}"):
            async with session.get(f"{front}/v1/refunds/{path}") as response:
                assert response.status == 502
    logs = [path.read_text() for path in tmp_path.glob("*.log")]
    assert logs
    assert [word for word in (k1, invoice, client) if any(word in log for log in logs)] == []
