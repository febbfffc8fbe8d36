"""The access tokens of a browser that runs no script: kept in one cookie, which only pages read."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.access.tokens import Token, check_item, check_payer, check_settled, read_token
from gateway.app.gateway import Gateway
from gateway.errors import Refused
from gateway.rows import Invoice, InvoiceState
from gateway.web.http.application import gateway_of
from gateway.wire.l402.credential import decode_token

# The kinds of tokens: of an item, of a tip, and of a tip whose thanks were shown. The last is kept for its receipt.
ITEM, TIP, THANKED = "i", "t", "p"
# Browsers keep a cookie for at most 400 days and 4 kB. Many servers refuse a request with 8 kB of cookies before any
# handler could shorten them.
KEPT_SECONDS = 400 * 86_400
MOST_CHARACTERS = 3_500
MOST_TOKENS = 4
"""For each item or tip page."""
_BETWEEN, _KIND_ENDS = ".", "~"
_PART = re.compile(r"(?:([tp])~)?([A-Za-z0-9_-]+)")
# Former versions set one cookie for each item or tip page.
_FORMER = re.compile(r"(__Host-)?tuppence-([itp])-[a-z0-9-]{1,64}")

_Kept = tuple[str, str]
"""Kind and token."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature was checked, also as text, and its invoice, which may be unpaid."""

    text: str
    token: Token
    invoice: Invoice


async def tokens_of(request: web.Request, kind: str, subject: str) -> list[VerifiedToken]:
    """The tokens of an item or tip page, newest first."""
    gateway = gateway_of(request)
    mine = [kept for kept in _kept(request) if _belongs(gateway, kept, kind, subject)]
    found = [await _look_up(gateway, text) for _, text in mine[:MOST_TOKENS]]
    return [each for each in found if each is not None]


async def tokens_with_receipts(request: web.Request) -> list[VerifiedToken]:
    """The tokens of items, and of tips whose thanks were shown."""
    gateway = gateway_of(request)
    found = [await _look_up(gateway, text) for kind, text in _kept(request) if kind != TIP]
    return [each for each in found if each is not None]


def keep_token(
    request: web.Request, response: web.StreamResponse, kind: str, subject: str, token: bytes, *, instead_of: str = ""
) -> str:
    """Put a token first in the cookie and return its text.

    Tokens of the same page with the kind `instead_of` are removed, and the oldest where there are too many.
    """
    gateway = gateway_of(request)
    text = urlsafe_b64encode(token).rstrip(b"=").decode()
    earlier = [kept for kept in _kept(request) if not _belongs(gateway, kept, instead_of, subject)]
    same = [kept for kept in earlier if _belongs(gateway, kept, kind, subject)]
    too_many = same[MOST_TOKENS - 1 :]
    _write(request, response, [(kind, text), *(kept for kept in earlier if kept not in too_many)])
    return text


def merge_former_cookies(request: web.Request, response: web.StreamResponse) -> None:
    """Move the tokens of former versions' cookies into the one cookie, and delete those."""
    gateway = gateway_of(request)
    former = _former(request)
    if not former or response.prepared:
        return
    if _cookie_name(gateway) not in response.cookies:
        _write(request, response, list(_kept(request)))
    for name in former:
        response.del_cookie(name, secure=_is_secure(gateway), httponly=True, samesite="Lax")


def opens(verified: VerifiedToken, item_id: str, *, now: float) -> bool:
    """Whether the token opens the item now."""
    try:
        check_item(verified.token, item_id, now=now)
        check_settled(verified.token, verified.invoice, now=now)
    except Refused:
        return False
    return True


def as_minted(tokens: Sequence[VerifiedToken]) -> list[Invoice]:
    """The invoices of tokens as they were minted: only their holder may replace an invoice."""
    return [each.invoice for each in tokens if each.token.as_minted]


def is_waiting(verified: VerifiedToken, amount_msat: int, *, now: float) -> bool:
    """Whether the invoice can still be paid, at this price."""
    open_now = verified.invoice.state is InvoiceState.OPEN and now < verified.invoice.expires_at
    return open_now and verified.invoice.amount_msat == amount_msat


def _kept(request: web.Request) -> Iterator[_Kept]:
    """The tokens of the cookie, newest first, then those of former cookies."""
    for part in request.cookies.get(_cookie_name(gateway_of(request)), "").split(_BETWEEN):
        if match := _PART.fullmatch(part):
            yield match[1] or ITEM, match[2]
    for name, kind in _former(request).items():
        for part in request.cookies[name].split(_BETWEEN):
            if match := _PART.fullmatch(part):
                yield kind, match[2]


def _former(request: web.Request) -> dict[str, str]:
    """The kind of each former cookie, by name; under https only of `__Host-` ones, which no other host can set."""
    is_secure = _is_secure(gateway_of(request))
    found = {name: match for name in request.cookies if (match := _FORMER.fullmatch(name))}
    return {name: match[2] for name, match in found.items() if bool(match[1]) is is_secure}


def _write(request: web.Request, response: web.StreamResponse, kept: Sequence[_Kept]) -> None:
    gateway = gateway_of(request)
    parts = [text if kind == ITEM else f"{kind}{_KIND_ENDS}{text}" for kind, text in dict.fromkeys(kept)]
    while len(value := _BETWEEN.join(parts)) > MOST_CHARACTERS:
        parts.pop()
    response.set_cookie(
        _cookie_name(gateway), value, max_age=KEPT_SECONDS, secure=_is_secure(gateway), httponly=True, samesite="Lax"
    )


def _belongs(gateway: Gateway, kept: _Kept, kind: str, subject: str) -> bool:
    if kept[0] != kind:
        return False
    token = _read(gateway, kept[1])
    return token is not None and subject == (token.item_id if kind == ITEM else token.tip_to)


async def _look_up(gateway: Gateway, text: str) -> VerifiedToken | None:
    token = _read(gateway, text)
    if token is None:
        return None
    invoice = await gateway.store.read(lambda tx: tx.invoices.get(token.payment_hash))
    return None if invoice is None else VerifiedToken(text, token, await gateway.rechecker.try_recheck(invoice))


def _read(gateway: Gateway, text: str) -> Token | None:
    try:
        token = read_token(gateway.keys, decode_token(text))
        check_payer(token, None, now=gateway.clock())
    except Refused:
        return None
    return token


def _cookie_name(gateway: Gateway) -> str:
    return "__Host-tuppence" if _is_secure(gateway) else "tuppence"


def _is_secure(gateway: Gateway) -> bool:
    return gateway.config.public_url.startswith("https:")
