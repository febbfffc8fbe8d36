"""`make cluster`: PostgreSQL, three replicas and nginx on this machine, at a simulated LND, until Ctrl-C.

Lines on standard input go to the node, as `gateway.lnd.simulator_process` describes them: `settle-open` pays all.
With `--regtest` the node is a real LND; a line is a payment request there, and the reader's node pays it. The limits
per client are raised as for the bench: one machine asks here for what thousands of readers would.
"""

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc

from gateway.lnd.server import serve_simulator
from gateway.lnd.simulator_process import obey
from gateway.regtest.lifetime import open_network
from tests.bench.nodes import Payable, RegtestNode, settings_of
from tests.bench.replicas import open_replicas
from tests.bench.served import ITEM
from tests.cluster import BINARIES, open_cluster
from tests.demo_process import free_port, stop

Order = Callable[[str], Awaitable[object]]

COUNT = 3
# Waiters hold their connection for as long as an invoice can be paid.
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream replicas {{ {servers} keepalive 64; }}
  server {{
    listen {listen};
    location / {{
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      client_max_body_size 0;
    }}
  }}
}}
"""


async def main(*, regtest: bool) -> int:
    """Serve until stopped; gives the exit status."""
    if not (BINARIES / "initdb").exists():
        _say("PostgreSQL 15 is needed: apt install postgresql-15")
        return 1
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tuppence-cluster-")))
        server = stack.enter_context(open_cluster({"max_connections": "200"}))
        await server.execute("CREATE DATABASE tuppence")
        opened = _real_node(folder / "network") if regtest else _simulated_node(folder / "lnd")
        node_settings, order = await stack.enter_async_context(opened)
        variables = {**node_settings, "TUPPENCE_TRUSTED_PROXIES": "127.0.0.1", "TUPPENCE_LOG_LEVEL": "warning"}
        urls = [server.url("tuppence")] * COUNT
        replicas = await stack.enter_async_context(open_replicas(folder, variables, urls, loop="uvloop"))
        addresses = [replica.served.url for replica in replicas]
        front = await stack.enter_async_context(_nginx(folder, addresses))
        _say(f"replicas {' '.join(addresses)}\npostgresql {server.tcp_url('tuppence')}\nlogs {folder}")
        _say(f"an invoice: curl -X POST {front}/v1/items/{ITEM}/invoices")
        _say(f"ready {front}")
        listening = asyncio.create_task(_obey(order))
        await stopped.wait()
        listening.cancel()
        _say("stopping…")
    return 0


@asynccontextmanager
async def _simulated_node(folder: Path) -> AsyncIterator[tuple[Mapping[str, str], Order]]:
    """The gateway's three variables, and what a line does."""
    async with serve_simulator(folder, clock=time.time) as lnd:
        variables = {
            "TUPPENCE_LND_TARGET": lnd.target,
            "TUPPENCE_LND_TLS_CERT": str(lnd.tls_cert_path),
            "TUPPENCE_LND_MACAROON": str(lnd.macaroon_path),
        }
        yield variables, lambda line: obey(lnd, *line.split())


@asynccontextmanager
async def _real_node(folder: Path) -> AsyncIterator[tuple[Mapping[str, str], Order]]:
    """The same of a network that is gone afterwards."""
    async with open_network(folder, report=_say) as network:
        node = await RegtestNode.of(network)

        async def pay(line: str) -> object:
            try:
                await node.pay(Payable("", line))
            except (RuntimeError, grpc.aio.AioRpcError) as error:
                return {"error": str(error)}
            return {"ok": True}

        yield settings_of(node), pay


@asynccontextmanager
async def _nginx(folder: Path, addresses: Sequence[str]) -> AsyncIterator[str]:
    """Nginx before the replicas; gives its address, or the first replica's where there is no nginx."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        _say("no nginx here (apt install nginx-light): the address is the first replica's")
        yield addresses[0]
        return
    listen = f"127.0.0.1:{free_port()}"
    servers = " ".join(f"server {address.removeprefix('http://')};" for address in addresses)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, servers=servers, listen=listen))
    process = await asyncio.create_subprocess_exec(program, "-c", str(configuration), "-p", str(folder), stdout=PIPE)
    try:
        await _answers(listen)
        yield f"http://{listen}"
    finally:
        await stop(process)


async def _answers(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _obey(order: Order) -> None:
    # A file or /dev/null, which a loop cannot wait for, gives no orders.
    if not (sys.stdin.isatty() or stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)):
        return
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        _say(json.dumps(await order(line)))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(regtest="--regtest" in sys.argv[1:])))
