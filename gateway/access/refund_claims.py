"""Claims of refunds by their payers, whichever way they come: limited, and refused in words for a payer."""

import structlog

from gateway.errors import Refused, TuppenceError, Unavailable
from gateway.limits.limits import Limits
from gateway.payouts.refunds import Refunds
from gateway.rows.payouts import Payout

NOT_NOW = "The refund cannot be sent just now. It stays yours; try again later."
ELSEWHERE = "The refund cannot be sent there. Give a Lightning Address like alice@wallet.example."
_FOR_PAYERS = frozenset(
    {
        "amount_differs",
        "amount_invalid",
        "destination_invalid",
        "destination_is_here",
        "invoice_expired",
        "invoice_invalid",
        "invoice_lasts_too_long",
        "invoice_ours",
        "invoice_used",
        "invoice_without_amount",
        "refund_claimed",
        "refund_claimed_often",
        "refund_claiming",
        "refund_expired",
        "refund_not_found",
    }
)
"""What a payer can do something about. All else is of the operator's node, caps and configuration."""

log = structlog.get_logger()


class RefundClaims:
    """The use case behind every door that pays a refund to its payer."""

    def __init__(self, refunds: Refunds, limits: Limits) -> None:
        self._refunds, self._limits = refunds, limits

    async def claim(self, payment_hash: str, destination: str) -> Payout:
        """Pay a refund to a destination of its payer, who has proved to be that.

        Raises `TooMany`, and as `Refunds.claim` does, with a detail that is for the payer.
        """
        with self._limits.refund_claim(payment_hash):
            try:
                return await self._refunds.claim(payment_hash, destination)
            except (Refused, Unavailable) as refusal:
                raise _for_payer(refusal) from refusal


def _for_payer(refusal: TuppenceError) -> TuppenceError:
    """The refusal without what it tells the operator, such as caps, turnover, and why payouts are paused."""
    if refusal.code in _FOR_PAYERS:
        return refusal
    log.info("refund_claim_refused", code=refusal.code, detail=refusal.detail)
    detail = ELSEWHERE if refusal.code == "url_refused" else NOT_NOW
    return type(refusal)(refusal.code, detail, retry_after_seconds=refusal.retry_after_seconds)
