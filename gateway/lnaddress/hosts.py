"""The client of the hosts that receive payouts: what an address takes, and an invoice for it (LUD-06, LUD-16)."""

import re
from collections.abc import Callable, Collection
from typing import TypeVar

from yarl import URL

from gateway.errors import Invalid, Unavailable
from gateway.money import Msat
from gateway.outgoing.client import Outgoing
from gateway.outgoing.target import Target
from gateway.ports.addresses import PayOffer
from gateway.wire.lnurl.addresses import read_address, read_lnurl, write_lnurl
from gateway.wire.lnurl.pay import HostRefuses, read_invoice, read_pay_request, with_amount

_SCHEME = re.compile(r"lightning:(//)?", re.IGNORECASE)
# Such a URL says itself what it is for, such as `tag=login` (LUD-04).
_OTHER_PURPOSE = re.compile(r"[?&]tag=(?!payRequest)", re.IGNORECASE)

T = TypeVar("T")


class LnurlHosts:
    """Satisfies `ports.addresses.AddressHosts`.

    `public_url` is the gateway's own, to which no payout leads. Of `allow`, as in TUPPENCE_OUTGOING_ALLOW, Lightning
    Addresses are asked without TLS.
    """

    def __init__(self, outgoing: Outgoing, *, public_url: str, allow: Collection[str]) -> None:
        self._outgoing, self._allow = outgoing, frozenset(allow)
        own = URL(public_url)
        self._own_host, self._own_port = (own.raw_host or "").removesuffix("."), own.port

    def check(self, address: str, *, is_from_anybody: bool = False) -> str:
        """The address in its one form, in lower case.

        Of a host of the own network, which the operator allows, anybody may name a Lightning Address, whose path is
        fixed; an LNURL would choose what is asked there, too.

        Raises `Invalid` (`destination_invalid`, `destination_is_here`, and as `Outgoing.check`).
        """
        text = _SCHEME.sub("", address.strip(), count=1)
        try:
            named = text if _is_lnurl(text) else str(read_address(text))
            url = self._url(named)
        except ValueError as error:
            raise _no_destination(str(error)) from error
        if _OTHER_PURPOSE.search(url):
            raise _no_destination("it is an LNURL, but not one to pay to")
        target = self._outgoing.check(url)
        if self._is_here(target):
            raise Invalid(
                "destination_is_here",
                f"{target.host} is this gateway, which cannot pay itself. Name an address of your own wallet.",
            )
        if not _is_lnurl(text):
            return named
        if is_from_anybody and target.excepted:
            raise Invalid("url_refused", f"Of {target.host} only a Lightning Address can be named here, and no LNURL.")
        return write_lnurl(str(target.url))

    async def offer(self, address: str) -> PayOffer:
        """What an address, in the form that `check` gives, takes.

        Raises `Unavailable` (`host_refuses`, `host_answer_invalid`, `host_not_allowed`, and as `Outgoing.get`).
        """
        asked = self._target(self._url(address))
        request = await self._ask(asked, read_pay_request)
        callback = self._target(request.callback)
        if callback.excepted and (callback.host, callback.port) != (asked.host, asked.port):
            # The operator allowed it to who names it, not to every host that creators and payers name.
            raise Unavailable(
                "host_not_allowed",
                f"{asked.host} leads to {callback.host}:{callback.port}, which is not asked for others.",
            )
        return PayOffer(
            address=address,
            callback=request.callback,
            min_msat=Msat(request.min_sendable),
            max_msat=Msat(request.max_sendable),
            metadata_hash=request.metadata_hash,
        )

    async def invoice(self, offer: PayOffer, amount_msat: Msat) -> str:
        """The payment request that a host gives for an amount, unread. Raises as `offer` does."""
        return await self._ask(self._target(with_amount(offer.callback, amount_msat)), read_invoice)

    async def _ask(self, target: Target, read: Callable[[bytes], T]) -> T:
        answer = await self._outgoing.get(str(target.url))
        try:
            return read(answer.body)
        except HostRefuses as refusal:
            raise Unavailable("host_refuses", f"{target.host} refuses: {refusal}.") from refusal
        except ValueError as error:
            raise Unavailable(
                "host_answer_invalid", f"{target.host} does not answer as an LNURL host does: {error}."
            ) from error

    def _target(self, url: str) -> Target:
        """Where a URL leads that a host named, or that was allowed once. Raises `Unavailable` (`host_not_allowed`)."""
        try:
            target = self._outgoing.check(url)
        except Invalid as refusal:
            raise Unavailable("host_not_allowed", f"It leads to where nothing is asked: {refusal.detail}") from refusal
        if self._is_here(target):
            raise Unavailable("host_not_allowed", f"It leads back to {target.host}, which is this gateway.")
        return target

    def _url(self, address: str) -> str:
        """Where the offer of an address is. Raises ValueError if it is none."""
        if _is_lnurl(address):
            return read_lnurl(address)
        named = read_address(address)
        # Tor encrypts, and a host of the own network has no certificate.
        without_tls = named.host in self._allow or named.host.partition(":")[0].endswith(".onion")
        return named.url("http" if without_tls else "https")

    def _is_here(self, target: Target) -> bool:
        """Whether it is our public host, at any port but one that the operator allows for another service."""
        return target.host.strip("[]") == self._own_host and (target.port == self._own_port or not target.excepted)


def _is_lnurl(address: str) -> bool:
    """Whether an address, if it is any, is an LNURL."""
    return "@" not in address or "://" in address


def _no_destination(why: str) -> Invalid:
    return Invalid(
        "destination_invalid",
        f"This is no address to pay to: {why}. Write a Lightning Address like alice@example.com, or an LNURL.",
    )
