"""Creators' own view of what they sell: make, read, change, archive, put content."""

import mimetypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.catalog.api_keys import Caller
from gateway.catalog.markup import Article
from gateway.catalog.rules import MOST_TITLE_CHARACTERS
from gateway.catalog.sealed_key import KEY_BYTES, MEDIA_TYPE, write_key
from gateway.catalog.slug import slug_of
from gateway.errors import Conflict, Invalid, NotFound
from gateway.money import Msat
from gateway.rows import Item, ItemKind, ItemState, PreviewSource, Share, rfc3339
from gateway.web.admin.creators import authenticate
from gateway.web.admin.item_bodies import AdminItemBody, FileName, ItemChange, ItemRequest, ShareBody
from gateway.web.api.content import send_content
from gateway.web.api.receipts import item_body
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer, chunks_of, read_body, read_bytes

# A text with every character escaped, and its preview.
MOST_ITEM_BYTES = 4 * 1024**2
MOST_CONTENT_BYTES = 4 * 1024**3
EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


async def list_items(request: web.Request) -> web.Response:
    """GET /v1/admin/items."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    mine = [item for item in gateway.catalog.items() if caller.creator in {None, item.creator}]
    return answer([_admin_item(gateway, item) for item in mine])


async def create_item(request: web.Request) -> web.Response:
    """POST /v1/admin/items."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    wanted = await read_body(request, ItemRequest)
    caller.may_sell_as(wanted.creator)
    item = await _new_item(gateway, wanted)
    await gateway.catalog.add_item(item, caller=caller)
    return answer(_admin_item(gateway, item), status=201)


async def read_own_item(request: web.Request) -> web.Response:
    """GET /v1/admin/items/{item_id}."""
    gateway = gateway_of(request)
    return answer(_admin_item(gateway, (await _own_item(request))[0]))


async def change_item(request: web.Request) -> web.Response:
    """PATCH /v1/admin/items/{item_id}."""
    gateway = gateway_of(request)
    item, caller = await _own_item(request)
    change = await read_body(request, ItemChange)
    values = _given(change)
    if "shares" in values:
        values["shares"] = _shares(values["shares"])
    if "state" in values:
        values["state"] = ItemState(values["state"])
    if "allowed_origins" in values:
        values["allowed_origins"] = tuple(values["allowed_origins"])
    if "preview" in values:
        values["preview_html"] = await gateway.renderer.markup(values.pop("preview"))
        values["preview_source"] = PreviewSource.GIVEN
    if "sealed" in values:
        if item.kind is not ItemKind.SEALED:
            raise Conflict("item_not_sealed", f"{item.id} is a {item.kind}, no sealed text; give that another id.")
        values |= _given(values.pop("sealed"))
    return answer(_admin_item(gateway, await _change(gateway, item, caller, **values)))


async def read_own_content(request: web.Request) -> web.StreamResponse:
    """GET /v1/admin/items/{item_id}/content: what is sold, for those who sell it."""
    item, _ = await _own_item(request)
    if item.byte_size == 0:
        raise NotFound("item_empty", "This has no content yet; its creator has to upload it first.")
    return await send_content(request, item)


async def put_content(request: web.Request) -> web.Response:
    """PUT /v1/admin/items/{item_id}/content: Markdown for a text, any bytes for a file."""
    gateway = gateway_of(request)
    item, caller = await _own_item(request)
    named = _named(request, item)
    if item.kind is ItemKind.SEALED:
        raise Conflict("item_sealed", "The key of a sealed text stays the same, or those who paid could not open it.")
    if item.kind is ItemKind.TEXT:
        data = await read_bytes(request, most=MOST_ITEM_BYTES)
        return answer(_admin_item(gateway, await _put_text(gateway, item, caller, data)))
    digest, size = await gateway.content.receive(chunks_of(request), most_bytes=MOST_CONTENT_BYTES)
    if size == 0:
        raise Invalid("content_empty", "The upload was empty; send the file's bytes as the body.")
    return answer(_admin_item(gateway, await _change(gateway, item, caller, digest=digest, byte_size=size, **named)))


async def _new_item(gateway: Gateway, wanted: ItemRequest) -> Item:
    given = [part for part in (wanted.markdown, wanted.file_name, wanted.sealed) if part is not None]
    if len(given) != 1:
        raise Invalid(
            "item_invalid",
            "Give markdown, for a text, or file_name, for a file that you upload next, or sealed, for a key.",
        )
    if wanted.markdown is not None:
        return await _text_item(gateway, wanted)
    return await (_file_item if wanted.file_name is not None else _sealed_item)(gateway, wanted)


async def _sealed_item(gateway: Gateway, wanted: ItemRequest) -> Item:
    assert wanted.sealed is not None, "it is a sealed text that is asked for"
    page = wanted.sealed.page_url
    draft = _draft(gateway, wanted, title=wanted.title or wanted.id or page[:MOST_TITLE_CHARACTERS])
    key = write_key(draft.id, gateway.random_bytes(KEY_BYTES))
    return replace(
        draft,
        kind=ItemKind.SEALED,
        preview_html=await gateway.renderer.markup(wanted.preview or ""),
        media_type=MEDIA_TYPE,
        byte_size=len(key),
        word_count=_given(wanted.sealed).get("word_count", 0),
        page_url=page,
        digest=await gateway.content.put(key),
    )


