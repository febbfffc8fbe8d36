"""The catalog: items and creators in memory, and their changes in the database."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.catalog.catalog import Catalog
from gateway.errors import Conflict, Invalid, NotFound
from gateway.money import Msat
from gateway.rows import ItemState, Share
from gateway.store.engines.database import Database
from tests.support.rows import START, a_creator, an_item


@pytest.fixture
async def catalog(store: Database) -> Catalog:
    """A catalog with alice, bob and `welcome`."""
    opened = Catalog(store)
    for name in ("alice", "bob"):
        await opened.add_creator(a_creator(name))
    await opened.add_item(an_item())
    return opened


async def test_what_was_added_is_there(catalog: Catalog) -> None:
    assert catalog.item("welcome") == an_item()
    assert catalog.items() == (an_item(),)
    assert catalog.creators() == (a_creator("alice"), a_creator("bob"))
    assert catalog.creator("bob") == a_creator("bob")


async def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="nothing here"):
        catalog.item("nothing")
    with pytest.raises(NotFound, match="no creator"):
        catalog.creator("nobody")
    with pytest.raises(NotFound):
        await catalog.change_item("nothing", lambda item: item, now=START)
    with pytest.raises(NotFound):
        await catalog.rotate_key("nobody", key_id="x", key_hash="y", now=START)


async def test_names_are_taken_once(catalog: Catalog) -> None:
    with pytest.raises(Conflict) as refusal:
        await catalog.add_creator(a_creator("alice", key_id="other"))
    assert refusal.value.code == "creator_exists"
    with pytest.raises(Conflict) as refusal:
        await catalog.add_item(an_item())
    assert refusal.value.code == "item_exists"


async def test_another_processs_changes_are_seen_at_the_next_refresh(catalog: Catalog, store: Database) -> None:
    other = Catalog(store)
    await other.refresh()
    await other.change_item("welcome", lambda item: replace(item, price_msat=Msat(5_000)), now=START + 1)
    assert catalog.item("welcome").price_msat == 100_000
    await catalog.refresh()
    assert catalog.item("welcome") == an_item(price_msat=Msat(5_000), updated_at=START + 1)


async def test_a_refresh_of_an_unchanged_catalog_reads_nothing_again(catalog: Catalog) -> None:
    snapshot = catalog._snapshot
    await catalog.refresh()
    assert catalog._snapshot is snapshot


async def test_a_change_is_made_to_the_item_as_it_is_then(catalog: Catalog, store: Database) -> None:
    other = Catalog(store)
    await other.refresh()
    await other.change_item("welcome", lambda item: replace(item, state=ItemState.ARCHIVED), now=START)
    changed = await catalog.change_item("welcome", lambda item: replace(item, title="New"), now=START)
    assert (changed.title, changed.state) == ("New", ItemState.ARCHIVED)


async def test_a_change_that_is_refused_changes_nothing(catalog: Catalog) -> None:
    for fields in ({"price_msat": Msat(1)}, {"shares": (Share(creator="nobody", weight=1),)}):
        with pytest.raises((Invalid, NotFound)):
            await catalog.change_item("welcome", lambda item, f=fields: replace(item, **f), now=START)  # type: ignore[misc]  # bound in the loop
    await catalog.refresh()
    assert catalog.item("welcome") == an_item()


@pytest.mark.parametrize(
    "fields", [{"name": "A"}, {"name": "a\n"}, {"title": ""}, {"title": "t" * 201}, {"accent": "#FFF"}]
)
async def test_a_creator_without_a_name_is_refused(store: Database, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        await Catalog(store).add_creator(replace(a_creator(), **fields))
    assert refusal.value.code == "creator_invalid"
