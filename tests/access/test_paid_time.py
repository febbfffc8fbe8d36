"""The end of paid time, for each way to open an item: a token, a token with its preimage, a link."""

import pytest

from gateway.access.authorize import Authorizer
from gateway.access.tokens import GRACE_SECONDS, Credential, mint_token
from gateway.errors import PaymentRequired, Unavailable
from gateway.ports.node import NodeState
from gateway.simulator.core import Simulator
from tests.support.domain import Domain
from tests.support.rows import START, an_item
from tests.support.site import Site

pytestmark = pytest.mark.both_databases

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
BOOK = b"The paid part." * 400
FOR_AN_HOUR = an_item("for-an-hour", access_seconds=3_600)


async def credential_of(domain: Domain, item_id: str, *, challenged: bool = False) -> Credential:
    """A paid invoice's token and preimage; nothing is booked yet."""
    await domain.store.write(lambda tx: tx.items.insert(FOR_AN_HOUR))
    terms = await domain.terms(item_id)
    if challenged:
        invoice = await domain.checkout.challenge(terms)
    else:
        invoice = (await domain.create(terms)).invoice
    return Credential(mint_token(domain.keys, invoice), bytes.fromhex(domain.pay(invoice)))


@pytest.mark.parametrize("challenged", [False, True])
async def test_a_preimage_opens_no_longer_than_was_paid_for(site: Site, challenged: bool) -> None:
    await site.sell_text(TEXT, item_id="welcome", access_seconds=2)
    item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "a.pdf", "access_seconds": 2}
    assert (await site.call("POST", "/v1/admin/items", json=item, headers=site.operator))[0] == 201
    await site.call("PUT", "/v1/admin/items/book/content", data=BOOK, headers=site.operator)
    for item_id in ("welcome", "book"):
        content = f"/v1/items/{item_id}/content"
        if challenged:
            _, asked = await site.call("GET", content)
            token, preimage = asked["macaroon"], await site.settle(asked["paymentHash"])
        else:
            invoice, _ = await site.buy(item_id)
            token, preimage = invoice["access_token"], await site.settle(invoice["payment_hash"])
        headers = {"Authorization": f"L402 {token}:{preimage}"}
        site.clock.advance(1)
        assert (await site.call("GET", content, headers=headers))[0] == 200
        _, link = await site.call("POST", f"/v1/items/{item_id}/links", headers=headers)
        path, part = link["url"].removeprefix(site.gateway.config.public_url), {"Range": "bytes=0-1"}
        assert (await site.call("GET", path, headers=part))[0] in {200, 206}
        site.clock.advance(1)
        for spelled in (f"L402 {token}:{preimage}", f"LSAT {token}:{preimage.upper()}", f"l402 {token}:{preimage}"):
            again = {"Authorization": spelled}
            assert (await site.call("GET", content, headers=again))[0] == 402
            assert (await site.call("GET", content, headers=again | part))[0] == 402
            assert (await site.call("POST", f"/v1/items/{item_id}/links", headers=again))[0] == 402
        assert (await site.call("GET", path, headers=part))[0] == 403
        assert (await site.call("GET", path))[0] == 403


async def test_a_payment_that_is_not_booked_yet_opens_and_is_not_remembered(domain: Domain, core: Simulator) -> None:
    credential = await credential_of(domain, "for-an-hour")
    core.state = NodeState.ABSENT
    access = await domain.authorizer.authorize([("line", credential)], "for-an-hour")
    assert access.valid_until == START + 3_600
    assert domain.authorizer.remembered("line", "for-an-hour") is None
    core.state = NodeState.READY
    await domain.sweeper.sweep()
    domain.clock.now = START + 3_600
    with pytest.raises(PaymentRequired):
        await domain.authorizer.authorize([("line", credential)], "for-an-hour")


@pytest.mark.parametrize("challenged", [False, True])
async def test_a_preimage_opens_an_unlimited_access_without_the_database(domain: Domain, challenged: bool) -> None:
    for_ever = await credential_of(domain, "welcome", challenged=challenged)
    for_an_hour = await credential_of(domain, "for-an-hour", challenged=challenged)

    async def refuse(_: object) -> None:
        raise Unavailable("database_away", "The database does not answer.")

    read, domain.store.read = domain.store.read, refuse  # type: ignore[assignment,method-assign]  # the database is away
    assert await domain.authorizer.authorize([("line", for_ever)], "welcome")
    with pytest.raises(Unavailable):
        await domain.authorizer.authorize([("line", for_an_hour)], "for-an-hour")
    domain.store.read = read  # type: ignore[method-assign]  # and is back


async def test_a_payment_whose_row_is_lost_opens_until_its_token_ends(domain: Domain) -> None:
    credential = await credential_of(domain, "for-an-hour")
    fresh = Authorizer(domain.keys, domain.store, domain.rechecker, domain.clock)

    async def gone(_: object) -> None: ...

    domain.rechecker.recheck = gone  # type: ignore[assignment,method-assign]  # as a restored backup has it
    access = await fresh.authorize([("line", credential)], "for-an-hour")
    assert access.valid_until == START + 600 + GRACE_SECONDS + 3_600
    assert fresh.remembered("line", "for-an-hour") is None
