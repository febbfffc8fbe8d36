"""The items that the demo sells: an essay whose income is shared, and a file. Its creators also take tips."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files

from gateway.app.gateway import Gateway
from gateway.catalog.api_keys import OPERATOR, new_key
from gateway.catalog.items import NewItem
from gateway.money import from_sat
from gateway.payouts.destinations import set_destination
from gateway.rows import Creator, Share

ESSAY_ID, FILE_ID = "welcome", "calendar"
WRITER, EDITOR = "nora", "tomas"
ESSAY_PRICE_SAT, FILE_PRICE_SAT = 100, 250
WRITER_PERCENT, EDITOR_PERCENT = 70, 30
ESSAY_TITLE, FILE_TITLE = "A little goes a long way", "A calendar for every year"
FILE_PREVIEW = (
    "Every month from 1901 to 2099 on one sheet: find the year, follow its row to the month, and there is its page. "
    "Prints on A4, or on A3 for the kitchen wall."
)
ESSAY = files("gateway.demo").joinpath("articles", "welcome.md")
FILE = files("gateway.demo").joinpath("files", "calendar.pdf")


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    title: str
    accent: str


_PEOPLE = (_Person(WRITER, "Nora Lindqvist", "#a4552b"), _Person(EDITOR, "Tomas Reyes", "#3d5a80"))


async def seed(gateway: Gateway, *, payee_host: str) -> None:
    """Add the creators and items that the catalog does not have yet, and an address at this host to be paid at."""
    known = {creator.name for creator in gateway.catalog.creators()}
    for person in _PEOPLE:
        if person.name not in known:
            await gateway.catalog.add_creator(_creator(gateway, person))
    items = {item.id: item for item in gateway.catalog.items()}
    if ESSAY_ID not in items:
        await gateway.items.create_text(_new_essay(), ESSAY.read_text("utf-8"), caller=OPERATOR)
    file = items.get(FILE_ID) or await gateway.items.create_file(_new_file(), FILE.name, caller=OPERATOR)
    # A start that was interrupted may have created the item without its content.
    if file.byte_size == 0:
        await gateway.items.put_content(file, _bytes_of_file(), caller=OPERATOR)
    await _seed_destination(gateway, payee_host)


async def _seed_destination(gateway: Gateway, payee_host: str) -> None:
    """Have the second creator paid at a host that may have another port than before; an address elsewhere stays."""
    now = gateway.now()
    before = await gateway.store.read(lambda tx: tx.destinations.get(EDITOR))
    at_any_port = f"{EDITOR}@{payee_host.partition(':')[0]}:"
    if before is None or before.address_at(now).startswith(at_any_port):
        await set_destination(
            gateway.store,
            gateway.payouts.hosts,
            creator=EDITOR,
            address=f"{EDITOR}@{payee_host}",
            caller=OPERATOR,
            now=now,
            delay_seconds=0,
        )


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


def _new_essay() -> NewItem:
    return NewItem(
        id=ESSAY_ID,
        creator=WRITER,
        price_msat=from_sat(ESSAY_PRICE_SAT),
        title=ESSAY_TITLE,
        shares=(Share(creator=WRITER, weight=WRITER_PERCENT), Share(creator=EDITOR, weight=EDITOR_PERCENT)),
    )


def _new_file() -> NewItem:
    return NewItem(
        id=FILE_ID, creator=EDITOR, price_msat=from_sat(FILE_PRICE_SAT), title=FILE_TITLE, preview=FILE_PREVIEW
    )


async def _bytes_of_file() -> AsyncIterator[bytes]:
    yield FILE.read_bytes()
