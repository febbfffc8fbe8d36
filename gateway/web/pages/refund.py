"""The refund on the receipt page: what is paid back, how the payer takes it, and why a claim was refused."""

from urllib.parse import quote

from gateway.access.receipts import Receipt
from gateway.errors import TuppenceError
from gateway.rows.payouts import RefundState
from gateway.web.api.refunds import refund_offer
from gateway.web.http.language import Words
from gateway.web.http.qr import payment_qr
from gateway.web.pages.refusal_texts import N_
from gateway.web.pages.views import View

LONGEST_TYPED = 4_000
REFRESH_SECONDS = 3

_STATES = {
    RefundState.OFFERED: N_("This payment was refunded. Take your {amount} sat back by {day}."),
    RefundState.CLAIMING: N_("{amount} sat are on their way to your wallet."),
    RefundState.CLAIMED: N_("{amount} sat were paid back to your wallet."),
    RefundState.RETURNED: N_("Nobody took this refund within a year. Ask the creator about it."),
}
_AMOUNT = N_("This invoice is for another amount. Have your wallet make one for exactly {amount} sat.")
_UNREADABLE = N_("This is no whole invoice or Lightning Address. Copy it again from your wallet.")
_USED = N_("This invoice cannot be paid any more. Have your wallet make a new one.")
_NARROWED = N_("This link shows the receipt only. Open the link that you were first given.")
_LATER = N_("The refund cannot be sent just now. It stays yours; try again later.")
_REFUSALS = {
    "amount_differs": _AMOUNT,
    "amount_invalid": _AMOUNT,
    "destination_invalid": _UNREADABLE,
    "destination_is_here": _UNREADABLE,
    "invoice_expired": _USED,
    "invoice_invalid": _UNREADABLE,
    "invoice_lasts_too_long": _USED,
    "invoice_ours": _USED,
    "invoice_used": _USED,
    "invoice_without_amount": _AMOUNT,
    "token_narrowed": _NARROWED,
    "too_many_claims": N_("That was too many tries. Come back in a minute."),
    "url_refused": _UNREADABLE,
}


def refund_view(receipt: Receipt, words: Words, *, public_url: str) -> View | None:
    """The template variables of a receipt's refund."""
    refund = receipt.refund
    if refund is None:
        return None
    lnurl = refund_offer(refund, public_url=public_url).lnurl or ""
    amount = words.sat(refund.amount_msat)
    is_over = refund.state is RefundState.OFFERED and receipt.as_minted and not lnurl
    line = _STATES[RefundState.RETURNED if is_over else refund.state]
    return {
        "state": refund.state.value,
        "line": words.say(line, amount=amount, day=words.instant(refund.expires_at)),
        "amount_sat": amount,
        "lnurl": lnurl,
        "qr": "data:image/svg+xml," + quote(payment_qr(lnurl)) if lnurl else "",
        "typed": "",
        "refusal": "" if receipt.as_minted else words.say(_NARROWED),
        "longest": LONGEST_TYPED,
        "refresh_seconds": REFRESH_SECONDS if refund.state is RefundState.CLAIMING else None,
    }


def explain_claim(refusal: TuppenceError, words: Words, refund: View) -> str:
    """Why a claim was refused, and what to do about it."""
    return words.say(_REFUSALS.get(refusal.code, _LATER), amount=refund["amount_sat"])
