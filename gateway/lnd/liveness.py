"""Tracks whether a node answers, so that calls to one that does not fail at once.

A failure that concerns all calls (no connection, wallet locked, server starting) is remembered, and `check` raises it
again without a call. A probe that succeeds clears it. A probe is GetState, which LND answers without a macaroon and
while it is locked. It runs in the background, at most once in an interval, and only when a call is attempted.
"""

import asyncio
from dataclasses import dataclass

import grpc
from lndgrpc.compiled import stateservice_pb2 as state

from gateway.errors import Unavailable
from gateway.lnd.channel import Channel
from gateway.lnd.translate import (
    HAS_NO_WALLET,
    IS_LOCKED,
    IS_STARTING,
    NODE_LOCKED,
    NODE_REFUSED,
    NODE_STARTING,
    to_unavailable,
    unavailable,
)
from gateway.ports.node import NodeState

_STATES = {
    state.NON_EXISTING: (NodeState.LOCKED, NODE_LOCKED, HAS_NO_WALLET),
    state.LOCKED: (NodeState.LOCKED, NODE_LOCKED, IS_LOCKED),
    state.UNLOCKED: (NodeState.STARTING, NODE_STARTING, IS_STARTING),
    state.RPC_ACTIVE: (NodeState.STARTING, NODE_STARTING, IS_STARTING),
    state.WAITING_TO_START: (NodeState.STARTING, NODE_STARTING, IS_STARTING),
    state.SERVER_ACTIVE: (NodeState.READY, "", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Deadlines and intervals; AddInvoice has `add_seconds` for its first try and `repeat_seconds` for its second.

    SendPaymentV2 has `after_attempts_seconds` beyond the time in which LND may make attempts. Calls under way on an
    abandoned connection have `grace_seconds` to end.
    """

    call_seconds: float = 5.0
    page_seconds: float = 30.0
    add_seconds: float = 3.0
    repeat_seconds: float = 2.0
    track_seconds: float = 10.0
    after_attempts_seconds: float = 5.0
    probe_seconds: float = 5.0
    probe_interval_seconds: float = 1.0
    watch_interval_seconds: float = 15.0
    grace_seconds: float = 30.0


class Liveness:
    """The last known state of the node behind a channel."""

    def __init__(self, channel: Channel, timing: Timing) -> None:
        self._channel = channel
        self._timing = timing
        self._away: Unavailable | None = None
        self._probing: asyncio.Task[None] | None = None
        self._probe_due_at = 0.0

    def check(self) -> None:
        """Raise `Unavailable` if the node is known not to answer, and start a probe if one is due."""
        if self._away is not None:
            self.probe_soon()
            raise unavailable(self._away.code, self._away.detail)

    def failed(self, error: grpc.aio.AioRpcError, method: str) -> Unavailable:
        """Translate the failure of a call into `Unavailable`, and remember it if it concerns all calls."""
        refusal = to_unavailable(error, method, self._channel.purpose)
        if refusal.code != NODE_REFUSED:
            self._away = refusal
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self.probe_soon()
        return refusal

    def doubt(self, error: grpc.aio.AioRpcError, method: str) -> None:
        """Treat the node as away after a time-out, before the call is repeated, so that no other call waits for it."""
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self.failed(error, method)

    def answered(self) -> None:
        """Clear the remembered failure: the node has answered."""
        self._away = None

    async def probe(self) -> None:
        """Ask for the state now. Raises `Unavailable` (`node_away`, `node_locked`, `node_starting`) unless ready."""
        found, code, detail = await self.ask_state()
        if found is not NodeState.READY:
            self._away = unavailable(code, detail)
            raise self._away

    async def ask_state(self) -> tuple[NodeState, str, str]:
        """LOCKED, STARTING or READY, with the error code and detail for its calls (empty when ready).

        Raises `Unavailable` if the node does not answer.
        """
        self._channel.refresh()
        get_state = self._channel.calls().by_name["GetState"]
        try:
            answer = await get_state(state.GetStateRequest(), timeout=self._timing.probe_seconds)
        except grpc.aio.AioRpcError as error:
            raise self._give_up(error) from error
        found = _STATES[answer.state]
        if found[0] is NodeState.READY:
            self._away = None
        return found

    async def watch(self) -> Unavailable:
        """Probe at every interval; returns the error when the node no longer answers."""
        while True:
            await asyncio.sleep(self._timing.watch_interval_seconds)
            try:
                await self.probe()
            except Unavailable as refusal:
                return refusal

    def probe_soon(self) -> None:
        """Probe in the background, unless a probe is running or was done within the interval."""
        loop = asyncio.get_running_loop()
        if self._probing is None and loop.time() >= self._probe_due_at:
            self._probing = loop.create_task(self._probe_quietly())

    async def close(self) -> None:
        """Cancel the running probe."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _probe_quietly(self) -> None:
        try:
            await self.probe()
        except Unavailable as refusal:
            self._away = refusal
        finally:
            self._probing = None
            self._probe_due_at = asyncio.get_running_loop().time() + self._timing.probe_interval_seconds

    def _give_up(self, error: grpc.aio.AioRpcError) -> Unavailable:
        """Remember that the node is away; a connection on which a probe times out is abandoned for a new one."""
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._channel.drop()
        else:
            self._channel.refresh(is_suspect=True)
        self._away = to_unavailable(error, "GetState", self._channel.purpose)
        return self._away
