"""Limits on new invoices: each refuses, says when to come back, and consumes nothing."""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_config
from gateway.errors import Conflict, TooMany
from gateway.limits.limits import CLAIMS_PER_REFUND, Limits
from gateway.rows import Unresolved
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock
from tests.support.domain import RATES, limits
from tests.support.rows import START, a_creator
from tests.support.site import Site, open_site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES, CONTENT = "/v1/items/welcome/invoices", "/v1/items/welcome/content"


def take(subject: Limits, client: str = "a", item: str = "welcome", *, payment_hash: str = "", page: str = "") -> None:
    """One invoice that was issued, or the refusal."""
    with subject.reserve(client, item, page) as reservation:
        reservation.issued(payment_hash or secrets.token_hex(32))


def claim(subject: Limits, payment_hash: str = "a", *, refused: bool = True) -> bool:
    """Whether a claim of a refund was let in; it ends there, or is refused."""
    try:
        with subject.refund_claim(payment_hash):
            if refused:
                raise Conflict("refund_claimed", "This refund was paid already.")  # noqa: TRY301 # as its use case does
    except Conflict:
        return True
    except TooMany:
        return False
    return True


def test_refused_claims_of_one_refund_are_limited_by_the_minute(clock: FakeClock) -> None:
    subject = limits(clock)
    assert all(claim(subject, refused=False) for _ in range(20))
    assert sum(claim(subject) for _ in range(20)) == CLAIMS_PER_REFUND.most
    assert not claim(subject, refused=False)
    assert claim(subject, "b")
    clock.advance(CLAIMS_PER_REFUND.seconds)
    assert claim(subject)


def taken(subject: Limits, client: str = "a", *, most: int = 100, page: str = "") -> int:
    """How many more invoices a client gets."""
    for count in range(most):
        try:
            take(subject, client, page=page)
        except TooMany:
            return count
    return most


def test_a_client_may_have_a_limited_number_of_unpaid_invoices(clock: FakeClock) -> None:
    subject = limits(clock, open_invoices_per_client=3)
    assert taken(subject) == 3
    assert taken(subject, "b") == 3
    clock.advance(599)
    with pytest.raises(TooMany) as refusal:
        take(subject)
    assert (refusal.value.code, refusal.value.retry_after_seconds) == ("too_many_open_invoices", 1)
    clock.advance(1)
    assert taken(subject) == 3


def test_a_client_without_unpaid_invoices_is_served_when_others_have_all_open_ones(clock: FakeClock) -> None:
    subject = limits(clock, open_invoices_per_client=2, open_invoices=10)
    assert sum(taken(subject, f"flood {n}") for n in range(100)) == 15
    assert sum(taken(subject, f"late {n}") for n in range(100)) == 0
    subject = limits(clock, open_invoices_per_client=2, open_invoices=10)
    assert sum(taken(subject, f"flood {n}") for n in range(5)) == 10
    assert [taken(subject, f"honest {n}") for n in range(6)] == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("field", ["invoices_per_item", "invoices_overall"])
def test_a_client_without_unpaid_invoices_is_served_when_others_use_up_a_rate(field: str) -> None:
    clock = FakeClock(START)
    fields: dict[str, Any] = {field: "10/day", "open_invoices_per_client": 5}
    subject = limits(clock, **fields)
    assert [taken(subject, name) for name in ("a", "b", "c", "d", "e", "f", "g", "h")] == [5, 5, 1, 1, 1, 1, 1, 0]


def test_a_foreign_page_uses_a_part_of_its_visitors_share(clock: FakeClock) -> None:
    subject = limits(clock)
    assert [
        taken(subject, page=page) for page in ("https://evil.example", "null", "https://b.example", "https://c.example")
    ] == [
        5,
        5,
        5,
        0,
    ]
    assert taken(subject) == 5
    assert taken(subject, "another", page="https://evil.example") == 5


def test_a_foreign_page_leaves_some_of_its_visitors_rate(clock: FakeClock) -> None:
    subject = limits(clock, invoices_per_client="20/day", invoice_expiry_seconds=30)
    count = 0
    for _ in range(20):
        count += taken(subject, page="https://evil.example")
        clock.advance(31)
    assert (count, taken(subject)) == (15, 5)


@pytest.mark.parametrize("share", [1, 2, 3])
def test_a_foreign_page_gets_one_invoice_however_small_the_share(clock: FakeClock, share: int) -> None:
    assert taken(limits(clock, open_invoices_per_client=share), page="https://blog.example") == 1


def test_all_clients_together_may_have_a_limited_number(clock: FakeClock) -> None:
    subject = limits(clock, open_invoices=5)
    assert taken(subject) == 5
    with pytest.raises(TooMany, match="unpaid here") as refusal:
        take(subject, "b")
    assert refusal.value.retry_after_seconds == 600
    clock.advance(600)
    assert taken(subject, "b") == 5


