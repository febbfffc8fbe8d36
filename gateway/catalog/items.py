"""Creating and changing items: texts, files and sealed texts, and their content."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, cast

from gateway.catalog.api_keys import Caller
from gateway.catalog.catalog import Catalog
from gateway.catalog.file_form import check_file_name, media_type_of
from gateway.catalog.rules import MOST_TITLE_CHARACTERS
from gateway.catalog.sealed_key import KEY_BYTES, MEDIA_TYPE, write_key
from gateway.catalog.slug import slug_of
from gateway.errors import Conflict, Invalid
from gateway.money import Msat
from gateway.ports.clock import Clock
from gateway.ports.contents import Contents
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.renderer import Article, Renderer
from gateway.rows import Item, ItemKind, ItemState, PreviewSource, Share

# Markdown of the longest text, were every character of it escaped.
MOST_TEXT_UPLOAD_BYTES = 4 * 1024**2
MOST_FILE_BYTES = 4 * 1024**3
EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """The fields that every kind of new item has. The default id is derived from the title; `preview` is Markdown."""

    creator: str
    price_msat: Msat
    title: str | None = None
    id: str | None = None
    preview: str | None = None
    shares: Sequence[Share] = ()
    access_seconds: int | None = None
    memo: str | None = None
    allowed_origins: Sequence[str] = ()


class NewValues(TypedDict, total=False):
    """New values of an item; absent ones stay. `preview` is Markdown; `page_url`, `word_count` are a sealed text's."""

    title: str
    price_msat: Msat
    preview: str
    shares: tuple[Share, ...]
    access_seconds: int | None
    memo: str | None
    state: ItemState
    allowed_origins: tuple[str, ...]
    page_url: str
    word_count: int


