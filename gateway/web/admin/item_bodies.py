"""The JSON bodies of items in the admin API."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.catalog.file_form import FILE_NAME, LONGEST_FILE_NAME, MEDIA_TYPE
from gateway.catalog.rules import (
    LONGEST_ACCESS_SECONDS,
    LONGEST_ORIGIN,
    LONGEST_PAGE_URL,
    MOST_ORIGINS,
    MOST_SHARES,
    MOST_TEXT_BYTES,
    MOST_WEIGHT,
    PAGE_URL,
    WEB_ORIGIN,
)
from gateway.money import MAX_MSAT, MIN_PRICE_MSAT, MSAT_PER_SAT
from gateway.web.api.bodies import NO_NUL, SOME_WORDS, ItemBody, Slug, Title

FileName = Annotated[str, Meta(max_length=LONGEST_FILE_NAME, pattern=f"^{FILE_NAME.pattern}$")]
MediaType = Annotated[str, Meta(pattern=f"^{MEDIA_TYPE.pattern}$")]
Price = Annotated[int, Meta(ge=MIN_PRICE_MSAT, le=MAX_MSAT, multiple_of=MSAT_PER_SAT)]
Seconds = Annotated[int, Meta(ge=1, le=LONGEST_ACCESS_SECONDS)]
Preview = Annotated[str, Meta(max_length=100_000)]
WebOrigin = Annotated[str, Meta(pattern=f"^{WEB_ORIGIN.pattern}$", max_length=LONGEST_ORIGIN)]
Origins = Annotated[list[WebOrigin], Meta(max_length=MOST_ORIGINS)]
PageUrl = Annotated[str, Meta(pattern=f"^{PAGE_URL.pattern}$", max_length=LONGEST_PAGE_URL)]


class ShareBody(Struct, forbid_unknown_fields=True):
    """A creator's share: `weight` out of the sum of all weights."""

    creator: Slug
    weight: Annotated[int, Meta(ge=1, le=MOST_WEIGHT)]


class SealedBody(Struct, forbid_unknown_fields=True):
    """A text that is sealed in a page elsewhere. What is sold is its key, which the gateway creates and keeps."""

    page_url: PageUrl
    word_count: Annotated[int, Meta(ge=0, le=10_000_000)] | msgspec.UnsetType = msgspec.UNSET


class ItemRequest(Struct, forbid_unknown_fields=True):
    """A new item: `markdown` for a text, `file_name` and a following upload for a file, or `sealed`.

    `allowed_origins`: origins of the sites that may sell it; empty for any.
    """

    creator: Slug
    price_msat: Price
    title: Title | None = None
    id: Slug | None = None
    markdown: Annotated[str, Meta(pattern=SOME_WORDS, extra_json_schema={"maxLength": MOST_TEXT_BYTES})] | None = None
    file_name: FileName | None = None
    media_type: MediaType | None = None
    preview: Preview | None = None
    shares: Annotated[list[ShareBody], Meta(max_length=MOST_SHARES)] | None = None
    access_seconds: Seconds | None = None
    memo: Annotated[str, Meta(min_length=1, max_length=639, extra_json_schema=NO_NUL)] | None = None
    allowed_origins: Origins | None = None
    sealed: SealedBody | None = None


class ItemChange(Struct, forbid_unknown_fields=True):
    """Changes to an item; absent members stay. `access_seconds` null means for ever, `memo` null the default memo."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    price_msat: Price | msgspec.UnsetType = msgspec.UNSET
    preview: Preview | msgspec.UnsetType = msgspec.UNSET
    shares: Annotated[list[ShareBody], Meta(min_length=1, max_length=MOST_SHARES)] | msgspec.UnsetType = msgspec.UNSET
    access_seconds: Seconds | msgspec.UnsetType | None = msgspec.UNSET
    memo: Annotated[str, Meta(min_length=1, max_length=639, extra_json_schema=NO_NUL)] | msgspec.UnsetType | None = (
        msgspec.UNSET
    )
    state: Literal["active", "archived"] | msgspec.UnsetType = msgspec.UNSET
    allowed_origins: Origins | msgspec.UnsetType = msgspec.UNSET
    sealed: SealedBody | msgspec.UnsetType = msgspec.UNSET


class AdminItemBody(ItemBody, kw_only=True):
    """An item with what only its creator sees."""

    shares: list[ShareBody]
    memo: str | None
    allowed_origins: list[str]
    state: Literal["active", "archived"]
    digest: str
    created_at: str
    updated_at: str
