"""Invoices of the simulated node as LND's protobuf messages, serialised once for each state of a row."""

from collections.abc import Sequence

from lndgrpc.compiled import lightning_pb2 as ln

from gateway.ports.node import NodeInvoiceState
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import MIN_FINAL_CLTV, SimulatedInvoice

_STATES = {
    NodeInvoiceState.OPEN: ln.Invoice.OPEN,
    NodeInvoiceState.SETTLED: ln.Invoice.SETTLED,
    NodeInvoiceState.CANCELED: ln.Invoice.CANCELED,
    NodeInvoiceState.ACCEPTED: ln.Invoice.ACCEPTED,
}
_FEATURES = {
    8: ln.Feature(name="tlv-onion", is_required=True, is_known=True),
    14: ln.Feature(name="payment-addr", is_required=True, is_known=True),
    17: ln.Feature(name="multi-path-payments", is_required=False, is_known=True),
    25: ln.Feature(name="route-blinding", is_required=False, is_known=True),
}
_INVOICES_FIELD = b"\x0a"


class Messages:
    """Serialised `lnrpc.Invoice` messages, so that a page of 500 is a join of bytes."""

    def __init__(self, core: Simulator) -> None:
        self._core = core
        self._serialised: dict[int, tuple[SimulatedInvoice, bytes]] = {}

    def invoice(self, row: SimulatedInvoice) -> bytes:
        """An invoice as LookupInvoice and the stream return it, with the preimage whether it is paid or not."""
        if self._core.quirks.hide_paid_amount:
            return _serialise(row, hide_paid_amount=True)
        known = self._serialised.get(row.add_index)
        if known is None or known[0] is not row:
            known = (row, _serialise(row))
            self._serialised[row.add_index] = known
        return known[1]

    def page(self, rows: Sequence[SimulatedInvoice]) -> bytes:
        """A ListInvoicesResponse."""
        offsets = ln.ListInvoiceResponse(
            first_index_offset=rows[0].add_index if rows else 0, last_index_offset=rows[-1].add_index if rows else 0
        )
        parts: list[bytes] = []
        for row in rows:
            message = self.invoice(row)
            parts += (_INVOICES_FIELD, _varint(len(message)), message)
        return b"".join([*parts, offsets.SerializeToString()])


def _serialise(row: SimulatedInvoice, *, hide_paid_amount: bool = False) -> bytes:
    paid_msat = 0 if hide_paid_amount else row.paid_msat
    message = ln.Invoice(
        memo=row.memo,
        r_preimage=b"" if row.is_amp else row.preimage,
        r_hash=row.payment_hash,
        value=row.amount_msat // 1000,
        value_msat=row.amount_msat,
        settled=row.state is NodeInvoiceState.SETTLED,
        creation_date=row.created_at,
        settle_date=row.settled_at,
        payment_request=row.payment_request,
        expiry=row.expiry_seconds,
        cltv_expiry=MIN_FINAL_CLTV,
        private=row.private,
        add_index=row.add_index,
        settle_index=row.settle_index,
        amt_paid=paid_msat,
        amt_paid_sat=paid_msat // 1000,
        amt_paid_msat=paid_msat,
        state=_STATES[row.state],
        is_keysend=row.is_keysend,
        is_amp=row.is_amp,
        payment_addr=row.payment_address,
        features=_FEATURES,
    )
    if row.paid_msat:
        message.htlcs.add(
            chan_id=row.add_index,
            htlc_index=row.settle_index,
            amt_msat=row.paid_msat,
            accept_time=row.settled_at,
            resolve_time=row.settled_at,
            state=ln.SETTLED if row.settle_index else ln.ACCEPTED,
            mpp_total_amt_msat=row.paid_msat,
        )
    return bytes(message.SerializeToString())


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
