"""The rules that items and creators must keep, and their limits."""

import re
from collections.abc import Sequence

from gateway.catalog.file_form import MEDIA_TYPE
from gateway.errors import Invalid, NotFound
from gateway.money import check_price
from gateway.rows import Creator, Item, ItemState, Share

SLUG = re.compile(r"[a-z0-9-]{1,64}")
ACCENT = re.compile(r"#[0-9a-f]{6}")
DEFAULT_ACCENT = "#a4552b"
# As browsers write it in the header Origin: lower case, no path, no default port.
WEB_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
WITH_USUAL_PORT = re.compile(r"http://.*:80|https://.*:443")
PAGE_URL = re.compile(r"https?://([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[!$-;=?-\[\]-~]*)?")
MOST_ORIGINS = 32
LONGEST_ORIGIN = 300
LONGEST_PAGE_URL = 2_000
MOST_SHARES = 64
MOST_WEIGHT = 1_000_000
MOST_TITLE_CHARACTERS = 200
# BOLT 11 cannot carry a longer description.
MOST_MEMO_BYTES = 639
LONGEST_ACCESS_SECONDS = 100 * 366 * 86_400
# Of Markdown.
MOST_TEXT_BYTES = 1024**2


def check_item(item: Item) -> None:
    """Raises `Invalid` (`item_invalid`), whose detail names the field and what is allowed."""
    if not SLUG.fullmatch(item.id):
        raise _wrong("id", "must be 1 to 64 of a-z, 0-9 and -")
    if not item.title.strip() or len(item.title) > MOST_TITLE_CHARACTERS:
        raise _wrong("title", f"must be 1 to {MOST_TITLE_CHARACTERS} characters")
    try:
        check_price(item.price_msat)
    except ValueError as error:
        raise _wrong("price_msat", str(error)) from error
    names = [share.creator for share in item.shares]
    if not 1 <= len(names) <= MOST_SHARES or len(set(names)) != len(names):
        raise _wrong("shares", f"must name 1 to {MOST_SHARES} different creators")
    if any(not 1 <= share.weight <= MOST_WEIGHT for share in item.shares):
        raise _wrong("shares", f"must have weights of 1 to {MOST_WEIGHT}")
    if not MEDIA_TYPE.fullmatch(item.media_type):
        raise _wrong("media_type", "must be like application/pdf")
    if item.access_seconds is not None and not 1 <= item.access_seconds <= LONGEST_ACCESS_SECONDS:
        raise _wrong("access_seconds", f"must be 1 to {LONGEST_ACCESS_SECONDS}, or absent for ever")
    if item.memo is not None and not 1 <= len(item.memo.encode()) <= MOST_MEMO_BYTES:
        raise _wrong("memo", f"must be 1 to {MOST_MEMO_BYTES} bytes")
    _check_pages(item)
    _check_text(item)


def check_creator(creator: Creator) -> None:
    """Raises `Invalid` (`creator_invalid`)."""
    if not SLUG.fullmatch(creator.name):
        raise Invalid("creator_invalid", "name must be 1 to 64 of a-z, 0-9 and -")
    if not creator.title.strip() or len(creator.title) > MOST_TITLE_CHARACTERS or "\0" in creator.title:
        raise Invalid("creator_invalid", f"title must be 1 to {MOST_TITLE_CHARACTERS} characters, none of them U+0000")
    if not ACCENT.fullmatch(creator.accent):
        raise Invalid("creator_invalid", "accent must be a colour like #a4552b")


def with_content(item: Item) -> Item:
    """The item, if it has content. Raises `NotFound` (`item_empty`)."""
    if item.byte_size == 0:
        raise NotFound("item_empty", "This has no content yet; its creator has to upload it first.")
    return item


def for_sale(item: Item) -> Item:
    """The item, if it is for sale. Raises `NotFound` (`item_archived`, `item_empty`)."""
    if with_content(item).state is ItemState.ARCHIVED:
        raise NotFound("item_archived", "This is no longer for sale; what was paid still opens.")
    return item


def is_listed(item: Item) -> bool:
    """Whether an item is in the lists of what is on sale, which anyone can see."""
    return item.state is ItemState.ACTIVE and item.byte_size > 0


def sold_at(item: Item, web_origin: str) -> bool:
    """Whether pages of an origin may sell an item."""
    return not item.allowed_origins or web_origin in item.allowed_origins


def split_of(creator: str, others: Sequence[Share]) -> tuple[Share, ...]:
    """All shares of an item: the creator gets what the others' percentages leave of 100.

    Raises `Invalid` (`item_invalid`).
    """
    rest = 100 - sum(share.weight for share in others)
    if rest < 0:
        raise _wrong("shares", "of the others sum to more than 100")
    own = (Share(creator=creator, weight=rest),) if rest else ()
    return (*own, *others)


def _check_pages(item: Item) -> None:
    if len(item.allowed_origins) > MOST_ORIGINS:
        raise _wrong("allowed_origins", f"must be at most {MOST_ORIGINS}")
    for origin in item.allowed_origins:
        if not WEB_ORIGIN.fullmatch(origin) or len(origin) > LONGEST_ORIGIN or WITH_USUAL_PORT.fullmatch(origin):
            raise _wrong(
                "allowed_origins",
                f"holds {origin!r}; write each as a browser does: https://blog.example, in lower case, "
                "without a path, a slash at the end or the usual port",
            )
    if item.page_url is not None and (len(item.page_url) > LONGEST_PAGE_URL or not PAGE_URL.fullmatch(item.page_url)):
        raise _wrong("page_url", "must be the address of a page, like https://blog.example/essay, without a fragment")


def _check_text(item: Item) -> None:
    for field in ("title", "memo", "file_name", "preview_html"):
        if "\0" in (getattr(item, field) or ""):
            raise _wrong(field, "must not contain the character U+0000")


def _wrong(field: str, what: str) -> Invalid:
    return Invalid("item_invalid", f"{field} {what}")
