"""Test what a request presents against an item. Settled is final, so what was found once is remembered."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.access import (
    Credential,
    Token,
    access_ends_at,
    check_item,
    check_preimage,
    check_settled,
    read_token,
)
from gateway.errors import PaymentRequired, Refused
from gateway.nodes import Nodes
from gateway.ports import Clock, KeyRing, Store
from gateway.rows import Invoice

_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Access:
    """The right to an item until `valid_until` (unix seconds; None: for ever)."""

    payment_hash: str
    item_id: str
    valid_until: int | None


class Authorizer:
    """Opens items to tokens; asks the database once per token, and LND about an invoice that is still open."""

    def __init__(self, keys: KeyRing, store: Store, nodes: Nodes, clock: Clock) -> None:
        self._keys, self._store, self._nodes, self._clock = keys, store, nodes, clock
        self._granted: OrderedDict[str, Access] = OrderedDict()

    def remembered(self, authorization: str, item_id: str) -> Access | None:
        """The access that this very `Authorization` line gave before and still gives."""
        access = self._granted.get(authorization)
        if access is None or access.item_id != item_id:
            return None
        if access.valid_until is not None and self._clock() >= access.valid_until:
            return None
        return access

    async def authorize(self, presented: Sequence[tuple[str, Credential]], item_id: str) -> Access:
        """Try each (`Authorization` line, credential). Raises as `gateway.access` does; 402 only if nothing else fits.

        Nothing presented: `PaymentRequired` (`payment_required`).
        """
        if not presented:
            raise PaymentRequired("payment_required", "Pay the invoice, then ask again with the token.")
        refusals: list[Refused] = []
        for authorization, credential in presented:
            try:
                access = await self._open(credential, item_id)
            except Refused as refusal:
                refusals.append(refusal)
                continue
            self._remember(authorization, access)
            return access
        # A program that is asked to pay again for what it has just paid would loop: 402 is the last word.
        raise next((r for r in refusals if not isinstance(r, PaymentRequired)), refusals[0])

    async def invoice_of(self, credential: Credential) -> tuple[Token, Invoice | None]:
        """A presented token and its invoice as it is now, asking the node about an open one."""
        token = read_token(self._keys, credential.macaroon)
        invoice = await self._store.read(lambda tx: tx.invoices.get(token.payment_hash))
        return token, None if invoice is None else await self._nodes.recheck(invoice)

    async def _open(self, credential: Credential, item_id: str) -> Access:
        token = read_token(self._keys, credential.macaroon)
        check_item(token, item_id, now=self._clock())
        if credential.preimage is not None:
            check_preimage(token, credential.preimage)
            return Access(token.payment_hash, item_id, token.valid_until)
        _, invoice = await self.invoice_of(credential)
        check_settled(token, invoice, now=self._clock())
        assert invoice is not None, "what is settled has a row"
        limits = [limit for limit in (access_ends_at(invoice), token.valid_until) if limit is not None]
        return Access(token.payment_hash, item_id, min(limits, default=None))

    def _remember(self, authorization: str, access: Access) -> None:
        if len(authorization) > _LONGEST_REMEMBERED:
            return
        self._granted[authorization] = access
        if len(self._granted) > _REMEMBERED:
            self._granted.popitem(last=False)