async def _text_item(gateway: Gateway, wanted: ItemRequest) -> Item:
    article = await gateway.renderer.article(wanted.markdown or "")
    body = article.html.encode()
    draft = replace(_draft(gateway, wanted, title=wanted.title or article.title), preview_source=_source_of(article))
    if wanted.preview is not None:
        preview = await gateway.renderer.markup(wanted.preview)
        draft = replace(draft, preview_html=preview, preview_source=PreviewSource.GIVEN)
    return replace(
        _with_preview(draft, article),
        kind=ItemKind.TEXT,
        media_type="text/html",
        byte_size=len(body),
        word_count=article.word_count,
        digest=await gateway.content.put(body),
    )


async def _put_text(gateway: Gateway, item: Item, caller: Caller, data: bytes) -> Item:
    try:
        article = await gateway.renderer.article(data.decode())
    except UnicodeDecodeError as error:
        raise Invalid("article_invalid", "The text is not UTF-8.") from error
    body = article.html.encode()
    digest = await gateway.content.put(body)

    def change(newest: Item) -> Item:
        previewed = _with_preview(newest, article)
        return replace(previewed, byte_size=len(body), word_count=article.word_count, digest=digest)

    return await gateway.catalog.change_item(item.id, change, now=gateway.now(), caller=caller)


def _with_preview(item: Item, article: Article) -> Item:
    """The item with the text's own preview, where it has such a one: what was given stays.

    So does what ended at a mark, where the new text has none: its first paragraph may be one that is sold.
    """
    source = _source_of(article)
    if item.preview_source is PreviewSource.GIVEN:
        return item
    if item.preview_source is PreviewSource.MARK and source is PreviewSource.PARAGRAPH:
        return item
    return replace(item, preview_html=article.preview_html, preview_source=source)


def _source_of(article: Article) -> PreviewSource:
    return PreviewSource.MARK if article.marked else PreviewSource.PARAGRAPH


async def _change(gateway: Gateway, item: Item, caller: Caller, **values: Any) -> Item:
    """Change these fields alone: an upload may take so long that others have changed meanwhile."""
    return await gateway.catalog.change_item(
        item.id, lambda newest: replace(newest, **values), now=gateway.now(), caller=caller
    )


async def _file_item(gateway: Gateway, wanted: ItemRequest) -> Item:
    file_name = _plain_name(wanted.file_name or "")
    return replace(
        _draft(gateway, wanted, title=wanted.title or file_name),
        file_name=file_name,
        media_type=wanted.media_type or _media_type_of(file_name),
        preview_html=await gateway.renderer.markup(wanted.preview or ""),
    )


def _named(request: web.Request, item: Item) -> dict[str, str]:
    """What a new name changes: a file of another kind is not sent as what it replaces."""
    file_name = request.query.get("file_name", item.file_name)
    if file_name is None or file_name == item.file_name:
        return {}
    if item.kind is not ItemKind.FILE:
        raise Conflict("item_not_file", f"{item.id} is a {item.kind} and has no file_name; leave that out.")
    try:
        msgspec.convert(file_name, FileName)
    except msgspec.ValidationError as error:
        raise Invalid("query_invalid", f"file_name: {error}.") from error
    return {"file_name": _plain_name(file_name), "media_type": _media_type_of(file_name)}


def _plain_name(file_name: str) -> str:
    if file_name.endswith("\n"):
        raise Invalid("item_invalid", "file_name must be a plain name, on one line.")
    return file_name


def _media_type_of(file_name: str) -> str:
    return mimetypes.guess_type(file_name)[0] or "application/octet-stream"


def _draft(gateway: Gateway, wanted: ItemRequest, *, title: str) -> Item:
    """What texts and files have in common; a file without content."""
    now = gateway.now()
    return Item(
        id=wanted.id or slug_of(title, f"item-{gateway.random_bytes(4).hex()}"),
        kind=ItemKind.FILE,
        title=title,
        creator=wanted.creator,
        price_msat=Msat(wanted.price_msat),
        preview_html="",
        shares=_shares(wanted.shares or []) or (Share(creator=wanted.creator, weight=100),),
        access_seconds=wanted.access_seconds,
        media_type="",
        byte_size=0,
        word_count=0,
        file_name=None,
        digest=EMPTY_DIGEST,
        memo=wanted.memo,
        allowed_origins=tuple(wanted.allowed_origins or ()),
        state=ItemState.ACTIVE,
        created_at=now,
        updated_at=now,
    )


async def _own_item(request: web.Request) -> tuple[Item, Caller]:
    caller = await authenticate(request)
    item = gateway_of(request).catalog.item(request.match_info["item_id"])
    caller.may_sell_as(item.creator)
    return item, caller


def _given(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that a body has: one that is absent is neither 0 nor null."""
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}


def _shares(bodies: Sequence[ShareBody]) -> tuple[Share, ...]:
    return tuple(Share(creator=body.creator, weight=body.weight) for body in bodies)


def _admin_item(gateway: Gateway, item: Item) -> AdminItemBody:
    return AdminItemBody(
        **msgspec.structs.asdict(item_body(gateway, item)),
        shares=[ShareBody(share.creator, share.weight) for share in item.shares],
        memo=item.memo,
        allowed_origins=list(item.allowed_origins),
        state=item.state.value,
        digest=item.digest,
        created_at=rfc3339(item.created_at),
        updated_at=rfc3339(item.updated_at),
    )
