"""Ids that are derived from titles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.rules import (
    SLUG,
)
from gateway.catalog.slug import slug_of


@given(st.text(max_size=100))
def test_every_title_gives_a_slug(title: str) -> None:
    assert SLUG.fullmatch(slug_of(title, "item-1"))


@pytest.mark.parametrize(
    ("title", "slug"),
    [("A little, a long way!", "a-little-a-long-way"), ("日本", "item-1"), ("x" * 63 + " y", "x" * 63)],
)
def test_a_slug_is_what_one_would_type(title: str, slug: str) -> None:
    assert slug_of(title, "item-1") == slug
