"""Access tokens: how they are minted with an invoice, read, and checked.

An access token is a macaroon whose identifier is `version (2 bytes) | payment_hash (32) | token_id (32)`, as L402 has
it. The caveats it is minted with are `item=` or `tip=`, `valid_until=` (unix seconds; absent: for ever) and `proof=`,
the proof of payment that opens it: `settled` (the invoice row or the preimage) or `preimage` (only the preimage).
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

from gateway.access.macaroon import Macaroon, MalformedMacaroon, mint, parse
from gateway.access.refunded import payment_refunded
from gateway.errors import Forbidden, PaymentRequired, Unauthorized
from gateway.ports.keys import KeyRing
from gateway.rows import Invoice, Origin

TOKEN_VERSION = b"\0\0"
IDENTIFIER_BYTES = 66
# A token outlives its invoice, because LND may accept a payment late.
GRACE_SECONDS = 86_400
PROOF_SETTLED, PROOF_PREIMAGE = "settled", "preimage"
_INSTANT = re.compile("[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Credential:
    """A macaroon that a request presents, and the preimage (32 bytes) if it was sent as L402."""

    macaroon: bytes
    preimage: bytes | None


@dataclass(frozen=True, slots=True)
class Token:
    """A token with a valid signature and valid caveats. It may be unpaid."""

    payment_hash: str
    item_id: str | None
    tip_to: str | None
    valid_until: int | None
    preimage_only: bool
    as_minted: bool
    """Whether its holder has added no caveat, known or unknown."""
    timed: bool
    """Whether it was minted with `valid_until`: the access that was sold ends."""


def mint_token(keys: KeyRing, invoice: Invoice) -> bytes:
    """A new macaroon for an invoice. It opens nothing until the invoice is settled."""
    token_id = keys.new_token_id()
    root_key = keys.root_key(token_id)
    assert root_key is not None, "the key ring has the key that mints"
    identifier = TOKEN_VERSION + bytes.fromhex(invoice.payment_hash) + token_id
    caveats = [f"item={invoice.item_id}" if invoice.item_id is not None else f"tip={invoice.tip_to}"]
    if invoice.access_seconds is not None:
        caveats.append(f"valid_until={invoice.expires_at + GRACE_SECONDS + invoice.access_seconds}")
    # `proof` comes last, so any caveat after it was added by a holder.
    proof = PROOF_PREIMAGE if invoice.origin is Origin.CHALLENGE else PROOF_SETTLED
    caveats.append(f"proof={proof}")
    return mint(root_key, identifier, tuple(caveat.encode() for caveat in caveats)).to_bytes()


def read_token(keys: KeyRing, data: bytes) -> Token:
    """Check a macaroon's signature and caveats.

    Raises `Unauthorized` (`token_malformed`, `token_forged`), `PaymentRequired` (`token_unknown_key`) and `Forbidden`
    (`token_widened`).
    """
    try:
        macaroon = parse(data)
    except MalformedMacaroon as error:
        raise Unauthorized("token_malformed", f"The token cannot be read: {error}.") from error
    if len(macaroon.identifier) != IDENTIFIER_BYTES or macaroon.identifier[:2] != TOKEN_VERSION:
        raise Unauthorized("token_malformed", "The token is not one of this gateway.")
    root_key = keys.root_key(macaroon.identifier[34:])
    if root_key is None:
        raise PaymentRequired("token_unknown_key", "The token was made with a key that this gateway no longer has.")
    if not macaroon.verify(root_key):
        raise Unauthorized("token_forged", "The token's signature is not valid.")
    return _caveats(macaroon)


def check_item(token: Token, item_id: str, *, now: float) -> None:
    """Raises `Forbidden` (`token_of_another_item`) and `PaymentRequired` (`access_ended`)."""
    if token.item_id != item_id:
        raise Forbidden("token_of_another_item", "The token opens something else.")
    if token.valid_until is not None and now >= token.valid_until:
        raise _access_ended()


def check_preimage(token: Token, preimage: bytes) -> None:
    """Raises `Unauthorized` (`preimage_wrong`)."""
    if not hmac.compare_digest(sha256(preimage).digest(), bytes.fromhex(token.payment_hash)):
        raise Unauthorized("preimage_wrong", "The preimage is not that of the token's invoice.")


def check_payer(token: Token, preimage: bytes | None, *, now: float) -> None:
    """Check that the holder of a token may read its receipt. A challenge's token needs its preimage.

    A receipt can be read after the paid time, but not after a limit that a holder added to the token.

    Raises `Unauthorized` (`proof_missing`, `preimage_wrong`) and `PaymentRequired` (`access_ended`).
    """
    if not token.as_minted and token.valid_until is not None and now >= token.valid_until:
        raise _access_ended()
    if preimage is not None:
        check_preimage(token, preimage)
    elif token.preimage_only:
        raise _proof_missing()


def check_settled(token: Token, invoice: Invoice | None, *, now: float) -> None:
    """Raises `Unauthorized` (`proof_missing`, `not_paid`), `PaymentRequired` (`access_ended`, `payment_refunded`)."""
    if token.preimage_only:
        raise _proof_missing()
    if invoice is None or invoice.settled_at is None:
        raise Unauthorized("not_paid", "The invoice of this token is not paid yet.")
    check_paid_time(invoice, now=now)


def check_paid_time(invoice: Invoice, *, now: float) -> None:
    """Raises `PaymentRequired` for a settled invoice: `payment_refunded`, and `access_ended` after its paid time."""
    if invoice.refunded_at is not None:
        raise payment_refunded()
    ends_at = access_ends_at(invoice)
    if ends_at is not None and now >= ends_at:
        raise _access_ended()


def access_ends_at(invoice: Invoice) -> int | None:
    """When the paid time of a settled invoice ends (unix seconds); None: never. It runs from the settlement."""
    assert invoice.settled_at is not None, "access begins with settlement"
    return None if invoice.access_seconds is None else invoice.settled_at + invoice.access_seconds


def token_ends_at(token: Token, invoice: Invoice) -> int | None:
    """When a token stops opening what its settled invoice paid for (unix seconds); None: never."""
    return earliest(access_ends_at(invoice), token.valid_until)


def earliest(*limits: int | None) -> int | None:
    """The earliest of some limits, where None is no limit."""
    return min((limit for limit in limits if limit is not None), default=None)


def _access_ended() -> PaymentRequired:
    return PaymentRequired("access_ended", "The paid time is over; a new payment opens it again.")


def _proof_missing() -> Unauthorized:
    return Unauthorized("proof_missing", "This token opens with its preimage: Authorization: L402 <token>:<preimage>.")


def _caveats(macaroon: Macaroon) -> Token:
    """Read the caveats. A repeated caveat may only narrow; unknown ones are skipped, as L402 demands."""
    known: dict[str, str] = {}
    timed = False
    for caveat in macaroon.caveats:
        condition, separator, value = caveat.decode("utf-8", "replace").partition("=")
        if not separator or condition not in {"item", "tip", "valid_until", "proof"}:
            continue
        if not _narrows(condition, known, value):
            raise Forbidden("token_widened", f"The token's {condition} was widened; a token can only be narrowed.")
        timed = timed or (condition == "valid_until" and "proof" not in known)
        known[condition] = value
    minted = next((n for n, caveat in enumerate(macaroon.caveats, 1) if caveat.startswith(b"proof=")), 0)
    return Token(
        payment_hash=macaroon.identifier[2:34].hex(),
        item_id=known.get("item"),
        tip_to=known.get("tip"),
        valid_until=int(known["valid_until"]) if "valid_until" in known else None,
        preimage_only=known.get("proof") == PROOF_PREIMAGE,
        as_minted=minted == len(macaroon.caveats),
        timed=timed,
    )


def _narrows(condition: str, known: dict[str, str], value: str) -> bool:
    previous = known.get(condition)
    if condition == "valid_until":
        return _INSTANT.fullmatch(value) is not None and (previous is None or int(value) <= int(previous))
    if condition == "proof":
        return value == PROOF_PREIMAGE or (value == PROOF_SETTLED and previous in {None, PROOF_SETTLED})
    # The first of `item` and `tip` is the minted one: a token for an item never becomes one for a tip.
    return value == previous or (previous is None and "item" not in known and "tip" not in known)
