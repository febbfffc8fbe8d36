"""API keys, `tpk_<key id>_<secret>`, and what their owners may do. Only the SHA-256 of a secret is stored."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from gateway.errors import Forbidden, Unauthorized
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Tx
from gateway.rows import Creator

KEY = re.compile(r"tpk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: a creator, who may change what is theirs, or the operator (None), who may do all."""

    creator: str | None
    key_id: str | None = None

    def may_sell_as(self, creator: str) -> None:
        """Require the right to sell items of a creator. Raises `Forbidden` (`not_yours`)."""
        if self.creator not in {None, creator}:
            raise Forbidden("not_yours", f"This key belongs to {self.creator}; {creator}'s items need {creator}'s key.")

    def check(self, tx: Tx) -> None:
        """Check in the transaction that writes that the key was not replaced. Raises `Unauthorized`."""
        if self.creator is not None and not tx.creators.has_key(self.creator, self.key_id or ""):
            raise wrong_key()

    def must_operate(self) -> None:
        """Require the operator. Raises `Forbidden` (`operator_only`)."""
        if self.creator is not None:
            raise Forbidden("operator_only", "Only the operator may do this, with the key in operator.key.")


OPERATOR = Caller(None)


def new_key(random_bytes: RandomBytes) -> tuple[str, str, str]:
    """A new API key, as (key, key_id, key_hash). The key itself is shown once and not stored."""
    key_id, secret = random_bytes(8).hex(), urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode()
    return f"tpk_{key_id}_{secret}", key_id, sha256(secret.encode()).hexdigest()


def authenticate(key: str, creators: Iterable[Creator]) -> Creator:
    """The creator whose API key this is. Raises `Unauthorized` (`api_key_wrong`)."""
    match = KEY.fullmatch(key)
    if match is not None:
        secret_hash = sha256(match[2].encode()).hexdigest()
        for creator in creators:
            if creator.key_id == match[1] and hmac.compare_digest(creator.key_hash, secret_hash):
                return creator
    raise wrong_key()


def wrong_key() -> Unauthorized:
    """The error for a key that is unknown or was replaced."""
    detail = "The API key is not known here; `tuppence creator key rotate` makes a new one."
    return Unauthorized("api_key_wrong", detail)