def test_a_paid_invoice_counts_no_more(clock: FakeClock) -> None:
    subject = limits(clock, open_invoices_per_client=2, open_invoices=3)
    for number in range(50):
        take(subject, payment_hash=f"{number:064x}")
        subject.release(f"{number:064x}")
    assert taken(subject) == 2
    subject.release("00" * 32)
    assert taken(subject) == 0


def test_an_invoice_that_was_never_issued_counts_no_more(clock: FakeClock) -> None:
    subject = limits(clock, open_invoices_per_client=2)
    for _ in range(10):
        with suppress(ConnectionError), subject.reserve("a", "welcome"):
            raise ConnectionError
    with subject.reserve("a", "welcome"):
        pass
    assert taken(subject) == 2


def test_invoices_count_while_they_are_being_issued(clock: FakeClock) -> None:
    subject = limits(clock, open_invoices_per_client=2)
    with subject.reserve("a", "welcome") as one, subject.reserve("a", "welcome"):
        assert taken(subject) == 0
        clock.advance(601)
        one.issued("11" * 32)
    assert taken(subject) == 2


def test_what_was_open_before_a_restart_counts_until_it_expires(clock: FakeClock) -> None:
    rows = [Unresolved(payment_hash=f"{n:064x}", add_index=n, expires_at=START + 100 * n) for n in (1, 2)]
    subject = limits(clock, open_invoices=3, restored=rows)
    assert taken(subject) == 1
    subject.release(f"{1:064x}")
    assert taken(subject) == 1
    clock.advance(200)
    assert taken(subject) == 1


def test_an_expired_invoice_counts_no_more_in_whatever_order_they_were_counted(clock: FakeClock) -> None:
    """Restored rows come in the order of the node, and an expiry can be configured anew between two starts."""
    rows = [Unresolved(payment_hash=f"{n:064x}", add_index=n, expires_at=START + 86_400 // n) for n in (1, 2)]
    subject = limits(clock, open_invoices=6, open_invoices_per_client=2, restored=rows)
    for _ in range(5):
        assert taken(subject) == 2
        assert taken(subject, "b") == 2
        clock.advance(600)


def test_memory_is_bounded_by_the_open_invoices(clock: FakeClock) -> None:
    subject = limits(
        clock, invoices_per_client="1000000/day", invoices_per_item="1000000/day", invoices_overall="1000000/day"
    )
    for number in range(2_000):
        take(subject, payment_hash=f"{number:064x}")
        subject.release(f"{number:064x}")
    assert len(subject._due) < 100
    assert (subject._open, subject._open_of) == ({}, {})


@pytest.mark.parametrize("field", sorted(RATES))
def test_each_rate_refuses_what_is_too_fast(field: str) -> None:
    clock = FakeClock(START)
    fields: dict[str, Any] = {field: "2/day"}
    subject = limits(clock, **fields)
    take(subject)
    take(subject)
    for _ in range(3):
        with pytest.raises(TooMany) as refusal:
            take(subject)
        assert refusal.value.code == "too_many_invoices"
        assert 1 <= (refusal.value.retry_after_seconds or 0) <= 86_400


def test_a_refusal_consumes_nothing_of_the_other_limits() -> None:
    clock = FakeClock(START)
    subject = limits(clock, invoices_per_client="2/day", invoices_overall="4/day")
    assert taken(subject, "a") == 2
    for _ in range(20):
        with pytest.raises(TooMany):
            take(subject, "a")
    assert taken(subject, "b") == 2


async def test_too_much_is_429_with_the_time_to_come_back_and_changes_nothing(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    config = load_config(data_dir=tmp_path, open_invoices_per_client=2)
    async with open_site(config, clock, core) as site:
        await open_shop(site)
        first, headers = await site.buy("welcome")
        await site.buy("welcome")
        before = site.dump()
        for method, path in (("POST", INVOICES), ("GET", CONTENT)):
            async with site.session.request(method, f"{site.url}{path}") as response:
                problem = await response.json(content_type=None)
                assert (response.status, problem["code"]) == (429, "too_many_open_invoices")
                assert response.headers["Retry-After"] == "600"
                assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert (site.dump(), len(list(core.invoices))) == (before, 2)
        assert (await site.call("POST", INVOICES, headers=headers))[1]["payment_hash"] == first["payment_hash"]
        await site.settle(first["payment_hash"])
        assert (await site.call("POST", INVOICES))[0] == 201
        assert (await site.call("GET", CONTENT, headers=headers))[0] == 200


async def test_what_is_open_at_a_restart_still_counts(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    config = load_config(data_dir=tmp_path, open_invoices=2)
    async with open_site(config, clock, core) as site:
        await open_shop(site)
        first, _ = await site.buy("welcome")
        await site.buy("welcome")
    async with open_site(config, clock, core) as site:
        assert (await site.call("POST", INVOICES))[0] == 429
        await site.settle(first["payment_hash"])
        assert (await site.call("POST", INVOICES))[0] == 201


async def open_shop(site: Site) -> None:
    for name in ("alice", "bob"):
        await site.gateway.catalog.add_creator(a_creator(name))
    await site.sell_text(TEXT)
