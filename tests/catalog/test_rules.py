"""The rules of an item: its limits, whether it is for sale, and how its price is shared."""

from typing import Any

import pytest

from gateway.catalog.rules import (
    LONGEST_ACCESS_SECONDS,
    MOST_MEMO_BYTES,
    MOST_SHARES,
    check_item,
    for_sale,
    split_of,
)
from gateway.errors import Invalid
from gateway.money import Msat
from gateway.rows import Share
from tests.support.rows import ALICE_AND_BOB, an_item


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


def test_the_creator_gets_what_the_others_leave() -> None:
    bob = Share(creator="bob", weight=30)
    assert split_of("alice", [bob]) == (Share(creator="alice", weight=70), bob)
    assert split_of("alice", [Share(creator="bob", weight=100)]) == (Share(creator="bob", weight=100),)
    assert split_of("alice", []) == (Share(creator="alice", weight=100),)
    with pytest.raises(Invalid, match="more than 100"):
        split_of("alice", [bob, Share(creator="carol", weight=71)])
