"""Tests credentials against an item. A settled invoice stays settled, so a granted access is remembered in memory."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.access.refunded import RefundedPayments
from gateway.access.tokens import (
    Credential,
    Token,
    access_ends_at,
    check_item,
    check_paid_time,
    check_preimage,
    check_settled,
    earliest,
    read_token,
)
from gateway.errors import OutcomeUnknown, PaymentRequired, Refused, Unavailable
from gateway.ports.clock import Clock
from gateway.ports.keys import KeyRing
from gateway.ports.store import Store
from gateway.rows import Invoice
from gateway.settlement.recheck import Rechecker

_LONGEST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Access:
    """The right to an item until `valid_until` (unix seconds; None: for ever)."""

    payment_hash: str
    item_id: str
    valid_until: int | None


class Authorizer:
    """Tests tokens: reads the database once per token, and asks LND about an invoice that is still open."""

    def __init__(
        self, keys: KeyRing, store: Store, rechecker: Rechecker, clock: Clock, *, most_remembered: int = 20_000
    ) -> None:
        self._keys, self._store, self._rechecker, self._clock = keys, store, rechecker, clock
        self._most_remembered = most_remembered
        self._granted: OrderedDict[str, Access] = OrderedDict()
        self.refunded = RefundedPayments(store, clock)

    def remembered(self, authorization: str, item_id: str) -> Access | None:
        """The access that this exact `Authorization` line was granted before, unless it has ended."""
        access = self._granted.get(authorization)
        if access is None or access.item_id != item_id or access.payment_hash in self.refunded:
            return None
        if access.valid_until is not None and self._clock() >= access.valid_until:
            return None
        return access

    async def authorize(self, presented: Sequence[tuple[str, Credential]], item_id: str) -> Access:
        """Grant access by the first (`Authorization` line, credential) that opens the item.

        Raises `PaymentRequired` (`payment_required`) if none is presented, else as the functions of `tokens` do.
        """
        if not presented:
            raise PaymentRequired("payment_required", "Pay the invoice, then ask again with the token.")
        refusals: list[Refused] = []
        for authorization, credential in presented:
            try:
                access, is_final = await self._open(credential, item_id)
            except Refused as refusal:
                refusals.append(refusal)
                continue
            if is_final:
                self._remember(authorization, access)
            return access
        # A program that gets 402 for what it has just paid would pay in a loop, so any other refusal comes first.
        raise next((r for r in refusals if not isinstance(r, PaymentRequired)), refusals[0])

    async def invoice_of(self, credential: Credential) -> tuple[Token, Invoice | None]:
        """The token of a credential, and its invoice; LND is asked about an open invoice."""
        token = read_token(self._keys, credential.macaroon)
        invoice = await self._store.read(lambda tx: tx.invoices.get(token.payment_hash))
        return token, None if invoice is None else await self._rechecker.recheck(invoice)

    async def _open(self, credential: Credential, item_id: str) -> tuple[Access, bool]:
        """The access that a credential gives, and whether it can no longer change."""
        token = read_token(self._keys, credential.macaroon)
        check_item(token, item_id, now=self._clock())
        self.refunded.check(token.payment_hash)
        if credential.preimage is not None:
            return await self._open_by_preimage(credential, token, credential.preimage, item_id)
        _, invoice = await self.invoice_of(credential)
        check_settled(token, invoice, now=self._clock())
        assert invoice is not None, "a settled invoice has a row"
        return _access(token, item_id, access_ends_at(invoice)), True

    async def _open_by_preimage(
        self, credential: Credential, token: Token, preimage: bytes, item_id: str
    ) -> tuple[Access, bool]:
        """Access by macaroon and preimage alone. Where access is limited in time, the row says when it began."""
        check_preimage(token, preimage)
        if not token.timed:
            return _access(token, item_id, None), True
        invoice = await self._row_of(credential, token)
        if invoice is None or invoice.access_seconds is None:
            return _access(token, item_id, None), False
        if invoice.settled_at is None:
            # Not booked yet: access began now at the latest, and the row may later say that it began earlier.
            return _access(token, item_id, int(self._clock()) + invoice.access_seconds), False
        check_paid_time(invoice, now=self._clock())
        return _access(token, item_id, access_ends_at(invoice)), True

    async def _row_of(self, credential: Credential, token: Token) -> Invoice | None:
        """The invoice as its node has it, or as the database has it while the node is unavailable."""
        try:
            return (await self.invoice_of(credential))[1]
        except (Unavailable, OutcomeUnknown):
            return await self._store.read(lambda tx: tx.invoices.get(token.payment_hash))

    def _remember(self, authorization: str, access: Access) -> None:
        if len(authorization) > _LONGEST_REMEMBERED:
            return
        self._granted[authorization] = access
        if len(self._granted) > self._most_remembered:
            self._granted.popitem(last=False)


def _access(token: Token, item_id: str, ends_at: int | None) -> Access:
    return Access(token.payment_hash, item_id, earliest(ends_at, token.valid_until))
