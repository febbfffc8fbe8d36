"""Creators' items under /v1/admin/items: create, list, read, change, and upload content."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.catalog.api_keys import Caller
from gateway.catalog.items import MOST_FILE_BYTES, MOST_TEXT_UPLOAD_BYTES, NewItem, NewValues
from gateway.catalog.rules import with_content
from gateway.errors import Invalid
from gateway.money import Msat
from gateway.rows import Item, ItemKind, ItemState, Share, rfc3339
from gateway.web.admin.callers import authenticate
from gateway.web.admin.item_bodies import AdminItemBody, FileName, ItemChange, ItemRequest, ShareBody
from gateway.web.api.content import send_content
from gateway.web.api.items import public_item
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, chunks_of, read_body

# The JSON of an item with its text and its preview.
MOST_ITEM_BYTES = MOST_TEXT_UPLOAD_BYTES
MOST_CONTENT_BYTES = MOST_FILE_BYTES


async def list_items(request: web.Request) -> web.Response:
    """GET /v1/admin/items."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    return answer([_admin_item(gateway, item) for item in gateway.items.owned_by(caller)])


async def create_item(request: web.Request) -> web.Response:
    """POST /v1/admin/items."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    item = await _create(gateway, await read_body(request, ItemRequest), caller)
    return answer(_admin_item(gateway, item), status=201)


async def read_own_item(request: web.Request) -> web.Response:
    """GET /v1/admin/items/{item_id}."""
    item, _ = await _own_item(request)
    return answer(_admin_item(gateway_of(request), item))


async def change_item(request: web.Request) -> web.Response:
    """PATCH /v1/admin/items/{item_id}."""
    gateway = gateway_of(request)
    item, caller = await _own_item(request)
    change = _change_of(await read_body(request, ItemChange))
    return answer(_admin_item(gateway, await gateway.items.change(item, change, caller=caller)))


async def read_own_content(request: web.Request) -> web.StreamResponse:
    """GET /v1/admin/items/{item_id}/content: the paid content, for its creator."""
    item, _ = await _own_item(request)
    return await send_content(request, with_content(item))


async def put_content(request: web.Request) -> web.Response:
    """PUT /v1/admin/items/{item_id}/content: Markdown for a text, any bytes for a file."""
    gateway = gateway_of(request)
    item, caller = await _own_item(request)
    changed = await gateway.items.put_content(
        item, chunks_of(request), file_name=_file_name_of(request, item), caller=caller
    )
    return answer(_admin_item(gateway, changed))


async def _create(gateway: Gateway, wanted: ItemRequest, caller: Caller) -> Item:
    new = NewItem(
        creator=wanted.creator,
        price_msat=Msat(wanted.price_msat),
        title=wanted.title,
        id=wanted.id,
        preview=wanted.preview,
        shares=_shares(wanted.shares or ()),
        access_seconds=wanted.access_seconds,
        memo=wanted.memo,
        allowed_origins=wanted.allowed_origins or (),
    )
    match wanted:
        case ItemRequest(markdown=str(markdown), file_name=None, sealed=None):
            return await gateway.items.create_text(new, markdown, caller=caller)
        case ItemRequest(markdown=None, file_name=str(file_name), sealed=None):
            return await gateway.items.create_file(new, file_name, media_type=wanted.media_type, caller=caller)
        case ItemRequest(markdown=None, file_name=None, sealed=sealed) if sealed is not None:
            return await gateway.items.create_sealed(new, **_given(sealed), caller=caller)
    caller.may_sell_as(wanted.creator)
    raise Invalid(
        "item_invalid",
        "Give markdown, for a text, or file_name, for a file that you upload next, or sealed, for a key.",
    )


def _change_of(body: ItemChange) -> NewValues:
    values = _given(body)
    if "shares" in values:
        values["shares"] = _shares(values["shares"])
    if "state" in values:
        values["state"] = ItemState(values["state"])
    if "allowed_origins" in values:
        values["allowed_origins"] = tuple(values["allowed_origins"])
    if "sealed" in values:
        values |= _given(values.pop("sealed"))
    return cast("NewValues", values)


def _file_name_of(request: web.Request, item: Item) -> str | None:
    """The new name of a file. Raises `Invalid` (`query_invalid`); other kinds refuse any name."""
    file_name = request.query.get("file_name")
    if item.kind is not ItemKind.FILE:
        return file_name
    try:
        return msgspec.convert(file_name, FileName | None)
    except msgspec.ValidationError as error:
        raise Invalid("query_invalid", f"file_name: {error}.") from error


async def _own_item(request: web.Request) -> tuple[Item, Caller]:
    caller = await authenticate(request)
    return gateway_of(request).items.owned(request.match_info["item_id"], caller), caller


def _given(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that a body has: an absent one is neither 0 nor null."""
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}


def _shares(bodies: Sequence[ShareBody]) -> tuple[Share, ...]:
    return tuple(Share(creator=body.creator, weight=body.weight) for body in bodies)


def _admin_item(gateway: Gateway, item: Item) -> AdminItemBody:
    return AdminItemBody(
        **msgspec.structs.asdict(public_item(gateway, item)),
        shares=[ShareBody(share.creator, share.weight) for share in item.shares],
        memo=item.memo,
        allowed_origins=list(item.allowed_origins),
        state=item.state.value,
        digest=item.digest,
        created_at=rfc3339(item.created_at),
        updated_at=rfc3339(item.updated_at),
    )
