"""A simulated node that can pay, and Lightning Addresses that are paid at another one, in a process of its own."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.cli import run
from gateway.demo.simulated_payee import serve_simulated_payee
from gateway.money import from_sat
from gateway.regtest.node import Credentials
from gateway.simulator.process import obey
from gateway.simulator.server import serve_simulator
from tools.bench.nodes import SimulatedNode, settings_of
from tools.bench.processes import Loop, open_child

FUNDS_SAT = 100_000_000


class PayingNode(SimulatedNode):
    """The simulator, `host` of whose payees' addresses is on this machine."""

    host: str
    settings: Mapping[str, str]
    """The variables of a gateway that may pay from it, to these addresses."""


@asynccontextmanager
async def open_paying_node(folder: Path, *, loop: Loop) -> AsyncIterator[PayingNode]:
    """A simulated node whose folder is `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    code = f"from {__name__} import main; main()"
    async with open_child(code, loop=loop, cwd=folder, log=folder / "paying_node.log") as child:
        paths = await child.answer()
        credentials = Credentials(
            target=paths["target"], tls_cert=Path(paths["tls_cert"]), macaroon=Path(paths["macaroon"])
        )
        node = PayingNode(credentials, child)
        node.host = paths["host"]
        node.settings = {
            **settings_of(node),
            "TUPPENCE_PAYOUT_MACAROON": paths["payout_macaroon"],
            "TUPPENCE_OUTGOING_ALLOW": node.host,
        }
        yield node


def main() -> None:
    """Serve in the working folder until the input ends; the first line says where, the others are the simulator's."""
    run(_serve(Path.cwd()))


async def _serve(folder: Path) -> None:
    async with (
        serve_simulator(folder, clock=time.time, funds_msat=from_sat(FUNDS_SAT)) as lnd,
        serve_simulated_payee(lnd.core, folder, clock=time.time) as host,
    ):
        _print(
            {
                "target": lnd.target,
                "tls_cert": str(lnd.tls_cert_path),
                "macaroon": str(lnd.macaroon_path),
                "payout_macaroon": str(lnd.identity.payout_macaroon_path),
                "host": host,
            }
        )
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).decode().strip():
            _print(await obey(lnd, *line.split()))


def _print(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
