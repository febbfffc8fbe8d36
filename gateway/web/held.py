"""Tokens that a browser without script holds in a cookie, one cookie per item or tip page; read by the pages alone."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.access import Token, access_ends_at, check_item, check_payer, check_settled, read_token
from gateway.errors import Refused
from gateway.l402.credential import decode_token
from gateway.rows import Invoice, InvoiceState
from gateway.web.gateway import Gateway, gateway_of
from gateway.web.invoices import look_again

# An item, a tip that waits for its thanks, and one that was thanked for: its receipt is still shown.
ITEM, TIP, THANKED = "i", "t", "p"
# Browsers keep a cookie for 400 days at most, and 4 kB of it.
KEPT_SECONDS = 400 * 86_400
MOST_TOKENS = 4
MOST_COOKIES = 20
_BETWEEN = "."


@dataclass(frozen=True, slots=True)
class Held:
    """A token whose signature holds, as text, and its invoice as it is now."""

    text: str
    token: Token
    invoice: Invoice


async def held_tokens(request: web.Request, kind: str, subject: str) -> list[Held]:
    """What the cookie of an item or tip page holds, newest first."""
    gateway = gateway_of(request)
    text = request.cookies.get(_cookie_name(gateway, kind, subject), "")
    found = [await _read(gateway, part) for part in text.split(_BETWEEN)[:MOST_TOKENS]]
    return [held for held in found if held is not None and subject == _subject(held.token, kind)]


async def all_held(request: web.Request) -> list[Held]:
    """What the cookies of items, and of tips that were thanked for, hold."""
    found: list[Held] = []
    for kind in (ITEM, THANKED):
        prefix = _cookie_name(gateway_of(request), kind, "")
        subjects = [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix)]
        for subject in subjects[:MOST_COOKIES]:
            found += await held_tokens(request, kind, subject)
    return found


def keep_token(request: web.Request, response: web.Response, kind: str, subject: str, token: bytes) -> str:
    """Put a fresh token before those that the cookie holds; gives its text."""
    gateway = gateway_of(request)
    name = _cookie_name(gateway, kind, subject)
    text = urlsafe_b64encode(token).rstrip(b"=").decode()
    earlier = [part for part in request.cookies.get(name, "").split(_BETWEEN) if part]
    response.set_cookie(
        name,
        _BETWEEN.join([text, *earlier][:MOST_TOKENS]),
        max_age=KEPT_SECONDS,
        secure=_is_secure(gateway),
        httponly=True,
        samesite="Lax",
    )
    return text


def forget_tokens(request: web.Request, response: web.Response, kind: str, subject: str) -> None:
    """Let a cookie go, once what it held was shown."""
    gateway = gateway_of(request)
    name = _cookie_name(gateway, kind, subject)
    response.del_cookie(name, secure=_is_secure(gateway), httponly=True, samesite="Lax")


def opens(held: Held, item_id: str, *, now: float) -> bool:
    """Whether the token opens the item now."""
    try:
        check_item(held.token, item_id, now=now)
        check_settled(held.token, held.invoice, now=now)
    except Refused:
        return False
    return True


def valid_until(held: Held) -> int | None:
    """When what a settled token opens closes again (unix seconds); None: never."""
    ends = [at for at in (access_ends_at(held.invoice), held.token.valid_until) if at is not None]
    return min(ends, default=None)


def whole(held: Sequence[Held]) -> list[Invoice]:
    """The invoices of tokens as they were minted: only with such a one may an invoice be replaced."""
    return [one.invoice for one in held if one.token.as_minted]


def is_waiting(held: Held, amount_msat: int, *, now: float) -> bool:
    """Whether the invoice can still be paid, at this price."""
    open_now = held.invoice.state is InvoiceState.OPEN and now < held.invoice.expires_at
    return open_now and held.invoice.amount_msat == amount_msat


def _subject(token: Token, kind: str) -> str | None:
    return token.item_id if kind == ITEM else token.tip_to


async def _read(gateway: Gateway, text: str) -> Held | None:
    try:
        token = read_token(gateway.keys, decode_token(text))
        check_payer(token, None, now=gateway.clock())
    except Refused:
        return None
    invoice = await gateway.store.read(lambda tx: tx.invoices.get(token.payment_hash))
    return None if invoice is None else Held(text, token, await look_again(gateway, invoice))


def _cookie_name(gateway: Gateway, kind: str, subject: str) -> str:
    prefix = "__Host-" if _is_secure(gateway) else ""
    return f"{prefix}tuppence-{kind}-{subject}"


def _is_secure(gateway: Gateway) -> bool:
    return gateway.config.public_url.startswith("https:")
