"""Recovery by a code: it gives a new token, and only codes that open nothing count against the client."""

import pytest

from gateway.access.recovery import Recovered, recover
from gateway.access.recovery_codes import code_of
from gateway.access.tokens import Credential, read_token
from gateway.errors import Invalid, NotFound, TooMany
from gateway.limits.limits import TRIES_PER_CLIENT, Limits
from gateway.rows import Invoice
from tests.support.domain import Till, limits
from tests.support.rows import START

WRONG = "0000-0000-0000"


async def paid(till: Till) -> Invoice:
    invoice = await till.sell()
    till.pay(invoice)
    return await till.rechecker.recheck(invoice)


async def attempt(till: Till, counted: Limits, code: str) -> Recovered:
    return await recover(till.store, till.keys, counted, code, client_key="a", foreign_origin="", now=START)


async def test_a_code_gives_a_new_token_as_minted_that_opens_the_item(till: Till) -> None:
    invoice = await paid(till)
    recovered = await attempt(till, limits(till.clock), await code_of(till.store, till.keys, invoice, now=START))
    assert recovered.invoice == invoice
    assert read_token(till.keys, recovered.access_token).as_minted
    access = await till.authorizer.authorize([("line", Credential(recovered.access_token, None))], "welcome")
    assert access.payment_hash == invoice.payment_hash


async def test_only_codes_that_open_nothing_count_against_the_client(till: Till) -> None:
    code, counted = await code_of(till.store, till.keys, await paid(till), now=START), limits(till.clock)
    for _ in range(TRIES_PER_CLIENT.most):
        await attempt(till, counted, code)
        with pytest.raises(Invalid):
            await attempt(till, counted, "too short")
        with pytest.raises(NotFound):
            await attempt(till, counted, WRONG)
    with pytest.raises(TooMany):
        await attempt(till, counted, code)
