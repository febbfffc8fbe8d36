"""The nodes that pay: which of them can pay an amount now, and which public keys are our own."""

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from gateway.errors import Conflict, Unavailable
from gateway.nodes.identity import KIND
from gateway.ports.payer import DecodedInvoice, Payer, PaymentReport, PaymentState
from gateway.ports.store import Store

log = structlog.get_logger()


class PayingNodes:
    """The nodes for which there is a macaroon that can spend. Without any there are no payouts."""

    def __init__(self, payers: Sequence[Payer], store: Store) -> None:
        self._payers = {payer.node_id: payer for payer in payers}
        self._store = store

    def __iter__(self) -> Iterator[Payer]:
        return iter(self._payers.values())

    def __bool__(self) -> bool:
        return bool(self._payers)

    def find(self, node_id: str) -> Payer | None:
        """The payer of a node; None if it is not configured."""
        return self._payers.get(node_id)

    async def verified(self, node_id: str) -> Payer:
        """The payer of a node whose word counts: it is the one that the books know by this name.

        Raises `Conflict` (`payouts_off`) and `Unavailable` (`payer_is_another_node`, and of the node).
        """
        payer = self._payers.get(node_id)
        if payer is None:
            raise _off()
        if not await self.is_pinned(payer):
            raise Unavailable(
                "payer_is_another_node", f"The node that answers as {node_id} is not the one that the books know."
            )
        return payer

    async def report(self, node_id: str, payment_hash: str) -> PaymentReport | None:
        """What a node says of a payment, UNKNOWN if it does not answer; None if it is not configured, or another."""
        payer = self._payers.get(node_id)
        try:
            if payer is None or not await self.is_pinned(payer):
                return None
        except Unavailable as refusal:
            return PaymentReport(payment_hash=payment_hash, state=PaymentState.UNKNOWN, reason=refusal.detail)
        return await payer.track(payment_hash)

    def require_some(self) -> None:
        """Raise `Conflict` (`payouts_off`) if no node can pay."""
        if not self._payers:
            raise _off()

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """An invoice as the first node that answers reads it; who pays it reads it again.

        Raises `Invalid` (`invoice_invalid`), `Conflict` (`payouts_off`), and `Unavailable` as the last node does.
        """
        refusal: Conflict | Unavailable = _off()
        for payer in self:
            try:
                return await payer.decode(payment_request)
            except Unavailable as away:
                refusal = away
        raise refusal

    async def able(self, amount_msat: int) -> Payer:
        """The node with the most outbound balance, if it can pay the amount and is the one that the books know.

        Raises `Conflict` (`payouts_off`) and `Unavailable` (`no_node_able`).
        """
        if not self._payers:
            raise _off()
        pinned = await self._pinned()
        outbound = await asyncio.gather(*(self._outbound(payer, pinned) for payer in self))
        most_msat, payer = max(zip(outbound, self, strict=True), key=lambda found: found[0])
        if most_msat < amount_msat:
            detail = "No node can send this amount now: it is away, or its channels hold too little on its own side."
            raise Unavailable("no_node_able", detail, retry_after_seconds=60)
        return payer

    async def is_pinned(self, payer: Payer) -> bool:
        """Whether the node that answers is the one that the books know by its name. Raises `Unavailable`."""
        return await payer.identity_pubkey() == (await self._pinned()).get(payer.node_id)

    async def own_pubkeys(self) -> frozenset[str]:
        """The public keys of every node that the books know."""
        return frozenset((await self._pinned()).values())

    async def _pinned(self) -> dict[str, str]:
        return dict(await self._store.read(lambda tx: tx.identities.list(KIND)))

    async def _outbound(self, payer: Payer, pinned: dict[str, str]) -> int:
        """What a node can send; 0 if it is away, or not the node whose name it bears."""
        try:
            pubkey = await payer.identity_pubkey()
            if pubkey != pinned.get(payer.node_id):
                log.error("payer_is_another_node", node_id=payer.node_id)
                return 0
            return await payer.outbound_msat()
        except Unavailable as refusal:
            log.warning("payer_away", node_id=payer.node_id, code=refusal.code)
            return 0


def _off() -> Conflict:
    return Conflict("payouts_off", "No macaroon for payouts is set; see TUPPENCE_PAYOUT_MACAROON.")
