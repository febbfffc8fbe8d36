"""`make cluster`: PostgreSQL, three replicas and nginx on this machine, at a simulated LND, until Ctrl-C.

Lines on standard input go to the node, as `gateway.simulator.process` describes them: `settle-open` pays all.
With `--regtest` the node is a real LND; a line is a payment request there, and the reader's node pays it. The limits
per client are raised as for the bench: one machine asks here for what thousands of readers would. A replica that
ends is started again, and `.tuppence/cluster.json` says what runs where: `make bench CLUSTER=1` and
`make torture CLUSTER=1` aim at it.
"""

import asyncio
import json
import math
import os
import shutil
import signal
import stat
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc

from tests.support.clock import until
from tests.support.postgres_server import BINARIES, Cluster, open_cluster
from tests.support.processes.demo_process import free_port, stop
from tools.bench.nodes import BenchNode, Payable, SimulatedNode, open_regtest, open_simulator, settings_of
from tools.bench.replicas import Replica, open_replicas
from tools.bench.served import ITEM
from tools.running_cluster import FILE, ClusterAddress, ReplicaAddress, payments_at

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
        network = open_regtest(folder / "network", keep=False, report=_say)
        opened = network if regtest else open_simulator(folder / "lnd")
        node: BenchNode = await stack.enter_async_context(opened)
        await stack.enter_async_context(payments_at(folder / "payments.sock", node))
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        listen = f"127.0.0.1:{free_port()}"
        variables = {**settings_of(node), "TUPPENCE_TRUSTED_PROXIES": "127.0.0.1", "TUPPENCE_LOG_LEVEL": "warning"}
        if program:
            variables["TUPPENCE_PUBLIC_URL"] = f"http://{listen}"
        urls = [server.url("tuppence")] * COUNT
        replicas = await stack.enter_async_context(open_replicas(folder, variables, urls, loop="uvloop"))
        front = replicas[0].served.url
        if program:
            addresses = [replica.served.url for replica in replicas]
            front = await stack.enter_async_context(_nginx(program, folder, listen, addresses))
        else:
            _say("no nginx here (apt install nginx-light): the address is the first replica's")
        await stack.enter_async_context(_announced(lambda: _address(folder, front, server, node, replicas), replicas))
        _say(f"replicas {' '.join(replica.served.url for replica in replicas)}")
        _say(f"postgresql {server.tcp_url('tuppence')}\nlogs {folder}\naddresses {FILE}")
        _say(f"an invoice: curl -X POST {front}/v1/items/{ITEM}/invoices")
        _say(f"ready {front}")
        obeying = asyncio.create_task(_obey(node))
        await stopped.wait()
        obeying.cancel()
        _say("stopping…")
    return 0


def _address(folder: Path, front: str, server: Cluster, node: BenchNode, replicas: Sequence[Replica]) -> ClusterAddress:
    return ClusterAddress(
        front=front,
        database_url=server.tcp_url("tuppence"),
        shared_dir=str(folder / "shared"),
        replicas=tuple(
            ReplicaAddress(url=each.served.url, pid=each.served.pid, folder=str(each.folder)) for each in replicas
        ),
        node_name=node.name,
        lnd_target=node.credentials.target,
        lnd_tls_cert=str(node.credentials.tls_cert),
        lnd_macaroon=str(node.credentials.macaroon),
        payments=str(folder / "payments.sock"),
    )


@asynccontextmanager
async def _announced(address: Callable[[], ClusterAddress], replicas: Sequence[Replica]) -> AsyncIterator[None]:
    """Keep the replicas running, and what is written down true."""

    async def keep_running(replica: Replica) -> None:
        while True:
            await until(replica.served.has_ended, patience_seconds=math.inf)
            await replica.start()
            address().write(FILE)

    address().write(FILE)
    keeping = [asyncio.create_task(keep_running(replica)) for replica in replicas]
    try:
        yield
    finally:
        for each in keeping:
            each.cancel()
        await asyncio.wait(keeping)
        FILE.unlink(missing_ok=True)


@asynccontextmanager
async def _nginx(program: str, folder: Path, listen: str, addresses: Sequence[str]) -> AsyncIterator[str]:
    """Nginx before the replicas; gives its address."""
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


async def _obey(node: BenchNode) -> None:
    # A file or /dev/null, which a loop cannot wait for, gives no orders.
    if not (sys.stdin.isatty() or stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)):
        return
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        try:
            _say(json.dumps(await _order(node, line)))
        except grpc.aio.AioRpcError as error:
            _say(f"not paid: {error.details()}")
        except RuntimeError as error:
            _say(str(error))


async def _order(node: BenchNode, line: str) -> object:
    if isinstance(node, SimulatedNode):
        return await node.tell(line)
    await node.pay(Payable("", line))
    return {"ok": True}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(regtest="--regtest" in sys.argv[1:])))
