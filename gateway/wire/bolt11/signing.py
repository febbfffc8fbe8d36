"""Signing BOLT 11 payment requests, and recovering the payee from a signature. Needs coincurve, an extra."""

from collections.abc import Sequence

from coincurve import PrivateKey, PublicKey

from gateway.wire.bech32 import CHARSET, bytes_to_words, number_to_words, to_words, write_bech32
from gateway.wire.bolt11.fields import CREATED_AT_WORDS
from gateway.wire.bolt11.reading import MSAT_PER_UNIT, PaymentRequest, signed_digest

MAX_FIELD_WORDS = 1023
# var_onion_optin and payment_secret required (8, 14), basic_mpp and route blinding optional (17, 25), as in LND's.
_FEATURES = [0b00001, 0b00000, 0b00100, 0b10000, 0b01000, 0b00000]


def encode(
    key: PrivateKey,
    *,
    prefix: str,
    amount_msat: int,
    created_at: int,
    expiry_seconds: int,
    payment_hash: bytes,
    payment_secret: bytes,
    description: str,
    min_final_cltv: int,
    hop_hint: bytes = b"",
    description_hash: bytes = b"",
) -> str:
    """Write and sign a payment request; `amount_msat` 0 leaves the amount to the payer.

    `description_hash`, of 32 bytes, stands in place of the description. `hop_hint` is one hop of 51 bytes by which an
    unannounced channel is reached.

    Raises ValueError for a description of more than 639 bytes: its length does not fit.
    """
    text = bytes_to_words(description.encode())
    if len(text) > MAX_FIELD_WORDS:
        # The text of LND's error (zpay32/encode.go).
        msg = f"data length too big to fit within 10 bits: {len(text)}"
        raise ValueError(msg)
    words = to_words(created_at, CREATED_AT_WORDS)
    words += _field("p", bytes_to_words(payment_hash))
    words += _field("h", bytes_to_words(description_hash)) if description_hash else _field("d", text)
    words += _field("c", number_to_words(min_final_cltv))
    words += _field("x", number_to_words(expiry_seconds))
    words += _field("s", bytes_to_words(payment_secret))
    words += _field("r", bytes_to_words(hop_hint)) if hop_hint else []
    words += _field("9", _FEATURES)
    human = prefix + _amount(amount_msat)
    words += bytes_to_words(key.sign_recoverable(signed_digest(human, words), hasher=None))
    return write_bech32(human, words)


def payee_of(request: PaymentRequest) -> bytes:
    """The public key that signed a payment request, 33 bytes.

    Raises ValueError when no key can have made the signature, or when it is not the payee that the request names.
    """
    payee = PublicKey.from_signature_and_message(request.signature, request.digest, hasher=None).format()
    if request.named_payee is not None and payee != request.named_payee:
        msg = "the payment request is not signed by the node that it names"
        raise ValueError(msg)
    return payee


def _amount(amount_msat: int) -> str:
    if amount_msat == 0:
        return ""
    for unit, msat in MSAT_PER_UNIT.items():
        if amount_msat % msat == 0:
            return f"{amount_msat // msat}{unit}"
    return f"{amount_msat * 10}p"


def _field(tag: str, words: Sequence[int]) -> list[int]:
    return [CHARSET.index(tag), *divmod(len(words), 32), *words]
