"""Remembers values by payment hash, within a limit."""

from collections import OrderedDict
from typing import Generic, TypeVar

MOST_REMEMBERED = 10_000

V = TypeVar("V")
D = TypeVar("D")


class BoundedMap(Generic[V]):
    """Keeps the newest values by payment hash and drops the oldest."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, payment_hash: str, default: D) -> V | D:
        return self._values.get(payment_hash, default)

    def put(self, payment_hash: str, value: V) -> None:
        self._values[payment_hash] = value
        self._values.move_to_end(payment_hash)
        if len(self._values) > MOST_REMEMBERED:
            self._values.popitem(last=False)

    def drop(self, payment_hash: str) -> None:
        self._values.pop(payment_hash, None)
