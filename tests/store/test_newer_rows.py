"""Rows that a newer version wrote are reported, and all others are still served."""

from base64 import b64decode
from functools import partial

import pytest
from sqlalchemy import Connection

from gateway.access.tokens import Credential
from gateway.ports.store import Tx
from tests.support.databases import change
from tests.support.site import Site

pytestmark = pytest.mark.both_databases

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
ITEM = "/v1/admin/items/welcome"


def execute(statement: str, connection: Connection) -> None:
    connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "written", ["kind = 'film'", "state = 'hidden'", "shares = 'none'", "shares = '[1]'", "preview_source = 'x'"]
)
async def test_an_item_that_cannot_be_read_loses_no_other(site: Site, written: str) -> None:
    await site.sell_text(TEXT)
    await site.sell_text(TEXT, item_id="odd")
    counted = "UPDATE counters SET value = value + 1 WHERE name = 'catalog_version'"
    for statement in (f"UPDATE items SET {written} WHERE id = 'odd'", counted):  # noqa: S608  # ours
        change(site.gateway.config.database_url, partial(execute, statement))
    price = {"price_msat": 300_000}
    assert (await site.call("PATCH", ITEM, json=price, headers=site.operator))[0] == 200
    assert (await site.call("GET", "/v1/items/welcome"))[1]["price_msat"] == 300_000
    status, listed = await site.call("GET", "/v1/admin/items", headers=site.operator)
    assert (status, [item["id"] for item in listed]) == (200, ["welcome"])
    for method, path, options in (
        ("GET", "/v1/items/odd", {}),
        ("POST", "/v1/items/odd/invoices", {}),
        ("PATCH", "/v1/admin/items/odd", {"json": price, "headers": site.operator}),
    ):
        status, problem = await site.call(method, path, **options)
        assert (status, problem["code"]) == (503, "item_unreadable")
    assert site.gateway.catalog.unreadable == ("odd",)
    assert "item odd cannot be read" in " ".join((await site.gateway.readiness.check()).wrong)


async def test_a_payment_that_cannot_be_read_loses_no_other(site: Site) -> None:
    await site.sell_text(TEXT)
    bought = [await site.buy("welcome") for _ in range(3)]
    for invoice, _ in bought:
        await site.settle(invoice["payment_hash"])
    odd = bought[1][0]["payment_hash"]
    url = site.gateway.config.database_url
    change(url, partial(execute, f"UPDATE invoices SET origin = 'moon' WHERE payment_hash = '{odd}'"))  # noqa: S608
    _, payments = await site.call("GET", "/v1/admin/payments", headers=site.operator)
    assert {payment["payment_hash"] for payment in payments} == {i["payment_hash"] for i, _ in bought} - {odd}

    def many(tx: Tx) -> set[str]:
        return {row.payment_hash for row in tx.invoices.get_many([i["payment_hash"] for i, _ in bought])}

    assert odd not in await site.gateway.store.read(many)
    token = Credential(b64decode(bought[0][0]["access_token"]), None)
    assert await site.gateway.authorizer.authorize([("line", token)], "welcome")
    change(url, partial(execute, "UPDATE invoices SET origin = 'checkout'"))
