"""A simulated node that always has room for the largest tip."""

from dataclasses import replace

from gateway.ports.node import ChannelLiquidity
from gateway.sales.terms import MOST_TIP_MSAT
from gateway.simulator.core import Simulator


class RoomySimulator(Simulator):
    """The gateway asks for the room of channels at real intervals, which no example of a fuzzer controls."""

    def liquidity(self) -> ChannelLiquidity:
        return replace(super().liquidity(), inbound_msat=MOST_TIP_MSAT)
