"""Recovery by a code: it gives a new token, and only codes that open nothing count against the client."""

import pytest

from gateway.access.recovery import Recovered, recover
from gateway.access.recovery_codes import code_of
from gateway.access.tokens import Credential, read_token
from gateway.errors import Invalid, NotFound, TooMany
from gateway.limits.limits import TRIES_PER_CLIENT, Limits
from gateway.rows import Invoice
from tests.support.domain import Domain, limits
from tests.support.rows import START

WRONG = "0000-0000-0000"


async def paid(domain: Domain) -> Invoice:
    invoice = await domain.sell()
    domain.pay(invoice)
    return await domain.rechecker.recheck(invoice)


async def attempt(domain: Domain, counted: Limits, code: str) -> Recovered:
    return await recover(domain.store, domain.keys, counted, code, client_key="a", foreign_origin="", now=START)


async def test_a_code_gives_a_new_token_as_minted_that_opens_the_item(domain: Domain) -> None:
    invoice = await paid(domain)
    recovered = await attempt(
        domain, limits(domain.clock), await code_of(domain.store, domain.keys, invoice, now=START)
    )
    assert recovered.invoice == invoice
    assert read_token(domain.keys, recovered.access_token).as_minted
    access = await domain.authorizer.authorize([("line", Credential(recovered.access_token, None))], "welcome")
    assert access.payment_hash == invoice.payment_hash


async def test_only_codes_that_open_nothing_count_against_the_client(domain: Domain) -> None:
    code, counted = await code_of(domain.store, domain.keys, await paid(domain), now=START), limits(domain.clock)
    for _ in range(TRIES_PER_CLIENT.most):
        await attempt(domain, counted, code)
        with pytest.raises(Invalid):
            await attempt(domain, counted, "too short")
        with pytest.raises(NotFound):
            await attempt(domain, counted, WRONG)
    with pytest.raises(TooMany):
        await attempt(domain, counted, code)
