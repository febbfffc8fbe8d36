"""The simulated nodes that can pay each other, by public key. A payee that is none of them is somewhere outside."""

from typing import Protocol

from gateway.simulator.invoice import SimulatedInvoice


class Payee(Protocol):
    """What a payer's node needs of the payee's, as `core.Simulator` has it."""

    def lookup(self, payment_hash: bytes) -> SimulatedInvoice: ...

    def start_payment(self, payment_hash: bytes) -> None: ...

    def fail_payment(self, payment_hash: bytes) -> None: ...

    def pay(self, payment_hash: bytes, *, amount_msat: int | None = None, payer: str = "") -> SimulatedInvoice: ...


class Network:
    """A network of simulated nodes, each with channels to all others."""

    def __init__(self) -> None:
        self._nodes: dict[bytes, Payee] = {}

    def join(self, pubkey: bytes, node: Payee) -> None:
        """Add a node, or replace it by the same node in another state."""
        self._nodes[pubkey] = node

    def get(self, pubkey: bytes) -> Payee | None:
        """The node with this public key, or None for one outside."""
        return self._nodes.get(pubkey)
