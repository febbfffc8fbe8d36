"""API keys: their form, and whom they authenticate."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.api_keys import KEY, authenticate, new_key
from gateway.catalog.catalog import Catalog
from gateway.errors import Unauthorized
from gateway.store.engines.database import Database
from tests.support.rows import START, a_creator


@pytest.fixture
async def catalog(store: Database) -> Catalog:
    """A catalog with alice."""
    opened = Catalog(store)
    await opened.add_creator(a_creator("alice"))
    return opened


async def test_a_key_opens_for_its_creator_until_it_is_replaced(catalog: Catalog) -> None:
    keys = []
    for byte in (b"\1", b"\2"):
        key, key_id, key_hash = new_key(lambda size, b=byte: b * size)  # type: ignore[misc]  # bound in the loop
        await catalog.rotate_key("alice", key_id=key_id, key_hash=key_hash, now=START)
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
    await catalog.rotate_key("alice", key_id=key_id, key_hash=key_hash, now=START)
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
