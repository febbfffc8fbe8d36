"""The gRPC channel to a node, long-lived, and the certificate and macaroon that it uses.

Both files are read again when they change on disk; a new channel is opened only when their bytes differ.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from lndgrpc.compiled.invoices_pb2_grpc import InvoicesStub
from lndgrpc.compiled.lightning_pb2_grpc import LightningStub
from lndgrpc.compiled.router_pb2_grpc import RouterStub
from lndgrpc.compiled.stateservice_pb2_grpc import StateStub

from gateway.lnd.translate import NODE_REFUSED, unavailable
from gateway.wire.lnd_macaroon import Purpose

# LND's server allows a client ping every 5 s and only with a call under way (config.go); Python's gRPC would stop
# pinging after two pings without data.
OPTIONS = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class Calls:
    """The methods of an open channel by name, and the metadata of every call, prepared once."""

    by_name: Mapping[str, Any]
    metadata: Any


class Channel:
    """A channel that opens on first use, and again after `drop` or a change of its files.

    A macaroon that does not fit an exact `purpose` is not used: who uses it may do only what was meant.
    """

    def __init__(self, *, target: str, tls_cert: Path, macaroon: Path, purpose: Purpose, grace_seconds: float) -> None:
        self.purpose = purpose
        self._target, self._grace_seconds = target, grace_seconds
        self._paths = (tls_cert, macaroon)
        self._seen: tuple[int, ...] = ()
        self._files: tuple[bytes, ...] = ()
        self._channel: Any = None
        self._calls: Calls | None = None
        self._closing: dict[asyncio.Task[None], Any] = {}

    def calls(self) -> Calls:
        """The methods of the channel. Raises `Unavailable` (`node_refused`) when a file cannot be read or used."""
        if self._calls is None:
            self._seen, self._files = self._changed_at(), self._read()
            self._calls = self._open(*self._files)
        return self._calls

    def refresh(self, *, is_suspect: bool = False) -> bool:
        """Read the files again if they changed; True if their bytes did, and the next call opens a new channel.

        Modification times decide whether to read them, unless `is_suspect`. Raises as `calls` does.
        """
        changed_at = self._changed_at()
        if self._calls is None or (changed_at == self._seen and not is_suspect):
            return False
        files = self._read()
        self._seen = changed_at
        if files == self._files:
            return False
        self.drop()
        return True

    def drop(self) -> None:
        """Abandon the connection: calls under way may end within the grace, the next call opens a new one."""
        channel, self._channel, self._calls = self._channel, None, None
        if channel is not None:
            task = asyncio.get_running_loop().create_task(channel.close(grace=self._grace_seconds))
            self._closing[task] = channel
            task.add_done_callback(self._closing.pop)

    async def close(self) -> None:
        """Close at once and cancel the calls under way."""
        closing = dict(self._closing)
        for task in closing:
            task.cancel()
        await asyncio.gather(*closing, return_exceptions=True)
        for channel in (*closing.values(), self._channel):
            if channel is not None:
                await channel.close(None)
        self._channel = self._calls = None

    def _open(self, tls_cert: bytes, macaroon: bytes) -> Calls:
        credentials = grpc.ssl_channel_credentials(tls_cert)
        self._channel = grpc.aio.secure_channel(self._target, credentials, options=OPTIONS)
        lightning, invoices, router, state = (
            stub(self._channel) for stub in (LightningStub, InvoicesStub, RouterStub, StateStub)
        )
        by_name = {
            "AddInvoice": lightning.AddInvoice,
            "LookupInvoice": lightning.LookupInvoice,
            "ListInvoices": lightning.ListInvoices,
            "SubscribeInvoices": lightning.SubscribeInvoices,
            "GetInfo": lightning.GetInfo,
            "ChannelBalance": lightning.ChannelBalance,
            "DecodePayReq": lightning.DecodePayReq,
            "ListPayments": lightning.ListPayments,
            "CancelInvoice": invoices.CancelInvoice,
            "SendPaymentV2": router.SendPaymentV2,
            "TrackPaymentV2": router.TrackPaymentV2,
            "GetState": state.GetState,
        }
        return Calls(by_name=by_name, metadata=grpc.aio.Metadata(("macaroon", macaroon.hex())))

    def _changed_at(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in self._paths)
        except OSError as error:
            raise unavailable(NODE_REFUSED, f"LND's {error.filename} cannot be read: {error.strerror}") from error

    def _read(self) -> tuple[bytes, ...]:
        try:
            tls_cert, macaroon = (path.read_bytes() for path in self._paths)
        except OSError as error:
            raise unavailable(NODE_REFUSED, f"LND's {error.filename} cannot be read: {error.strerror}") from error
        if self.purpose.is_exact and (why := self.purpose.refusal(macaroon)):
            raise unavailable(NODE_REFUSED, f"{self._paths[1]} is not used: {why}")
        return tls_cert, macaroon


def certificate_expires_at(tls_cert: Path) -> int:
    """When a certificate expires, in seconds since 1970. Raises OSError or ssl.SSLError if it cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls_cert)
    return min(ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs())
