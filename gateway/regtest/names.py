"""The names of a regtest network: its processes, and the databases that LND can keep."""

from typing import Literal, get_args

Backend = Literal["sqlite", "bbolt"]
NodeName = Literal["merchant", "reader", "creator"]

BACKENDS: tuple[Backend, ...] = get_args(Backend)
NODE_NAMES: tuple[NodeName, ...] = get_args(NodeName)
CHAIN = "btcd"
