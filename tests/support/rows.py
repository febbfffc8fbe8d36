"""Rows as tests need them: every field has a sensible value, each can be given another."""

from hashlib import sha256
from typing import Any

from gateway.books.ledger import node_account
from gateway.money import Msat
from gateway.ports.node import NodeInvoice, NodeInvoiceState
from gateway.rows import Creator, Invoice, InvoiceState, Item, ItemKind, ItemState, Origin, Share

START = 1_800_000_000
EXPIRY_SECONDS = 600
NODE_ID = "lnd"
NODE_ACCOUNT = node_account(NODE_ID)
ALICE_AND_BOB = (Share(creator="alice", weight=70), Share(creator="bob", weight=30))


def a_creator(name: str = "alice", **fields: Any) -> Creator:
    """A creator without a usable key."""
    values: dict[str, Any] = {
        "title": name.title(),
        "accent": "#b4632d",
        "key_id": name,
        "key_hash": "0" * 64,
        "created_at": START,
    }
    return Creator(**{"name": name} | values | fields)


def an_item(item_id: str = "welcome", **fields: Any) -> Item:
    """A text of 100 sat, by alice with bob."""
    values: dict[str, Any] = {
        "kind": ItemKind.TEXT,
        "title": "Welcome",
        "creator": "alice",
        "price_msat": Msat(100_000),
        "preview_html": "<p>The free part.</p>",
        "shares": ALICE_AND_BOB,
        "access_seconds": None,
        "media_type": "text/html",
        "byte_size": 42,
        "word_count": 7,
        "file_name": None,
        "digest": "d" * 64,
        "memo": None,
        "state": ItemState.ACTIVE,
        "created_at": START,
        "updated_at": START,
    }
    return Item(**{"id": item_id} | values | fields)


def preimage_of(number: int) -> bytes:
    """The preimage of the numbered invoice."""
    return sha256(b"preimage %d" % number).digest()


def hash_of(number: int) -> str:
    """Its payment hash (hex)."""
    return sha256(preimage_of(number)).hexdigest()


def an_invoice(number: int = 1, **fields: Any) -> Invoice:
    """An open invoice of 100 sat for `welcome`; `number` is its add_index."""
    values: dict[str, Any] = {
        "node_id": NODE_ID,
        "add_index": number,
        "payment_request": f"lnbcrt1u1request{number}",
        "item_id": "welcome",
        "tip_to": None,
        "amount_msat": Msat(100_000),
        "shares": ALICE_AND_BOB,
        "access_seconds": None,
        "origin": Origin.CHECKOUT,
        "idempotency_hash": None,
        "state": InvoiceState.OPEN,
        "created_at": START,
        "expires_at": START + EXPIRY_SECONDS,
    }
    return Invoice(**{"payment_hash": hash_of(number)} | values | fields)


def a_report(invoice: Invoice, **fields: Any) -> NodeInvoice:
    """The node's word that an invoice was paid, exactly."""
    values: dict[str, Any] = {
        "payment_hash": invoice.payment_hash,
        "add_index": invoice.add_index,
        "settle_index": invoice.add_index,
        "state": NodeInvoiceState.SETTLED,
        "paid_msat": invoice.amount_msat,
        "settled_at": START + 60,
    }
    return NodeInvoice(**values | fields)
