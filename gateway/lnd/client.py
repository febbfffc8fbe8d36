"""The client of one LND node: `ports.Node` over grpc.aio and one long-lived channel.

Calls to a node known to be away fail at once (`liveness.py`). While `subscribe` runs, the node is probed every 15 s on
the connection that calls use, so a half-open stream is detected within 20 s. A stream ends with its connection.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import grpc
from lndgrpc.compiled import invoices_pb2 as invoices
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.lnd import translate
from gateway.lnd.connection import LndConnection
from gateway.lnd.hop_hints import HopHints
from gateway.lnd.liveness import Timing
from gateway.money import Msat
from gateway.ports.node import ChannelLiquidity, IssuedInvoice, NodeInvoice, NodeState, NodeStatus
from gateway.supervise import is_being_cancelled
from gateway.wire.lnd_macaroon import SALES

MAX_PAGE = 500
OUTCOME_UNKNOWN = "node_outcome_unknown"


class LndNode(LndConnection):
    """A node that sells. Every call raises `Unavailable` as the Protocol has it."""

    _purpose = SALES

    def __init__(
        self, *, node_id: str, target: str, tls_cert: Path, macaroon: Path, timing: Timing | None = None
    ) -> None:
        super().__init__(node_id=node_id, target=target, tls_cert=tls_cert, macaroon=macaroon, timing=timing)
        self._hop_hints = HopHints()

    async def probe(self) -> None:
        """Ask the node for its state now. Raises `Unavailable` if it does not answer, is locked or is starting."""
        await self._liveness.probe()

    # Invoices ---------------------------------------------------------------------------------------------------------

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        """AddInvoice, repeated once with the same preimage when its outcome is unknown.

        LND rejects a payment hash that it already has; the invoice is then looked up. Raises `OutcomeUnknown` when
        the second try is not answered either.
        """
        self._liveness.check()
        now = asyncio.get_running_loop().time()
        # `private` only asks for hop hints to unannounced channels.
        with_hints = self._hop_hints.wanted(now)
        request = ln.Invoice(
            r_preimage=preimage, value_msat=amount_msat, memo=memo, expiry=expiry_seconds, private=with_hints
        )
        calls = self._channel.calls()
        try:
            answer = await calls.by_name["AddInvoice"](
                request, timeout=self._timing.add_seconds, metadata=calls.metadata
            )
        except grpc.aio.AioRpcError as error:
            return await self._add_again(request, error)
        if with_hints:
            self._hop_hints.learn(answer.payment_request, now)
        return _issued(answer)

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        """LookupInvoice; None when LND has no such invoice, or it is a keysend or AMP one."""
        message = await self._look_up(bytes.fromhex(payment_hash))
        return None if message is None else translate.to_node_invoice(message)

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        """ListInvoices in add order, at most 500, without keysend and AMP invoices; only an empty page is the end."""
        while True:
            request = ln.ListInvoiceRequest(index_offset=after_add_index, num_max_invoices=min(limit, MAX_PAGE))
            page = await self._calls.call("ListInvoices", request, deadline=self._timing.page_seconds)
            found = [invoice for message in page.invoices if (invoice := translate.to_node_invoice(message))]
            # The offset must grow, or a wrong answer of LND would make an endless loop.
            if found or not page.invoices or page.last_index_offset <= after_add_index:
                return found
            after_add_index = page.last_index_offset

    async def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        """SubscribeInvoices, live events only. It never ends without raising `Unavailable`."""
        await self._liveness.probe()
        calls = self._channel.calls()
        stream = calls.by_name["SubscribeInvoices"](ln.InvoiceSubscription(), metadata=calls.metadata)
        watch = asyncio.create_task(self._liveness.watch())
        watch.add_done_callback(lambda _: stream.cancel())
        try:
            async for message in stream:
                if invoice := translate.to_node_invoice(message):
                    yield invoice
        except grpc.aio.AioRpcError as error:
            raise self._liveness.failed(error, "SubscribeInvoices") from error
        except asyncio.CancelledError:
            # gRPC raises CancelledError too when the watch cancels the stream, or when its channel is closed.
            if is_being_cancelled():
                raise
            gave_up = translate.unavailable(translate.NODE_AWAY, "the connection to LND was given up for another")
            raise (watch.result() if watch.done() else gave_up) from None
        finally:
            watch.cancel()
            stream.cancel()
        raise translate.unavailable(translate.NODE_AWAY, "LND ended its stream of invoices")

    async def preimage(self, payment_hash: str) -> str | None:
        """The preimage (hex) of a settled invoice; None before settlement, although LND returns it then too."""
        message = await self._look_up(bytes.fromhex(payment_hash))
        return None if message is None else translate.to_preimage(message)

    async def cancel(self, payment_hash: str) -> None:
        """CancelInvoice; does nothing if the invoice is settled, canceled or missing."""
        request = invoices.CancelInvoiceMsg(payment_hash=bytes.fromhex(payment_hash))
        try:
            await self._calls.ask("CancelInvoice", request, deadline=self._timing.call_seconds)
        except grpc.aio.AioRpcError as error:
            if not translate.is_settled_or_gone(error):
                raise self._liveness.failed(error, "CancelInvoice") from error

    # The node itself --------------------------------------------------------------------------------------------------

    async def status(self) -> NodeStatus:
        """GetState, then GetInfo. Raises `Unavailable` only with `node_refused`: wrong macaroon or unreadable file."""
        try:
            found, _, detail = await self._liveness.ask_state()
            if found is not NodeState.READY:
                return NodeStatus(state=found, detail=detail)
            info = await self._calls.call("GetInfo", ln.GetInfoRequest(), deadline=self._timing.call_seconds)
        except Unavailable as refusal:
            if refusal.code == translate.NODE_REFUSED:
                raise
            return NodeStatus(state=NodeState.ABSENT, detail=refusal.detail)
        return NodeStatus(
            state=NodeState.READY if info.synced_to_chain else NodeState.SYNCING,
            detail="in step with the chain" if info.synced_to_chain else "LND is catching up with the chain",
            identity_pubkey=info.identity_pubkey,
            alias=info.alias,
            version=info.version,
            network=info.chains[0].network if info.chains else "",
            block_height=info.block_height,
            best_header_at=info.best_header_timestamp,
        )

    async def liquidity(self) -> ChannelLiquidity:
        """ChannelBalance: sums over the open channels."""
        balance = await self._calls.call(
            "ChannelBalance", ln.ChannelBalanceRequest(), deadline=self._timing.call_seconds
        )
        return ChannelLiquidity(
            inbound_msat=Msat(balance.remote_balance.msat), outbound_msat=Msat(balance.local_balance.msat)
        )

    # ------------------------------------------------------------------------------------------------------------------

    async def _add_again(self, request: ln.Invoice, first: grpc.aio.AioRpcError) -> IssuedInvoice:
        """The second try of AddInvoice, after `first` failed."""
        if translate.is_already_exists(first):
            return await self._issued_before(request)
        self._calls.renew_if_at_fault(first)
        if not translate.is_worth_repeating(first):
            raise self._liveness.failed(first, "AddInvoice") from first
        self._liveness.doubt(first, "AddInvoice")
        calls = self._channel.calls()
        try:
            answer = await calls.by_name["AddInvoice"](
                request, timeout=self._timing.repeat_seconds, metadata=calls.metadata
            )
        except grpc.aio.AioRpcError as error:
            if translate.is_already_exists(error):
                self._liveness.answered()
                return await self._issued_before(request)
            refusal = self._liveness.failed(error, "AddInvoice")
            if translate.may_have_happened(first) or translate.may_have_happened(error):
                raise OutcomeUnknown(OUTCOME_UNKNOWN, f"AddInvoice may have happened: {refusal.detail}") from error
            raise refusal from error
        self._liveness.answered()
        return _issued(answer)

    async def _issued_before(self, request: ln.Invoice) -> IssuedInvoice:
        """The invoice that an earlier AddInvoice with this preimage created."""
        try:
            message = await self._look_up(hashlib.sha256(request.r_preimage).digest())
        except Unavailable as refusal:
            raise OutcomeUnknown(OUTCOME_UNKNOWN, f"the invoice exists, and {refusal.detail}") from refusal
        if message is None:
            raise OutcomeUnknown(OUTCOME_UNKNOWN, "LND says that the invoice exists, and does not find it")
        return _issued(message)

    async def _look_up(self, payment_hash: bytes) -> ln.Invoice | None:
        request = ln.PaymentHash(r_hash=payment_hash)
        try:
            return await self._calls.ask("LookupInvoice", request, deadline=self._timing.call_seconds)
        except grpc.aio.AioRpcError as error:
            if translate.is_not_found(error):
                return None
            raise self._liveness.failed(error, "LookupInvoice") from error


def _issued(message: ln.AddInvoiceResponse | ln.Invoice) -> IssuedInvoice:
    return IssuedInvoice(
        payment_hash=message.r_hash.hex(), payment_request=message.payment_request, add_index=message.add_index
    )
