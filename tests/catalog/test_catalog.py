"""The catalog: what is sold and by whom, in memory, and as the database has it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.api_keys import KEY, authenticate, new_key
from gateway.catalog.catalog import Catalog
from gateway.catalog.rules import (
    LONGEST_ACCESS_SECONDS,
    MOST_MEMO_BYTES,
    MOST_SHARES,
    SLUG,
    check_item,
    for_sale,
    split_of,
)
from gateway.catalog.slug import slug_of
from gateway.errors import Conflict, Invalid, NotFound, Unauthorized
from gateway.money import Msat
from gateway.rows import ItemState, Share
from gateway.store.engines.database import Database
from tests.support.rows import ALICE_AND_BOB, START, a_creator, an_item


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
        await catalog.rotate_key("nobody", key_id="x", key_hash="y")


async def test_names_are_taken_once(catalog: Catalog) -> None:
    with pytest.raises(Conflict) as refusal:
        await catalog.add_creator(a_creator("alice", key_id="other"))
    assert refusal.value.code == "creator_exists"
    with pytest.raises(Conflict) as refusal:
        await catalog.add_item(an_item())
    assert refusal.value.code == "item_exists"


async def test_another_processs_changes_are_seen_at_the_next_look(catalog: Catalog, store: Database) -> None:
    other = Catalog(store)
    await other.refresh()
    await other.change_item("welcome", lambda item: replace(item, price_msat=Msat(5_000)), now=START + 1)
    assert catalog.item("welcome").price_msat == 100_000
    await catalog.refresh()
    assert catalog.item("welcome") == an_item(price_msat=Msat(5_000), updated_at=START + 1)


async def test_a_look_without_news_reads_nothing_again(catalog: Catalog) -> None:
    shelf = catalog._snapshot
    await catalog.refresh()
    assert catalog._snapshot is shelf


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
    ("fields", "word"),
    [
        ({"id": ""}, "id"),
        ({"id": "A"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "a\n"}, "id"),
        ({"title": " "}, "title"),
        ({"title": "t" * 201}, "title"),
        ({"price_msat": Msat(0)}, "price_msat"),
        ({"price_msat": Msat(1_500)}, "price_msat"),
        ({"shares": ()}, "shares"),
        ({"shares": ALICE_AND_BOB * 2}, "shares"),
        ({"shares": tuple(Share(creator=f"c{n}", weight=1) for n in range(MOST_SHARES + 1))}, "shares"),
        ({"shares": (Share(creator="alice", weight=0),)}, "weights"),
        ({"shares": (Share(creator="alice", weight=1_000_001),)}, "weights"),
        ({"media_type": "text"}, "media_type"),
        ({"media_type": "text/html\n"}, "media_type"),
        ({"media_type": "text/html; charset=x"}, "media_type"),
        ({"access_seconds": 0}, "access_seconds"),
        ({"access_seconds": LONGEST_ACCESS_SECONDS + 1}, "access_seconds"),
        ({"title": "a\0b"}, "title"),
        ({"preview_html": "\0"}, "preview_html"),
        ({"memo": ""}, "memo"),
        ({"memo": "ü" * (MOST_MEMO_BYTES // 2 + 1)}, "memo"),
    ],
)
def test_an_item_that_could_not_be_sold_is_refused_by_name_of_its_field(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(Invalid, match=word) as refusal:
        check_item(an_item(**{"item_id": fields.pop("id", "welcome")} | fields))
    assert refusal.value.code == "item_invalid"


@pytest.mark.parametrize(
    "fields",
    [
        {"memo": "ü" * 319},
        {"access_seconds": LONGEST_ACCESS_SECONDS},
        {"price_msat": Msat(1_000)},
        {"title": "t" * 200},
    ],
)
def test_an_item_at_a_limit_is_sold(fields: dict[str, Any]) -> None:
    check_item(an_item(**fields))
    assert for_sale(an_item(**fields)).id == "welcome"


@pytest.mark.parametrize(
    "fields", [{"name": "A"}, {"name": "a\n"}, {"title": ""}, {"title": "t" * 201}, {"accent": "#FFF"}]
)
async def test_a_creator_without_a_name_is_refused(store: Database, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        await Catalog(store).add_creator(replace(a_creator(), **fields))
    assert refusal.value.code == "creator_invalid"


async def test_a_key_opens_for_its_creator_until_it_is_replaced(catalog: Catalog) -> None:
    keys = []
    for byte in (b"\1", b"\2"):
        key, key_id, key_hash = new_key(lambda size, b=byte: b * size)  # type: ignore[misc]  # bound in the loop
        await catalog.rotate_key("alice", key_id=key_id, key_hash=key_hash)
        assert authenticate(key, catalog.creators()).name == "alice"
        keys.append(key)
    with pytest.raises(Unauthorized):
        authenticate(keys[0], catalog.creators())


@pytest.mark.parametrize(
    "damage",
    [
        lambda k: k[:-1],
        lambda k: k + "A",
        lambda k: k[:-1] + ("A" if k[-1] != "A" else "B"),
        str.upper,
        lambda _: "",
        lambda k: k.replace("tpk_", "tpo_"),
        lambda k: k + "\n",
        lambda k: "tpk_" + "0" * 16 + k[20:],
    ],
)
async def test_a_key_that_is_nearly_right_is_wrong(catalog: Catalog, damage: Any) -> None:
    key, key_id, key_hash = new_key(lambda size: b"\7" * size)
    await catalog.rotate_key("alice", key_id=key_id, key_hash=key_hash)
    with pytest.raises(Unauthorized) as refusal:
        authenticate(damage(key), catalog.creators())
    assert refusal.value.code == "api_key_wrong"


@given(st.binary(min_size=32, max_size=32))
def test_every_new_key_has_the_form_that_is_recognised(seed: bytes) -> None:
    key, key_id, key_hash = new_key(lambda size: seed[:size])
    match = KEY.fullmatch(key)
    assert match is not None
    assert match[1] == key_id
    assert match[2] not in key_hash


@given(st.text(max_size=100))
def test_every_title_gives_a_slug(title: str) -> None:
    assert SLUG.fullmatch(slug_of(title, "item-1"))


@pytest.mark.parametrize(
    ("title", "slug"),
    [("A little, a long way!", "a-little-a-long-way"), ("日本", "item-1"), ("x" * 63 + " y", "x" * 63)],
)
def test_a_slug_is_what_one_would_type(title: str, slug: str) -> None:
    assert slug_of(title, "item-1") == slug


def test_the_creator_gets_what_the_others_leave() -> None:
    bob = Share(creator="bob", weight=30)
    assert split_of("alice", [bob]) == (Share(creator="alice", weight=70), bob)
    assert split_of("alice", [Share(creator="bob", weight=100)]) == (Share(creator="bob", weight=100),)
    assert split_of("alice", []) == (Share(creator="alice", weight=100),)
    with pytest.raises(Invalid, match="more than 100"):
        split_of("alice", [bob, Share(creator="carol", weight=71)])