class ItemEditor:
    """Creates and changes items on behalf of an authenticated caller.

    Every method raises `NotFound` (`item_not_found`, `creator_not_found`), `Forbidden` (`not_yours`), `Unauthorized`
    (`api_key_wrong`), `Invalid` (`item_invalid`) and what the renderer and the content folder raise.
    """

    def __init__(
        self, catalog: Catalog, renderer: Renderer, contents: Contents, clock: Clock, random_bytes: RandomBytes
    ) -> None:
        self._catalog, self._renderer, self._contents = catalog, renderer, contents
        self._clock, self._random_bytes = clock, random_bytes

    def owned(self, item_id: str, caller: Caller) -> Item:
        """An item that the caller may change."""
        item = self._catalog.item(item_id)
        caller.may_sell_as(item.creator)
        return item

    def owned_by(self, caller: Caller) -> Sequence[Item]:
        """Every item that the caller may change, oldest first."""
        return [item for item in self._catalog.items() if caller.creator in {None, item.creator}]

    async def create_text(self, new: NewItem, markdown: str, *, caller: Caller) -> Item:
        """Put a text on sale. A preview that is given takes the place of the text's own."""
        caller.may_sell_as(new.creator)
        article = await self._renderer.article(markdown)
        body = article.html.encode()
        draft = replace(self._draft(new, title=new.title or article.title), preview_source=_source_of(article))
        if new.preview is not None:
            preview = await self._renderer.markup(new.preview)
            draft = replace(draft, preview_html=preview, preview_source=PreviewSource.GIVEN)
        item = replace(
            _with_preview(draft, article),
            kind=ItemKind.TEXT,
            media_type="text/html",
            byte_size=len(body),
            word_count=article.word_count,
            digest=await self._contents.put(body),
        )
        return await self._catalog.add_item(item, caller=caller)

    async def create_file(self, new: NewItem, file_name: str, *, media_type: str | None = None, caller: Caller) -> Item:
        """Add a file, which is not sold before `put_content` has stored its bytes."""
        caller.may_sell_as(new.creator)
        check_file_name(file_name)
        item = replace(
            self._draft(new, title=new.title or file_name),
            file_name=file_name,
            media_type=media_type or media_type_of(file_name),
            preview_html=await self._renderer.markup(new.preview or ""),
        )
        return await self._catalog.add_item(item, caller=caller)

    async def create_sealed(self, new: NewItem, page_url: str, *, word_count: int = 0, caller: Caller) -> Item:
        """Sell a text that is encrypted in the page at `page_url`. The content of the item is its key."""
        caller.may_sell_as(new.creator)
        draft = self._draft(new, title=new.title or new.id or page_url[:MOST_TITLE_CHARACTERS])
        key = write_key(draft.id, self._random_bytes(KEY_BYTES))
        item = replace(
            draft,
            kind=ItemKind.SEALED,
            preview_html=await self._renderer.markup(new.preview or ""),
            media_type=MEDIA_TYPE,
            byte_size=len(key),
            word_count=word_count,
            page_url=page_url,
            digest=await self._contents.put(key),
        )
        return await self._catalog.add_item(item, caller=caller)

    async def change(self, item: Item, change: NewValues, *, caller: Caller) -> Item:
        """Change an item. Raises `Conflict` (`item_not_sealed`)."""
        values = cast("dict[str, Any]", {**change})
        if "preview" in values:
            values["preview_html"] = await self._renderer.markup(values.pop("preview"))
            values["preview_source"] = PreviewSource.GIVEN
        if item.kind is not ItemKind.SEALED and {"page_url", "word_count"} & values.keys():
            raise Conflict("item_not_sealed", f"{item.id} is a {item.kind}, no sealed text; give that another id.")
        return await self._change(item, lambda newest: replace(newest, **values), caller)

    async def put_content(
        self, item: Item, chunks: AsyncIterator[bytes], *, file_name: str | None = None, caller: Caller
    ) -> Item:
        """Replace an item's content: Markdown in UTF-8 for a text, any bytes for a file, perhaps under a new name.

        Raises `Conflict` (`item_not_file`, `item_sealed`), `Invalid` (`article_invalid`, `content_empty`,
        `body_too_large`).
        """
        # Refused before a long upload is read.
        _renamed(item, file_name)
        if item.kind is ItemKind.SEALED:
            raise Conflict(
                "item_sealed", "The key of a sealed text stays the same, or those who paid could not open it."
            )
        if item.kind is ItemKind.TEXT:
            return await self._put_text(item, await _collected(chunks, MOST_TEXT_UPLOAD_BYTES), caller)
        digest, size = await self._contents.receive(chunks, most_bytes=MOST_FILE_BYTES)
        if size == 0:
            raise Invalid("content_empty", "The upload was empty; send the file's bytes as the body.")
        return await self._change(
            item, lambda newest: _renamed(replace(newest, digest=digest, byte_size=size), file_name), caller
        )

    async def _put_text(self, item: Item, data: bytes, caller: Caller) -> Item:
        try:
            article = await self._renderer.article(data.decode())
        except UnicodeDecodeError as error:
            raise Invalid("article_invalid", "The text is not UTF-8.") from error
        body = article.html.encode()
        digest = await self._contents.put(body)

        def with_text(newest: Item) -> Item:
            previewed = _with_preview(newest, article)
            return replace(previewed, byte_size=len(body), word_count=article.word_count, digest=digest)

        return await self._change(item, with_text, caller)

    async def _change(self, item: Item, change: Callable[[Item], Item], caller: Caller) -> Item:
        # `change` gets the newest row: others may have changed it while a long upload arrived.
        return await self._catalog.change_item(item.id, change, now=int(self._clock()), caller=caller)

    def _draft(self, new: NewItem, *, title: str) -> Item:
        """A file without name and content; the other kinds replace what differs."""
        now = int(self._clock())
        return Item(
            id=new.id or slug_of(title, f"item-{self._random_bytes(4).hex()}"),
            kind=ItemKind.FILE,
            title=title,
            creator=new.creator,
            price_msat=new.price_msat,
            preview_html="",
            shares=tuple(new.shares) or (Share(creator=new.creator, weight=100),),
            access_seconds=new.access_seconds,
            media_type="",
            byte_size=0,
            word_count=0,
            file_name=None,
            digest=EMPTY_DIGEST,
            memo=new.memo,
            allowed_origins=tuple(new.allowed_origins),
            state=ItemState.ACTIVE,
            created_at=now,
            updated_at=now,
        )


def _with_preview(item: Item, article: Article) -> Item:
    """The item with the preview of its new text, unless the old preview has to stay.

    It stays if it was given by itself. It also stays if it ended at a mark and the new text has none: the new text's
    first paragraph may be one that is paid for.
    """
    source = _source_of(article)
    if item.preview_source is PreviewSource.GIVEN:
        return item
    if item.preview_source is PreviewSource.MARK and source is PreviewSource.PARAGRAPH:
        return item
    return replace(item, preview_html=article.preview_html, preview_source=source)


def _source_of(article: Article) -> PreviewSource:
    return PreviewSource.MARK if article.marked else PreviewSource.PARAGRAPH


def _renamed(item: Item, file_name: str | None) -> Item:
    """The item under a new file name, if there is one. The media type follows the name."""
    if file_name is None or file_name == item.file_name:
        return item
    if item.kind is not ItemKind.FILE:
        raise Conflict("item_not_file", f"{item.id} is a {item.kind} and has no file_name; leave that out.")
    check_file_name(file_name)
    return replace(item, file_name=file_name, media_type=media_type_of(file_name))


async def _collected(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > most_bytes:
            raise Invalid("body_too_large", f"Content is at most {most_bytes} bytes.")
    return bytes(data)
