"""The tree of all errors that the gateway expects.

TuppenceError
├── Refused                 the client can correct it
│   ├── Invalid             a wrong body, path, header or amount
│   ├── NotFound            no such item, creator or invoice
│   ├── Unauthorized        a credential that is not valid
│   ├── Forbidden           a credential for something else
│   ├── PaymentRequired     no credential, or one that has expired
│   ├── Conflict            it already exists, or it is in use
│   └── TooMany             a limit; `retry_after_seconds` says when to retry
├── Unavailable             a fault on the gateway's side: node unavailable, disk full
└── OutcomeUnknown          it may have happened; check before retrying

`code` is API and never changes; `detail` says what to do about it.
"""


class TuppenceError(Exception):
    """An error with a stable `code`, and a `detail` for people."""

    def __init__(self, code: str, detail: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Refused(TuppenceError):
    """The request is refused, and the client can correct it."""


class Invalid(Refused):
    """The input is wrong; nothing was changed."""


class NotFound(Refused):
    """It does not exist, or is not visible to this client."""


class Unauthorized(Refused):
    """The credential is forged or unpaid, or its proof does not match."""


class Forbidden(Refused):
    """The credential is valid, but for something else."""


class PaymentRequired(Refused):
    """No credential was presented, or the access has ended; a payment gives access."""


class Conflict(Refused):
    """It already exists, or its state does not allow this."""


class TooMany(Refused):
    """A limit was reached; nothing was consumed."""


class Unavailable(TuppenceError):
    """A dependency of the gateway is unavailable; nothing was charged."""


class OutcomeUnknown(TuppenceError):
    """The outcome is unknown until it is checked later."""
