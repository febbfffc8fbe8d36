"""Writes the L402 challenge of a 402 answer, in the form that clients in use understand.

They match `L402 macaroon="…", invoice="…"` by regular expression, so these two come first, in this order, quoted, after
one space. `token` and `version` follow, for parsers of the newer specification.
"""

from base64 import b64encode
from dataclasses import dataclass

from gateway.money import MSAT_PER_SAT


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeBody:
    """The members that programs read, in their spelling: hashes in hex, amounts in whole satoshi, unix seconds."""

    invoice: str
    macaroon: str
    paymentHash: str  # noqa: N815
    amountSats: int  # noqa: N815
    priceSats: int  # noqa: N815
    price_sats: int
    expiresAt: int  # noqa: N815


def challenge_header(token: bytes, payment_request: str) -> str:
    """The value of WWW-Authenticate."""
    macaroon = encode_token(token)
    return f'L402 macaroon="{macaroon}", invoice="{payment_request}", token="{macaroon}", version="0"'


def refusal_header(code: str) -> str:
    """The value of WWW-Authenticate of a 401, without an invoice, because clients would pay in a loop."""
    return f'L402 realm="tuppence", error="{code}"'


def challenge_body(
    token: bytes, *, payment_request: str, payment_hash: str, amount_msat: int, expires_at: int
) -> ChallengeBody:
    """The members of the body beside those of the problem document."""
    amount_sat = amount_msat // MSAT_PER_SAT
    return ChallengeBody(
        invoice=payment_request,
        macaroon=encode_token(token),
        paymentHash=payment_hash,
        amountSats=amount_sat,
        priceSats=amount_sat,
        price_sats=amount_sat,
        expiresAt=expires_at,
    )


def encode_token(token: bytes) -> str:
    """A macaroon in the form of headers and JSON: standard base64 with padding."""
    return b64encode(token).decode()
