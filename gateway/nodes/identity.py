"""Pins the identity_pubkey of a node at first contact; no other node is served under its node_id."""

from gateway.errors import Unavailable
from gateway.ports.node import Node, NodeState, NodeStatus
from gateway.ports.store import Store, Tx

KIND = "node"


class PinnedNode:
    """Confirms that the node that answers is the one whose invoices the books hold."""

    def __init__(self, node: Node, store: Store) -> None:
        self._node, self._store = node, store
        self._pubkey = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether `confirm` would ask nothing."""
        return bool(self._pubkey)

    async def confirm(self) -> None:
        """Confirm once: later calls ask nothing. Raises `Unavailable` (`node_away` and alike, `node_changed`)."""
        if not self.is_confirmed:
            await self.confirm_again()

    async def confirm_again(self) -> None:
        """Ask the node again, as after a lost connection. Raises as `confirm` does."""
        await self.check(await self._node.status())

    async def check(self, status: NodeStatus) -> None:
        """Compare a status of the node with the pinned key. Raises as `confirm` does; it is not confirmed then."""
        if status.identity_pubkey and status.identity_pubkey == self._pubkey:
            return
        self._pubkey = ""
        if not status.identity_pubkey:
            code = "node_away" if status.state is NodeState.ABSENT else f"node_{status.state}"
            raise Unavailable(code, status.detail, retry_after_seconds=5)
        node_id, pubkey = self._node.node_id, status.identity_pubkey
        pinned_keys = await self._store.read(lambda tx: tx.identities.list(KIND))
        # Nothing is written for a pinned node, so that it is followed even while the database is read-only.
        if (node_id, pubkey) in pinned_keys:
            self._pubkey = pubkey
            return
        name, pinned = await self._store.write(lambda tx: _pin(tx, node_id, pubkey))
        if pinned != pubkey:
            raise Unavailable(
                "node_changed",
                f"{node_id} has the identity {pubkey[:16]}…, but in the books {pinned[:16]}…. Point it there again "
                "(TUPPENCE_LND_TARGET, or its entry in TUPPENCE_LND_NODES), or give this one another id.",
                retry_after_seconds=60,
            )
        if name != node_id:
            raise Unavailable(
                "node_changed",
                f"{node_id} is the node that the books know as {name}: its invoices are followed under that id. Give "
                f'it id = "{name}" in the file of TUPPENCE_LND_NODES.',
                retry_after_seconds=60,
            )
        self._pubkey = pubkey


def _pin(tx: Tx, node_id: str, pubkey: str) -> tuple[str, str]:
    """The node_id under which a key is pinned, and the key that is pinned under this node_id."""
    for name, pinned_key in tx.identities.list(KIND):
        if pinned_key == pubkey:
            return name, pubkey
    return node_id, tx.identities.pin(KIND, node_id, pubkey)
