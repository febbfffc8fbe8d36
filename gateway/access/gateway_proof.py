"""Proof that a gateway holds certain keys: `tuppence doctor` tells by it which gateway answers at an address."""

from gateway.ports.keys import KeyRing


def prove(keys: KeyRing, nonce: str) -> str:
    """The proof for a nonce (both hex). It can be checked only with the same keys, and reveals nothing of them."""
    return keys.keyed_hash("identity", nonce)
