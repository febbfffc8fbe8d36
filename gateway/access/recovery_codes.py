"""Recovery codes: a reader writes one down to open a purchase on another device, without an account.

A code is twelve characters of Crockford's base32 (60 bits), derived from the payment hash with a key of the ring: a
receipt shows the same code every time. The database stores only a keyed hash of the code.
"""

from functools import partial
from itertools import count

from gateway import crockford
from gateway.errors import Invalid, NotFound, Unavailable
from gateway.ports.keys import KeyRing
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice, InvoiceState, Origin

CODE_CHARACTERS = 12
GROUP_CHARACTERS = 4
_HEX_DIGITS = CODE_CHARACTERS * crockford.BITS // 4


def has_code(invoice: Invoice) -> bool:
    """Whether an invoice has a code: it is settled, and not a challenge, which several clients may share."""
    return invoice.state is InvoiceState.SETTLED and invoice.origin is Origin.CHECKOUT


async def code_of(store: Store, keys: KeyRing, invoice: Invoice, *, now: int) -> str:
    """The code of an invoice that has one, in groups of four. The first call stores its hash.

    Raises `Unavailable` and `OutcomeUnknown` as the store does.
    """
    assert has_code(invoice), "only a settled invoice has a code"
    for attempt in count():
        code = _derive(keys, invoice.payment_hash, attempt)
        code_hash = keys.keyed_hash("recovery", code)
        owner = await store.read(lambda tx, h=code_hash: tx.recoveries.payment_of(h))  # type: ignore[misc]  # bound in the loop
        if owner is None:
            owner = await store.write(partial(_pin, code_hash=code_hash, payment_hash=invoice.payment_hash, now=now))
        # Two invoices may derive the same 60 bits: the constraint gives the code to one, and the other takes its next.
        if owner == invoice.payment_hash:
            return grouped(code)
    raise AssertionError  # pragma: no cover


async def invoice_of_code(store: Store, keys: KeyRing, code: str) -> Invoice:
    """The paid invoice of a code from `read_code`. Raises `NotFound` (`recovery_unknown`), for an unpaid one too."""
    code_hash = keys.keyed_hash("recovery", code)
    payment_hash = await store.read(lambda tx: tx.recoveries.payment_of(code_hash))
    invoice = None if payment_hash is None else await store.read(lambda tx: tx.invoices.get(payment_hash))
    if invoice is None or not has_code(invoice):
        raise unknown_code()
    return invoice


def unknown_code() -> NotFound:
    """The refusal of any code that opens nothing. It is the same for every reason."""
    return NotFound("recovery_unknown", "This code opens nothing here; compare it with the receipt, letter by letter.")


def read_code(typed: str) -> str:
    """The twelve characters of a code that somebody typed, as `crockford.read` forgives it.

    Raises `Invalid` (`recovery_code_malformed`).
    """
    code = crockford.read(typed)
    if code is None or len(code) != CODE_CHARACTERS:
        raise Invalid("recovery_code_malformed", "A recovery code has twelve letters and digits, like 7KQ2-M4XD-9TRA.")
    return code


def grouped(code: str) -> str:
    """A code in groups of four, like `7KQ2-M4XD-9TRA`."""
    return "-".join(code[start : start + GROUP_CHARACTERS] for start in range(0, CODE_CHARACTERS, GROUP_CHARACTERS))


def _pin(tx: Tx, *, code_hash: str, payment_hash: str, now: int) -> str:
    row = tx.invoices.get(payment_hash)
    if row is None or not has_code(row):
        raise Unavailable("database_away", "The payment is not booked yet; its code comes then.", retry_after_seconds=5)
    return tx.recoveries.pin(code_hash, payment_hash, now=now)


def _derive(keys: KeyRing, payment_hash: str, attempt: int) -> str:
    number = int(keys.keyed_hash("recovery-code", f"{payment_hash}\0{attempt}")[:_HEX_DIGITS], 16)
    return crockford.encode(number, characters=CODE_CHARACTERS)
