"""Creating and changing items: who may, what a new text does to the preview, and how a file is named."""

from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.catalog.catalog import Catalog
from gateway.catalog.items import ItemEditor, NewItem
from gateway.catalog.markup import render_article, render_markup
from gateway.errors import Conflict, Forbidden, Invalid, Unauthorized
from gateway.money import Msat
from gateway.ports.renderer import Article
from gateway.rows import ItemKind, Share
from gateway.store.engines.database import Database
from tests.support.clock import FakeClock
from tests.support.rows import a_creator

TEXT = "# A text\n\nFree.\n\nPaid."
ALICE = Caller("alice", a_creator("alice").key_id)


class PlainRenderer:
    """A `Renderer` without a process."""

    async def article(self, source: str) -> Article:
        return render_article(source)

    async def markup(self, markdown: str) -> str:
        return render_markup(markdown)


class MemoryContents:
    """`Contents` in memory."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        self.data[digest] = data
        return digest

    async def receive(self, chunks: AsyncIterator[bytes], *, most_bytes: int) -> tuple[str, int]:
        data = b"".join([chunk async for chunk in chunks])
        assert len(data) <= most_bytes
        return await self.put(data), len(data)

    async def check(self, digest: str, byte_size: int) -> None:
        assert len(self.data[digest]) == byte_size


@pytest.fixture
def contents() -> MemoryContents:
    return MemoryContents()


@pytest.fixture
async def items(store: Database, clock: FakeClock, contents: MemoryContents) -> ItemEditor:
    """Items of alice and bob."""
    catalog = Catalog(store)
    for name in ("alice", "bob"):
        await catalog.add_creator(a_creator(name))
    return ItemEditor(catalog, PlainRenderer(), contents, clock, lambda size: b"\7" * size)


def new_item(creator: str = "alice", **fields: str) -> NewItem:
    return NewItem(creator=creator, price_msat=Msat(1_000), **fields)  # type: ignore[arg-type]  # texts only


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_new_text_has_an_id_of_its_title_and_is_its_creators_alone(
    items: ItemEditor, contents: MemoryContents
) -> None:
    item = await items.create_text(new_item(), TEXT, caller=ALICE)
    assert (item.id, item.kind, item.title, item.word_count) == ("a-text", ItemKind.TEXT, "A text", 2)
    assert item.shares == (Share(creator="alice", weight=100),)
    assert b"Paid." in contents.data[item.digest]
    assert "Paid." not in item.preview_html
    assert items.owned("a-text", ALICE) == item
    assert items.owned_by(Caller("bob")) == []


async def test_a_creator_sells_under_no_other_name_and_a_replaced_key_changes_nothing(items: ItemEditor) -> None:
    with pytest.raises(Forbidden):
        await items.create_text(new_item("bob"), TEXT, caller=ALICE)
    with pytest.raises(Unauthorized):
        await items.create_file(new_item(), "a.pdf", caller=Caller("alice", "0" * 16))
    assert items.owned_by(OPERATOR) == []


async def test_a_preview_that_was_given_outlives_a_new_text_and_another_follows_it(items: ItemEditor) -> None:
    given = await items.create_text(new_item(id="given", preview="Given."), TEXT, caller=ALICE)
    derived = await items.create_text(new_item(id="derived"), TEXT, caller=ALICE)
    marked = await items.create_text(new_item(id="marked"), "# A text\n\nFree.\n\n<!-- more -->\n\nPaid.", caller=ALICE)
    newer = b"New first paragraph.\n\nNew."
    for item, preview in ((given, "Given."), (derived, "New first paragraph."), (marked, "Free.")):
        changed = await items.put_content(item, chunks(newer), caller=ALICE)
        assert preview in changed.preview_html
        assert changed.digest != item.digest


async def test_a_file_gets_its_media_type_with_its_name_and_its_size_with_its_bytes(items: ItemEditor) -> None:
    file = await items.create_file(new_item(), "book.pdf", caller=ALICE)
    assert (file.media_type, file.byte_size) == ("application/pdf", 0)
    file = await items.put_content(file, chunks(b"a", b"bc"), file_name="book.txt", caller=ALICE)
    assert (file.file_name, file.media_type, file.byte_size) == ("book.txt", "text/plain", 3)
    with pytest.raises(Invalid, match="empty"):
        await items.put_content(file, chunks(), caller=ALICE)
    with pytest.raises(Invalid, match="plain name"):
        await items.put_content(file, chunks(b"a"), file_name="../book", caller=ALICE)


async def test_a_sealed_text_keeps_its_key_and_other_items_have_no_page(items: ItemEditor) -> None:
    sealed = await items.create_sealed(new_item(), "https://blog.example/a", caller=ALICE)
    assert sealed.byte_size > 0
    with pytest.raises(Conflict, match="stays the same"):
        await items.put_content(sealed, chunks(b"a"), caller=ALICE)
    moved = await items.change(sealed, {"page_url": "https://blog.example/b"}, caller=ALICE)
    assert (moved.page_url, moved.digest) == ("https://blog.example/b", sealed.digest)
    text = await items.create_text(new_item(), TEXT, caller=ALICE)
    with pytest.raises(Conflict, match="no sealed text"):
        await items.change(text, {"word_count": 1}, caller=ALICE)
    with pytest.raises(Conflict, match="no file_name"):
        await items.put_content(text, chunks(b"a"), file_name="a.txt", caller=ALICE)
