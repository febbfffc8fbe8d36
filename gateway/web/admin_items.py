"""Creators' own view of what they sell: make, read, change, archive, put content."""

import mimetypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import web

from gateway.catalog import slug_of
from gateway.errors import Invalid
from gateway.markup import render_article, render_markup
from gateway.money import Msat
from gateway.rows import Item, ItemKind, ItemState, Share
from gateway.web.admin import authenticate
from gateway.web.bodies import (
    AdminItemBody,
    ItemChange,
    ItemRequest,
    ShareBody,
    answer,
    read_body,
    rfc3339,
)
from gateway.web.gateway import Gateway, gateway_of
from gateway.web.receipts import item_body

MOST_CONTENT_BYTES = 4 * 1024**3
EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


async def list_items(request: web.Request) -> web.Response:
    """GET /v1/admin/items."""
    gateway = gateway_of(request)
    caller = authenticate(request)
    mine = [item for item in gateway.catalog.items() if caller.creator in {None, item.creator}]
    return answer([_admin_item(gateway, item) for item in mine])


async def create_item(request: web.Request) -> web.Response:
    """POST /v1/admin/items."""
    gateway = gateway_of(request)
    caller = authenticate(request)
    wanted = await read_body(request, ItemRequest)
    caller.may_sell_as(wanted.creator)
    if (wanted.markdown is None) == (wanted.file_name is None):
        raise Invalid(
            "item_invalid", "Give either markdown, for a text, or file_name, for a file that you upload next."
        )
    item = await _text_item(gateway, wanted) if wanted.markdown is not None else _file_item(gateway, wanted)
    await gateway.catalog.add_item(item)
    return answer(_admin_item(gateway, item), status=201)


async def read_own_item(request: web.Request) -> web.Response:
    """GET /v1/admin/items/{item_id}."""
    gateway = gateway_of(request)
    return answer(_admin_item(gateway, _own_item(request)))


async def change_item(request: web.Request) -> web.Response:
    """PATCH /v1/admin/items/{item_id}."""
    gateway = gateway_of(request)
    item = _own_item(request)
    change = await read_body(request, ItemChange)
    values = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
    if "shares" in values:
        values["shares"] = _shares(values["shares"])
    if "state" in values:
        values["state"] = ItemState(values["state"])
    return answer(_admin_item(gateway, await _change(gateway, item, **values)))


async def put_content(request: web.Request) -> web.Response:
    """PUT /v1/admin/items/{item_id}/content: Markdown for a text, any bytes for a file."""
    gateway = gateway_of(request)
    item = _own_item(request)
    if item.kind is ItemKind.TEXT:
        return answer(_admin_item(gateway, await _put_text(gateway, item, await request.read())))
    digest, size = await gateway.content.receive(
        request.content.iter_chunked(256 * 1024), most_bytes=MOST_CONTENT_BYTES
    )
    if size == 0:
        raise Invalid("content_empty", "The upload was empty; send the file's bytes as the body.")
    return answer(_admin_item(gateway, await _change(gateway, item, digest=digest, byte_size=size)))


async def _text_item(gateway: Gateway, wanted: ItemRequest) -> Item:
    article = render_article(wanted.markdown or "")
    body = article.html.encode()
    preview = article.preview_html if wanted.preview is None else render_markup(wanted.preview)
    return replace(
        _draft(gateway, wanted, title=wanted.title or article.title),
        kind=ItemKind.TEXT,
        preview_html=preview,
        media_type="text/html",
        byte_size=len(body),
        word_count=article.word_count,
        digest=await gateway.content.put(body),
    )


async def _put_text(gateway: Gateway, item: Item, data: bytes) -> Item:
    try:
        article = render_article(data.decode())
    except UnicodeDecodeError as error:
        raise Invalid("article_invalid", "The text is not UTF-8.") from error
    body = article.html.encode()
    return await _change(
        gateway,
        item,
        preview_html=article.preview_html,
        byte_size=len(body),
        word_count=article.word_count,
        digest=await gateway.content.put(body),
    )


async def _change(gateway: Gateway, item: Item, **values: Any) -> Item:
    """Change these fields alone: an upload may take so long that others have changed meanwhile."""
    return await gateway.catalog.change_item(item.id, lambda newest: replace(newest, **values), now=gateway.now())


def _file_item(gateway: Gateway, wanted: ItemRequest) -> Item:
    file_name = wanted.file_name or ""
    if file_name.endswith("\n"):
        raise Invalid("item_invalid", "file_name must be a plain name, on one line.")
    guessed, _ = mimetypes.guess_type(file_name)
    return replace(
        _draft(gateway, wanted, title=wanted.title or file_name),
        file_name=file_name,
        media_type=wanted.media_type or guessed or "application/octet-stream",
        preview_html=render_markup(wanted.preview or ""),
    )


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
        state=ItemState.ACTIVE,
        created_at=now,
        updated_at=now,
    )


def _own_item(request: web.Request) -> Item:
    caller = authenticate(request)
    item = gateway_of(request).catalog.item(request.match_info["item_id"])
    caller.may_sell_as(item.creator)
    return item


def _shares(bodies: Sequence[ShareBody]) -> tuple[Share, ...]:
    return tuple(Share(creator=body.creator, weight=body.weight) for body in bodies)


def _admin_item(gateway: Gateway, item: Item) -> AdminItemBody:
    return AdminItemBody(
        **msgspec.structs.asdict(item_body(gateway, item)),
        shares=[ShareBody(share.creator, share.weight) for share in item.shares],
        memo=item.memo,
        state=item.state.value,
        digest=item.digest,
        created_at=rfc3339(item.created_at),
        updated_at=rfc3339(item.updated_at),
    )
