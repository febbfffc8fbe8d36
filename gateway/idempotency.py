"""The `Idempotency-Key` of a request: a secret of the client, stored hashed, that asks for the same thing again."""

import re

from gateway.errors import Invalid
from gateway.ports.keys import KeyRing

IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")


def idempotency_hash(keys: KeyRing, subject: str, key: str | None) -> str | None:
    """The hash of a key for one subject, such as `item:welcome`; None without a key.

    Raises `Invalid` (`idempotency_key_invalid`).
    """
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid(
            "idempotency_key_invalid", "Idempotency-Key must be 22 to 64 random characters of A-Z a-z 0-9 - _"
        )
    return keys.keyed_hash("idempotency", f"{subject}\0{key}")
