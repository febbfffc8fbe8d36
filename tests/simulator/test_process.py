"""The simulated node as a process: controlled by lines, reached over gRPC, and unharmed by a kill."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.lnd.client import LndNode
from gateway.ports.node import NodeInvoiceState


class Running:
    """A process that answers each line by one JSON object."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.greeting = self._answer()

    def ask(self, line: str) -> Any:
        """Send a line and give the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def node(self) -> LndNode:
        """A client of it."""
        return LndNode(
            node_id="lnd",
            target=self.greeting["target"],
            tls_cert=Path(self.greeting["tls_cert"]),
            macaroon=Path(self.greeting["macaroon"]),
        )

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@contextmanager
def run(folder: Path) -> Iterator[Running]:
    command = [sys.executable, "-W", "error", "-m", "gateway.simulator.process", "--folder", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


async def test_invoices_are_issued_over_grpc_and_paid_by_lines(tmp_path: Path) -> None:
    with run(tmp_path) as running:
        node = running.node()
        issued = await node.add_invoice(b"p" * 32, amount_msat=1000, memo="", expiry_seconds=60)  # type: ignore[arg-type]
        assert running.ask(f"settle {issued.payment_hash}")["settle_index"] == 1
        found = await node.lookup(issued.payment_hash)
        assert found is not None
        assert found.state is NodeInvoiceState.SETTLED
        assert running.ask("add 3 2000") == {"added": 3}
        assert running.ask("settle-open") == {"settled": 3}
        assert running.ask("count") == {"open": 0, "settled": 4, "canceled": 0, "accepted": 0}
        await node.close()


def test_a_line_that_makes_no_sense_is_answered_with_an_error(tmp_path: Path) -> None:
    with run(tmp_path) as running:
        for line in ("dance", "settle", "settle zz", "settle " + "00" * 32, "add many coins"):
            assert running.ask(line)["error"]
        assert running.ask("count")["open"] == 0


def test_quit_and_the_end_of_the_input_stop_it(tmp_path: Path) -> None:
    with run(tmp_path / "a") as running:
        assert running.process.stdin is not None
        running.process.stdin.write("quit\n")
        running.process.stdin.flush()
        assert running.process.wait(timeout=10) == 0
    with run(tmp_path / "b") as running:
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait(timeout=10) == 0


async def test_a_killed_process_comes_back_as_the_same_node_with_its_invoices(tmp_path: Path) -> None:
    with run(tmp_path) as running:
        first = running.node()
        before = await first.status()
        issued = await first.add_invoice(b"p" * 32, amount_msat=1000, memo="", expiry_seconds=60)  # type: ignore[arg-type]
        running.ask(f"settle {issued.payment_hash}")
        await first.close()
        running.process.kill()
    with run(tmp_path) as running:
        second = running.node()
        assert (await second.status()).identity_pubkey == before.identity_pubkey
        (found,) = await second.list_invoices(after_add_index=0, limit=500)
        assert (found.payment_hash, found.state) == (issued.payment_hash, NodeInvoiceState.SETTLED)
        await second.close()
