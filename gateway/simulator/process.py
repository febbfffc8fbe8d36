"""The simulated node as a process, controlled by lines on stdin: `python -m gateway.simulator.process --folder F`.

It prints one JSON object per line on standard output: first its address, then an answer to each line that it reads.

    {"target": "127.0.0.1:40213", "tls_cert": "…/tls.cert", "macaroon": "…/tuppence.macaroon"}

    settle <payment_hash>      pay one invoice
    settle-open                pay every open invoice, in add order
    add <count> <amount_msat>  issue invoices
    count                      print the number of invoices
    restart | stall | resume   call the server's method of that name
    quit                       stop; so does the end of the input
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.ports.node import NodeInvoiceState
from gateway.simulator.refusals import CallRefused, PaymentRefused
from gateway.simulator.server import SimulatedLnd, serve_simulator

Answer = Mapping[str, object]


def main() -> None:
    """Serve until the line `quit`, or the end of input."""
    parser = argparse.ArgumentParser(prog="simulator_process", description="A simulated LND node.")
    parser.add_argument("--folder", type=Path, required=True, help="where its keys and invoices live")
    parser.add_argument("--listen", default="127.0.0.1:0", help="host:port; port 0 takes a free one")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.folder, arguments.listen))


async def _serve(folder: Path, listen: str) -> None:
    async with serve_simulator(folder, clock=time.time, listen=listen) as simulated:
        _print(
            {
                "target": simulated.target,
                "tls_cert": str(simulated.tls_cert_path),
                "macaroon": str(simulated.macaroon_path),
            }
        )
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).decode().strip():
            if line == "quit":
                return
            _print(await obey(simulated, *line.split()))


async def obey(simulated: SimulatedLnd, command: str, *words: str) -> Answer:
    """Carry out one line; an invalid one is answered with an error."""
    if command == "restart":
        await simulated.restart()
        return {"ok": True}
    if command not in _COMMANDS:
        return {"error": f"no such command: {command}"}
    try:
        return _COMMANDS[command](simulated, *words)
    except (CallRefused, PaymentRefused, ValueError, TypeError) as error:
        return {"error": str(error)}


def _settle(simulated: SimulatedLnd, payment_hash: str) -> Answer:
    row = simulated.core.pay(bytes.fromhex(payment_hash))
    return {"settle_index": row.settle_index, "settled_at": row.settled_at}


def _settle_open(simulated: SimulatedLnd) -> Answer:
    open_rows = [row for row in simulated.core.invoices if row.state is NodeInvoiceState.OPEN]
    for row in open_rows:
        simulated.core.pay(row.payment_hash)
    return {"settled": len(open_rows)}


def _add(simulated: SimulatedLnd, count: str, amount_msat: str) -> Answer:
    for _ in range(int(count)):
        simulated.core.add_invoice(preimage=b"", amount_msat=int(amount_msat), memo="", expiry_seconds=0)
    return {"added": int(count)}


def _count(simulated: SimulatedLnd) -> Answer:
    states = [row.state for row in simulated.core.invoices]
    return {state.value: states.count(state) for state in NodeInvoiceState}


def _stall(simulated: SimulatedLnd) -> Answer:
    simulated.stall()
    return {"ok": True}


def _resume(simulated: SimulatedLnd) -> Answer:
    simulated.resume()
    return {"ok": True}


_COMMANDS: Mapping[str, Callable[..., Answer]] = {
    "settle": _settle,
    "settle-open": _settle_open,
    "add": _add,
    "count": _count,
    "stall": _stall,
    "resume": _resume,
}


def _print(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
