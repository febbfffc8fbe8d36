"""GET of an item and of a creator, as everyone sees them."""

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.rows import Creator, Item, ItemState
from gateway.web.api.bodies import CreatorCard, ItemBody
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer


async def read_item(request: web.Request) -> web.Response:
    """GET /v1/items/{item_id}."""
    gateway = gateway_of(request)
    return answer(public_item(gateway, gateway.catalog.item(request.match_info["item_id"])))


async def read_creator(request: web.Request) -> web.Response:
    """GET /v1/creators/{name}."""
    gateway = gateway_of(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    pay_url = f"{gateway.config.public_url}/t/{creator.name}"
    return answer(CreatorCard(name=creator.name, title=creator.title, accent=creator.accent, pay_url=pay_url))


def public_item(gateway: Gateway, item: Item) -> ItemBody:
    """An item as everyone sees it."""
    creator, has_more = gateway.catalog.creator(item.creator), gateway.catalog.has_more_by(item.creator, than=item)
    return item_body(item, creator, public_url=gateway.config.public_url, has_more=has_more)


def item_body(item: Item, creator: Creator, *, public_url: str, has_more: bool) -> ItemBody:
    """An item without its paid part. `has_more`: its creator has something else on sale."""
    return ItemBody(
        id=item.id,
        kind=item.kind.value,
        title=item.title,
        creator=item.creator,
        creator_title=creator.title,
        accent=creator.accent,
        price_msat=item.price_msat,
        preview_html=item.preview_html,
        access_seconds=item.access_seconds,
        media_type=item.media_type,
        byte_size=item.byte_size,
        word_count=item.word_count,
        for_sale=item.state is ItemState.ACTIVE,
        pay_url=f"{public_url}/i/{item.id}",
        page_url=item.page_url,
        more_url=f"{public_url}/t/{creator.name}#more" if has_more else None,
    )
