"""Every refusal that the gateway expects, as one tree.

TuppenceError
├── Refused                 the asker can mend it
│   ├── Invalid             a body, path, header or amount that is wrong
│   ├── NotFound            no such item, creator or invoice
│   ├── Unauthorized        a credential that proves nothing
│   ├── Forbidden           a credential for something else
│   ├── PaymentRequired     nothing presented, or what was bought has run out
│   ├── Conflict            it is there already, or it is in use
│   └── TooMany             a limit; `retry_after_seconds` says when to come back
├── Unavailable             the gateway's side: the node is away, the disk is full
└── OutcomeUnknown          it may have happened; look before trying again

`code` is API and never changes; `detail` says what to do about it.
"""


class TuppenceError(Exception):
    """A refusal with a stable `code`, and a `detail` for the person who reads it."""

    def __init__(self, code: str, detail: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Refused(TuppenceError):
    """The asker can mend it."""


class Invalid(Refused):
    """What was sent is wrong; nothing was changed."""


class NotFound(Refused):
    """There is no such thing, or not for this asker."""


class Unauthorized(Refused):
    """The credential is forged, unpaid, or its proof does not fit."""


class Forbidden(Refused):
    """The credential is good, but for something else."""


class PaymentRequired(Refused):
    """Nothing was presented, or the access has ended: a payment opens it."""


class Conflict(Refused):
    """It exists already, or its state does not allow this."""


class TooMany(Refused):
    """A limit was reached; nothing was consumed."""


class Unavailable(TuppenceError):
    """A part that the gateway depends on is away; nothing was charged."""


class OutcomeUnknown(TuppenceError):
    """It may have happened; only a later look will tell."""
