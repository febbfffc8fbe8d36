"""The journal of the simulated node: one JSON line per changed row, flushed so that a kill loses none."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.payments.payment import SimulatedPayment

Row = TypeVar("Row", SimulatedInvoice, SimulatedPayment)


class Journal(Generic[Row]):
    """An append-only file of rows of one type; the last line about a row counts. `path` is created if it is missing.

    Bytes are written in hex.
    """

    def __init__(self, path: Path, row_type: type[Row]) -> None:
        self._path = path
        self._row_type: type[Row] = row_type
        self._parse = _parsers(row_type)
        self._cut_torn_line()
        self._file = path.open("ab")

    def rows(self) -> Iterator[Row]:
        """The recorded rows, in the order of recording."""
        with self._path.open("rb") as lines:
            for line in lines:
                values = json.loads(line)
                yield self._row_type(**{name: self._parse[name](value) for name, value in values.items()})

    def record(self, row: Row) -> None:
        """Append a row. It survives a kill of this process, but not a power cut."""
        self._file.write(json.dumps(asdict(row), separators=(",", ":"), default=bytes.hex).encode() + b"\n")
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


def _parsers(row_type: type[Row]) -> Mapping[str, Callable[[Any], Any]]:
    """By the name of a field, what makes its value of what JSON gives."""
    return {field.name: _parser(field.type) for field in fields(row_type)}


def _parser(field_type: Any) -> Callable[[Any], Any]:
    if field_type is bytes:
        return bytes.fromhex
    return field_type if issubclass(field_type, Enum) else lambda value: value
