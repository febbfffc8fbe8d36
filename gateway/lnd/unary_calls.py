"""Calls with one answer, which fail at once at a node that is known to be away."""

import grpc
from google.protobuf.message import Message

from gateway.lnd import translate
from gateway.lnd.channel import Channel
from gateway.lnd.liveness import Liveness


class UnaryCalls:
    """The unary methods of a channel, by name. A call may be repeated, so it must be one that changes nothing twice."""

    def __init__(self, channel: Channel, liveness: Liveness) -> None:
        self._channel = channel
        self._liveness = liveness

    async def call(self, method: str, request: Message, *, deadline: float) -> Message:
        """One call; a failure is raised as `Unavailable`."""
        try:
            return await self.ask(method, request, deadline=deadline)
        except grpc.aio.AioRpcError as error:
            raise self._liveness.failed(error, method) from error

    async def ask(self, method: str, request: Message, *, deadline: float) -> Message:
        """One call, repeated if certificate or macaroon have changed. Raises AioRpcError."""
        self._liveness.check()
        calls = self._channel.calls()
        try:
            return await calls.by_name[method](request, timeout=deadline, metadata=calls.metadata)
        except grpc.aio.AioRpcError as error:
            if not self.renew_if_at_fault(error):
                raise
        calls = self._channel.calls()
        return await calls.by_name[method](request, timeout=deadline, metadata=calls.metadata)

    def renew_if_at_fault(self, error: grpc.aio.AioRpcError) -> bool:
        """Read certificate and macaroon again if they may explain a failure; True if they have changed."""
        return translate.may_be_credentials(error) and self._channel.refresh(is_suspect=True)
