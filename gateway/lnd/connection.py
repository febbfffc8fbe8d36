"""The connection of a client to its node: a channel for one purpose, what is known of the node, and unary calls."""

from pathlib import Path
from typing import ClassVar

from gateway.lnd.channel import Channel
from gateway.lnd.liveness import Liveness, Timing
from gateway.lnd.unary_calls import UnaryCalls
from gateway.wire.lnd_macaroon import Purpose


class LndConnection:
    """A connection to `target` (host:port), made on first use; `close` ends it.

    `tls_cert` and `macaroon` are the paths of LND's files. A subclass says what its macaroon is for.
    """

    _purpose: ClassVar[Purpose]

    def __init__(
        self, *, node_id: str, target: str, tls_cert: Path, macaroon: Path, timing: Timing | None = None
    ) -> None:
        self.node_id = node_id
        self._timing = timing or Timing()
        self._channel = Channel(
            target=target,
            tls_cert=tls_cert,
            macaroon=macaroon,
            purpose=self._purpose,
            grace_seconds=self._timing.grace_seconds,
        )
        self._liveness = Liveness(self._channel, self._timing)
        self._calls = UnaryCalls(self._channel, self._liveness)

    async def close(self) -> None:
        """Close the connection; calls under way are cancelled."""
        await self._liveness.close()
        await self._channel.close()
