"""One-time codes: they carry a purchase from the gateway's pages to the page of a sealed text, within an hour.

The code is part of a URL, which browsers keep in their history; an access token there could be read and used later.
Making a code writes nothing. Its form is `{signed}.{item_id}`, where `signed` is payment_hash (32 bytes), expiry (8),
nonce (9) and HMAC (32) in base64url; 81 bytes fill 108 characters exactly, so a code has only one spelling.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from gateway.access.recovery_codes import has_code, unknown_code
from gateway.access.tokens import Token, access_ends_at
from gateway.ports.keys import KeyRing
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice

CODE_SECONDS = 3_600
LONGEST_CODE = 108 + 1 + 64
PATTERN = r"[A-Za-z0-9_-]{108}\.[a-z0-9-]{1,64}"
_CODE = re.compile(PATTERN)
_HASH_BYTES, _EXPIRY_BYTES, _NONCE_BYTES = 32, 8, 9
_SIGNED_BYTES = _HASH_BYTES + _EXPIRY_BYTES + _NONCE_BYTES


def new_one_time_code(keys: KeyRing, token: Token, invoice: Invoice, *, now: int) -> str:
    """A code for the holder of this token; "" for a narrowed token, since a code gives one as minted."""
    if not token.as_minted or token.item_id is None or not _opens(invoice, now=now):
        return ""
    expiry = (now + CODE_SECONDS).to_bytes(_EXPIRY_BYTES)
    signed = bytes.fromhex(invoice.payment_hash) + expiry + keys.new_token_id()[-_NONCE_BYTES:]
    signature = bytes.fromhex(_sign(keys, signed, token.item_id))
    return f"{urlsafe_b64encode(signed + signature).decode()}.{token.item_id}"


def is_one_time_code(code: str) -> bool:
    """Whether this has the form of a one-time code, which no recovery code has."""
    return _CODE.fullmatch(code) is not None


async def use_one_time_code(store: Store, keys: KeyRing, code: str, *, now: int) -> Invoice:
    """Use up a code and return the invoice that it opens.

    Raises `NotFound` (`recovery_unknown`) where it is forged, expired or used, or where the access ended.
    Raises `Unavailable` and `OutcomeUnknown` as the store does.
    """
    text, _, item_id = code.partition(".")
    data = urlsafe_b64decode(text)
    signed, signature = data[:_SIGNED_BYTES], data[_SIGNED_BYTES:].hex()
    expires_at = int.from_bytes(signed[_HASH_BYTES:][:_EXPIRY_BYTES])
    if not hmac.compare_digest(_sign(keys, signed, item_id), signature) or now >= expires_at:
        raise unknown_code()

    def use(tx: Tx) -> Invoice | None:
        invoice = tx.invoices.get(signed[:_HASH_BYTES].hex())
        if invoice is None or not _opens(invoice, now=now):
            return None
        # A unique constraint lets only one of several concurrent uses through, across all replicas.
        return invoice if tx.recoveries.use(signature, expires_at=expires_at) else None

    taken = await store.write(use)
    if taken is None:
        raise unknown_code()
    return taken


def _opens(invoice: Invoice, *, now: int) -> bool:
    if not has_code(invoice) or invoice.refunded_at is not None:
        return False
    ends_at = access_ends_at(invoice)
    return ends_at is None or now < ends_at


def _sign(keys: KeyRing, signed: bytes, item_id: str) -> str:
    return keys.keyed_hash("hand-over", f"{signed.hex()}\0{item_id}")
