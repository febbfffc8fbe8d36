"""The row of an invoice of the simulated node, its payment request, and the quirks of LND that can be switched on."""

from dataclasses import dataclass
from enum import StrEnum

from coincurve import PrivateKey

from gateway.ports.node import NodeInvoiceState
from gateway.simulator.refusals import refuse
from gateway.wire.bolt11.signing import encode

PREFIX = "lnbcrt"
MIN_FINAL_CLTV = 80
# A hop of an invented peer, channel and fees, in the form of BOLT 11.
HOP_HINT = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798") + bytes(17) + b"\x28"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedInvoice:
    """One row of the registry; change it with `dataclasses.replace`.

    `payment_hash`, `preimage` and `payment_address` are 32 bytes, amounts msat, instants whole seconds since 1970.
    `payer` names who paid, so that the balance of a simulated wallet follows from the rows.
    """

    add_index: int
    payment_hash: bytes
    preimage: bytes
    payment_address: bytes
    payment_request: str
    memo: str
    amount_msat: int
    expiry_seconds: int
    created_at: int
    private: bool = False
    state: NodeInvoiceState = NodeInvoiceState.OPEN
    settle_index: int = 0
    settled_at: int = 0
    paid_msat: int = 0
    payer: str = ""
    description_hash: bytes = b""
    is_hold: bool = False
    is_keysend: bool = False
    is_amp: bool = False

    @property
    def expires_at(self) -> int:
        """When the expiry watcher cancels it, unless it was paid, in seconds since 1970."""
        return self.created_at + self.expiry_seconds


def payment_request_of(row: SimulatedInvoice, key: PrivateKey, *, with_hop_hint: bool) -> str:
    """The payment request of a row that has none yet. Raises `CallRefused` if the memo does not fit."""
    try:
        return encode(
            key,
            prefix=PREFIX,
            amount_msat=row.amount_msat,
            created_at=row.created_at,
            expiry_seconds=row.expiry_seconds,
            payment_hash=row.payment_hash,
            payment_secret=row.payment_address,
            description=row.memo,
            description_hash=row.description_hash,
            min_final_cltv=MIN_FINAL_CLTV,
            hop_hint=HOP_HINT if with_hop_hint else b"",
        )
    except ValueError as error:
        raise refuse(str(error)) from error


class ReplayOrder(StrEnum):
    """The order in which settlements are replayed: add_index on native SQL, settle_index on kvdb."""

    ADDED = "added"
    SETTLED = "settled"


@dataclass(slots=True, kw_only=True)
class Quirks:
    """Behaviour of LND that is off by default; each can be changed while the node runs.

    `replay_order`             order of the backlog of a subscription.
    `overlap`                  this many of the last replayed settlements are sent a second time, live.
    `drop_events`              the stream loses live events.
    `duplicate_events`         the stream sends every live event twice.
    `hold_events`              the stream keeps events back until `release_events`.
    `watch_expiry`             False: the expiry watcher lags, expired invoices stay open and payable.
    `forget_canceled`          canceled invoices are deleted at once (gc-canceled-invoices-on-the-fly).
    `hide_paid_amount`         settled invoices report an amount paid of 0.
    `unannounced_channels`     invoices that ask for hop hints get one.
    `lose_answers`             this many calls of AddInvoice do their work and never answer.
    `break_answers`            this many calls of AddInvoice do their work, then the connection breaks.
    `has_wallet`               False: no wallet was created, so that a locked node cannot be unlocked.
    """

    replay_order: ReplayOrder = ReplayOrder.ADDED
    overlap: int = 0
    drop_events: bool = False
    duplicate_events: bool = False
    hold_events: bool = False
    watch_expiry: bool = True
    forget_canceled: bool = False
    hide_paid_amount: bool = False
    unannounced_channels: bool = False
    lose_answers: int = 0
    break_answers: int = 0
    has_wallet: bool = True
