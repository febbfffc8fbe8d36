"""What the demo sells: an essay whose income is shared, a file, and a page for tips."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files

from gateway.app.gateway import Gateway
from gateway.catalog.api_keys import new_key
from gateway.catalog.markup import render_article, render_markup
from gateway.demo.almanac import draw_almanac
from gateway.money import from_sat
from gateway.rows import Creator, Item, ItemKind, ItemState, Share

ESSAY_ID, FILE_ID = "welcome", "almanac"
WRITER, EDITOR = "nora", "tomas"
ESSAY_PRICE_SAT, FILE_PRICE_SAT = 100, 250
WRITER_PERCENT, EDITOR_PERCENT = 70, 30
ESSAY_TITLE = "A little goes a long way"
# From the middle of a year on, people want the next one's almanac.
_FIRST_MONTH_OF_NEXT = 7


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    title: str
    accent: str


_PEOPLE = (_Person(WRITER, "Nora Lindqvist", "#a4552b"), _Person(EDITOR, "Tomas Reyes", "#3d5a80"))


async def seed(gateway: Gateway) -> None:
    """Put creators and items into an empty catalog; what is there stays as it is."""
    known = {creator.name for creator in gateway.catalog.creators()}
    for person in _PEOPLE:
        if person.name not in known:
            await gateway.catalog.add_creator(_creator(gateway, person))
    for_sale = {item.id for item in gateway.catalog.items()}
    if ESSAY_ID not in for_sale:
        await gateway.catalog.add_item(await _essay(gateway))
    if FILE_ID not in for_sale:
        await gateway.catalog.add_item(await _almanac(gateway))


def _creator(gateway: Gateway, person: _Person) -> Creator:
    _, key_id, key_hash = new_key(gateway.random_bytes)
    return Creator(
        name=person.name,
        title=person.title,
        accent=person.accent,
        key_id=key_id,
        key_hash=key_hash,
        created_at=gateway.now(),
    )


async def _essay(gateway: Gateway) -> Item:
    article = render_article(files("gateway.demo").joinpath("articles", "welcome.md").read_text("utf-8"))
    html = article.html.encode()
    return replace(
        _draft(gateway, ESSAY_ID, creator=WRITER, price_sat=ESSAY_PRICE_SAT),
        title=ESSAY_TITLE,
        preview_html=article.preview_html,
        shares=(Share(creator=WRITER, weight=WRITER_PERCENT), Share(creator=EDITOR, weight=EDITOR_PERCENT)),
        word_count=article.word_count,
        byte_size=len(html),
        digest=await gateway.content.put(html),
    )


async def _almanac(gateway: Gateway) -> Item:
    today = datetime.fromtimestamp(gateway.now(), UTC)
    year = today.year + (today.month >= _FIRST_MONTH_OF_NEXT)
    pdf = draw_almanac(year)
    preview = (
        f"Every night of {year} on one sheet: a drawn moon for each, and the hour of every new and full one. "
        "Prints on A4, or on A3 for the kitchen wall."
    )
    return replace(
        _draft(gateway, FILE_ID, creator=EDITOR, price_sat=FILE_PRICE_SAT),
        kind=ItemKind.FILE,
        title=f"A moon almanac for {year}",
        preview_html=render_markup(preview),
        media_type="application/pdf",
        file_name=f"moon-{year}.pdf",
        byte_size=len(pdf),
        digest=await gateway.content.put(pdf),
    )


def _draft(gateway: Gateway, item_id: str, *, creator: str, price_sat: int) -> Item:
    """A text without words, to be replaced."""
    return Item(
        id=item_id,
        kind=ItemKind.TEXT,
        title="",
        creator=creator,
        price_msat=from_sat(price_sat),
        preview_html="",
        shares=(Share(creator=creator, weight=100),),
        access_seconds=None,
        media_type="text/html",
        byte_size=0,
        word_count=0,
        file_name=None,
        digest="",
        memo=None,
        state=ItemState.ACTIVE,
        created_at=gateway.now(),
        updated_at=gateway.now(),
    )
