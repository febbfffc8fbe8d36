"""Recovery: a code alone gives a new access token for a purchase. The codes that a client tries are limited."""

from dataclasses import dataclass

from gateway.access.one_time_codes import is_one_time_code, use_one_time_code
from gateway.access.recovery_codes import invoice_of_code, read_code
from gateway.access.tokens import mint_token
from gateway.limits.limits import Limits
from gateway.ports.keys import KeyRing
from gateway.ports.store import Store
from gateway.rows import Invoice


@dataclass(frozen=True, slots=True)
class Recovered:
    """A paid invoice and a new access token for it."""

    invoice: Invoice
    access_token: bytes


async def recover(
    store: Store, keys: KeyRing, limits: Limits, code: str, *, client_key: str, foreign_origin: str, now: int
) -> Recovered:
    """Recover by a recovery code or by a one-time code, which it uses up.

    `foreign_origin` is that of the page of another site that asks, else "". Raises as `recover_as_typed` does.
    """
    if not is_one_time_code(code):
        return await recover_as_typed(store, keys, limits, code, client_key=client_key, foreign_origin=foreign_origin)
    with limits.recovery(client_key, foreign_origin):
        invoice = await use_one_time_code(store, keys, code, now=now)
    return Recovered(invoice, mint_token(keys, invoice))


async def recover_as_typed(
    store: Store, keys: KeyRing, limits: Limits, typed: str, *, client_key: str, foreign_origin: str
) -> Recovered:
    """Recover by a recovery code as somebody typed it.

    Raises `Invalid` (`recovery_code_malformed`), `NotFound` (`recovery_unknown`), `TooMany`, and
    `Unavailable` and `OutcomeUnknown` as the store does.
    """
    code = read_code(typed)
    with limits.recovery(client_key, foreign_origin):
        invoice = await invoice_of_code(store, keys, code)
    return Recovered(invoice, mint_token(keys, invoice))
