"""The journal of the simulated node: one JSON line per changed row, flushed so that a kill loses none."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.ports.node import NodeInvoiceState
from gateway.simulator.invoice import SimulatedInvoice

_BYTES = ("payment_hash", "preimage", "payment_address")


class Journal:
    """An append-only file of rows; the last line about a row counts. `path` is created if it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cut_torn_line()
        self._file = path.open("ab")

    def rows(self) -> Iterator[SimulatedInvoice]:
        """The recorded rows, in the order of recording."""
        with self._path.open("rb") as lines:
            for line in lines:
                yield _from_json(json.loads(line))

    def record(self, row: SimulatedInvoice) -> None:
        """Append a row. It survives a kill of this process, but not a power cut."""
        self._file.write(json.dumps(_to_json(row), separators=(",", ":")).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _cut_torn_line(self) -> None:
        """Remove an incomplete last line, which a kill during a write leaves; its change was not reported to anyone."""
        if not self._path.exists():
            self._path.touch(mode=0o600)
        data = self._path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self._path.open("r+b") as file:
                file.truncate(whole)


def _to_json(row: SimulatedInvoice) -> dict[str, Any]:
    fields = asdict(row)
    return {**fields, **{name: fields[name].hex() for name in _BYTES}}


def _from_json(fields: dict[str, Any]) -> SimulatedInvoice:
    fields["state"] = NodeInvoiceState(fields["state"])
    for name in _BYTES:
        fields[name] = bytes.fromhex(fields[name])
    return SimulatedInvoice(**fields)
