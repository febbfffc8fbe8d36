"""Content that is lost under a running gateway: nothing is sold that would not open, and it comes back by itself."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.store.files.content import _CACHED_BYTES_LIMIT
from tests.support.site import Site

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
ITEM = "/v1/items/welcome"
KEY = {"Idempotency-Key": "k" * 22}

Damage = Callable[[Path], Callable[[], object]]
"""Damages a file; gives what mends it."""


def _removed(path: Path) -> Callable[[], object]:
    aside = path.rename(path.with_suffix(".aside"))
    return lambda: aside.rename(path)


def _unmounted(path: Path) -> Callable[[], object]:
    aside = path.parent.rename(path.parent.with_suffix(".aside"))
    path.parent.mkdir()

    def mount() -> None:
        path.parent.rmdir()
        aside.rename(path.parent)

    return mount


def _cut(path: Path) -> Callable[[], object]:
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 1)
    return lambda: path.write_bytes(whole)


def _emptied(path: Path) -> Callable[[], object]:
    whole = path.read_bytes()
    os.truncate(path, 0)
    return lambda: path.write_bytes(whole)


def _folder(path: Path) -> Callable[[], object]:
    mend = _removed(path)
    path.mkdir()

    def remove() -> None:
        path.rmdir()
        mend()

    return remove


def _pipe(path: Path) -> Callable[[], object]:
    whole = path.read_bytes()
    path.unlink()
    os.mkfifo(path)

    def put_back() -> None:
        path.unlink()
        path.write_bytes(whole)

    return put_back


def _garbled(path: Path) -> Callable[[], object]:
    whole = path.read_bytes()
    path.write_bytes(b"x" * len(whole))
    return lambda: path.write_bytes(whole)


async def _sell(site: Site, size: int | None) -> Path:
    """The file of what is on sale: a text, or a file of so many bytes."""
    if size is None:
        await site.sell_text(TEXT)
    else:
        item = {"id": "welcome", "creator": "alice", "price_msat": 100_000, "file_name": "a.bin"}
        assert (await site.call("POST", "/v1/admin/items", json=item, headers=site.operator))[0] == 201
        upload = await site.call("PUT", "/v1/admin/items/welcome/content", data=b"a" * size, headers=site.operator)
        assert upload[0] == 200
    return site.gateway.content.path(site.gateway.catalog.item("welcome").digest)


async def _doors(site: Site, token: dict[str, str]) -> list[tuple[int, str]]:
    """Status and code of each door at which an invoice could be had."""
    form = {"Origin": site.gateway.config.public_url}
    asked = [
        await site.call("POST", f"{ITEM}/invoices"),
        await site.call("POST", f"{ITEM}/invoices", headers=token),
        await site.call("POST", f"{ITEM}/invoices", headers=KEY),
        await site.call("GET", f"{ITEM}/content"),
    ]
    page, _ = await site.call("POST", "/i/welcome", headers=form, allow_redirects=False)
    return [*((status, said.get("code", "")) for status, said in asked), (page, "")]


async def _readiness(site: Site) -> tuple[bool, str]:
    found = await site.gateway.readiness.check()
    return found.ready, " ".join(found.wrong)


@pytest.mark.parametrize("damage", [_removed, _unmounted, _cut, _emptied, _folder, _pipe])
@pytest.mark.parametrize("size", [None, 2 * _CACHED_BYTES_LIMIT])
async def test_what_would_not_open_is_not_sold_until_it_is_back(site: Site, damage: Damage, size: int | None) -> None:
    path = await _sell(site, size)
    _, token = await site.buy("welcome")
    assert (await site.call("POST", f"{ITEM}/invoices", headers=KEY))[0] == 201
    assert (await site.call("GET", f"{ITEM}/content"))[0] == 402
    asked = len([*site.core.invoices])

    mend = damage(path)
    assert await _doors(site, token) == [(503, "content_missing")] * 4 + [(503, "")]
    assert len([*site.core.invoices]) == asked, "the node was asked for nothing"
    ready, wrong = await _readiness(site)
    assert (ready, "content of welcome" in wrong) == (False, True)
    tip = await site.call("POST", "/v1/creators/alice/tips", json={"amount_msat": 1000})
    assert tip[0] == 201

    mend()
    assert [status for status, _ in await _doors(site, token)] == [201, 201, 201, 402, 303]
    assert await _readiness(site) == (True, "")


async def test_small_content_of_other_bytes_is_not_sold(site: Site) -> None:
    path = await _sell(site, None)
    _, token = await site.buy("welcome")
    mend = _garbled(path)
    assert {code for _, code in await _doors(site, token)} == {"content_missing", ""}
    mend()
    assert (await site.call("POST", f"{ITEM}/invoices"))[0] == 201


async def test_what_is_paid_opens_from_memory_while_its_file_is_lost(site: Site) -> None:
    path = await _sell(site, None)
    invoice, token = await site.buy("welcome")
    await site.settle(invoice["payment_hash"])
    assert (await site.call("GET", f"{ITEM}/content", headers=token))[0] == 200
    _unmounted(path)
    status, said = await site.call("GET", f"{ITEM}/content", headers=token)
    assert (status, "paid part" in said) == (200, True)
    assert (await site.call("POST", f"{ITEM}/invoices", headers=token))[0] == 201, "it is paid, and says so"
    assert (await site.call("POST", f"{ITEM}/invoices"))[0] == 503


@pytest.mark.parametrize("damage", [_removed, _cut])
async def test_a_damaged_file_is_not_sent_as_if_it_were_whole(site: Site, damage: Damage) -> None:
    path = await _sell(site, 2 * _CACHED_BYTES_LIMIT)
    invoice, token = await site.buy("welcome")
    await site.settle(invoice["payment_hash"])
    mend = damage(path)
    status, said = await site.call("GET", f"{ITEM}/content", headers=token)
    assert (status, said["code"]) == (503, "content_missing")
    mend()
    assert (await site.call("GET", f"{ITEM}/content", headers=token))[0] == 200


async def test_of_many_items_each_is_looked_at_in_turn(site: Site) -> None:
    few = replace(site.gateway.readiness, most_contents_checked=2)
    site = replace(site, gateway=replace(site.gateway, readiness=few))
    for number in range(5):
        await site.sell_text(f"# T{number}\n\n<!-- more -->\n\nPaid {number}.", item_id=f"t{number}")
    path = site.gateway.content.path(site.gateway.catalog.item("t4").digest)
    mend = _removed(path)
    found = [await _readiness(site) for _ in range(4)]
    assert any("content of t4" in wrong for _, wrong in found)
    assert "content of t4" in found[-1][1], "what is lost is looked at each time"
    mend()
    assert await _readiness(site) == (True, "")


@pytest.mark.parametrize("damage", [_removed, _cut, _garbled])
async def test_the_same_text_put_again_mends_what_was_damaged(site: Site, damage: Damage) -> None:
    path = await _sell(site, None)
    whole = path.read_bytes()
    damage(path)
    put = await site.call("PUT", "/v1/admin/items/welcome/content", data=TEXT.encode(), headers=site.operator)
    assert (put[0], path.read_bytes()) == (200, whole)
