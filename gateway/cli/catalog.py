"""`tuppence creator …` and `tuppence item …`: creators, their API keys, and what they sell."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.catalog.front_matter import split_front_matter
from gateway.catalog.rules import DEFAULT_ACCENT, split_of
from gateway.catalog.slug import slug_of
from gateway.cli.admin_call import admin_call
from gateway.cli.arguments import creator_of, item_id_of, origin_of, share_of
from gateway.cli.command_group import CommandGroup
from gateway.cli.existing_gateway import may_create
from gateway.errors import Invalid
from gateway.money import parse_price, to_sat
from gateway.rows import Share
from gateway.terminal import say, show_table, warn

creators = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Manage creators, who are paid.")
keys = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Manage API keys of creators.")
items = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Manage items, which are sold.")
creators.add_typer(keys, name="key")

TEXT_ENDINGS = {".md", ".markdown", ".txt"}

Price = Annotated[str | None, typer.Option(help="The price in whole sat, at least 1, like 100sat.")]
ShareOption = Annotated[
    list[str] | None,
    typer.Option("--share", help="A share in percent for another creator, like bob=30; repeatable."),
]
Origins = Annotated[
    list[str] | None,
    typer.Option(
        "--origin", help="A site whose pages may sell it, like https://blog.example; repeatable. Default: any."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(creators, name="creator")
    app.add_typer(items, name="item")


@creators.command("add")
@may_create
def add_creator(
    name: Annotated[str, typer.Argument(help="The creator's name: a-z, 0-9 and -. It cannot be changed.")],
    title: Annotated[str | None, typer.Option(help="The name that readers see. Default: the name.")] = None,
    accent: Annotated[str | None, typer.Option(help=f"The colour of their pages. Default: {DEFAULT_ACCENT}.")] = None,
) -> None:
    """Add a creator and print their API key, which is shown only once."""
    name = name.strip().removeprefix("@")
    _print_key(admin_call("POST", "/v1/admin/creators", json=_given(name=name, title=title, accent=accent)))


@creators.command("list")
def list_creators() -> None:
    """List the creators."""
    found = admin_call("GET", "/v1/admin/creators")
    rows = [(creator["name"], creator["title"], creator["accent"], creator["created_at"]) for creator in found]
    show_table(("name", "title", "accent", "since"), rows, prose=("title",))


@creators.command()
def destination(
    name: Annotated[str, typer.Argument(help="The creator's name.")],
    address: Annotated[str | None, typer.Argument(help="A Lightning Address or an LNURL. Default: show it.")] = None,
) -> None:
    """Show or set a creator's destination: the Lightning Address or LNURL where they are paid.

    What you set takes effect at once. A change by the creator's own key does after TUPPENCE_DESTINATION_DELAY_HOURS.
    """
    path = f"/v1/admin/creators/{quote(creator_of(name), safe='')}/destination"
    found = admin_call("GET", path) if address is None else admin_call("PUT", path, json={"address": address})
    say(f"{found['creator']} is paid to {found['address'] or 'nowhere yet'}")
    if found["next_address"]:
        say(f"  from {found['next_at']} on to {found['next_address']}")


@creators.command()
def rule(
    name: Annotated[str, typer.Argument(help="The creator's name.")],
    threshold: Annotated[str | None, typer.Option("--from", help="The least to pay out, like 1000sat.")] = None,
    interval: Annotated[str, typer.Option("--every", help="daily or weekly, with --from.")] = "weekly",
    off: Annotated[bool, typer.Option("--off", help="End the rule.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Show, set or end a creator's rule: pay out all, daily or weekly, if it is enough.

    Without an option the rule is shown.
    """
    path = f"/v1/admin/creators/{quote(creator_of(name), safe='')}/payout-rule"
    if off:
        admin_call("DELETE", path)
        say(f"{creator_of(name)} has no rule")
        return
    if threshold is None:
        found = admin_call("GET", path)
    else:
        found = admin_call("PUT", path, json={"threshold_msat": price_of(threshold), "interval": interval})
    terms = f"all, {found['interval']}, from {to_sat(found['threshold_msat'])} sat on"
    say(f"{found['creator']}: {terms}; next at {found['next_at']}")


@keys.command("rotate")
def rotate_key(name: Annotated[str, typer.Argument(help="The creator's name.")]) -> None:
    """Replace a creator's API key. The old key stops working at once.

    A change of destination that has not taken effect is dropped, as whoever had the old key may have made it.
    """
    name = quote(creator_of(name), safe="")
    creator = admin_call("POST", f"/v1/admin/creators/{name}/key", missing="creator_not_found")
    if creator["dropped_destination"]:
        warn(f"The change of destination to {creator['dropped_destination']} was dropped.")
    _print_key(creator)


@items.command("add")
@may_create
def add_item(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A Markdown text, or a file of any type.")],
    creator: Annotated[str | None, typer.Option(help="The creator who sells it.")] = None,
    price: Price = None,
    share: ShareOption = None,
    title: Annotated[str | None, typer.Option(help="Default: the text's first heading, or the file's name.")] = None,
    item_id: Annotated[str | None, typer.Option("--id", help="It cannot be changed. Default: from the title.")] = None,
    access_seconds: Annotated[int | None, typer.Option(help="How long a payment opens it. Default: for ever.")] = None,
    memo: Annotated[str | None, typer.Option(help="The text in the payer's wallet. Default: creator and host.")] = None,
    origin: Origins = None,
    preview: Annotated[str | None, typer.Option(help="For a file: Markdown that is shown before payment.")] = None,
) -> None:
    """Put a text or a file on sale.

    The front matter of a text may hold the same options, except --origin and --preview. The preview of a text ends at
    <!-- more -->, or else after the first paragraph.
    """
    is_text = path.suffix.lower() in TEXT_ENDINGS
    markdown = _read_text(path) if is_text else None
    fields = {} if markdown is None else split_front_matter(markdown)[0]
    # An option that is given but empty, or 0, is sent: the gateway says what is wrong with it.
    creator = fields.get("creator") if creator is None else creator
    price = fields.get("price") if price is None else price
    if not creator or not price:
        raise Invalid("item_invalid", "Say who sells it and for how much: --creator alice --price 100sat.")
    creator = creator_of(creator)
    shares = share or fields.get("share", "").split()
    item = _given(
        creator=creator,
        price_msat=price_of(price),
        title=fields.get("title") if title is None else title,
        id=fields.get("id") if item_id is None else item_id,
        markdown=markdown,
        file_name=None if is_text else path.name,
        preview=preview,
        shares=shares_of(creator, shares),
        access_seconds=_seconds_of(fields) if access_seconds is None else access_seconds,
        memo=fields.get("memo") if memo is None else memo,
        allowed_origins=_origins(origin),
    )
    added = admin_call("POST", "/v1/admin/items", json=item)
    if not is_text:
        added = _put_content(added["id"], path)
    say((added["id"], "bold"), f" {to_sat(added['price_msat'])} sat")
    # On a line of its own, so that it is easy to copy.
    say(added["pay_url"])
    if "id" not in item and not slug_of(added["title"], ""):
        warn("Its id is for ever. The title gives none that can be typed: --id chooses one.")


@items.command("list")
def list_items() -> None:
    """List the items."""
    rows = []
    for item in admin_call("GET", "/v1/admin/items"):
        shares = " ".join(f"{share['creator']}={share['weight']}" for share in item["shares"])
        price = to_sat(item["price_msat"])
        rows.append((item["id"], price, item["kind"], item["title"], item["creator"], shares, item["state"]))
    show_table(("id", "price, sat", "kind", "title", "creator", "shares", "state"), rows, prose=("title",))


@items.command("edit")
def edit_item(
    item_id: Annotated[str, typer.Argument(help="The item's id.")],
    price: Price = None,
    share: ShareOption = None,
    title: Annotated[str | None, typer.Option(help="The title that readers see.")] = None,
    access_seconds: Annotated[int | None, typer.Option(help="How long a payment opens it.")] = None,
    memo: Annotated[str | None, typer.Option(help="The text in the payer's wallet.")] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", help="A site whose pages may sell it, in place of the present ones."),
    ] = None,
    any_origin: Annotated[bool, typer.Option("--any-origin", help="Let pages of every site sell it.")] = False,  # noqa: FBT002  # typer's form
    content: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A new text or file.")] = None,
    preview: Annotated[str | None, typer.Option(help="Markdown that is shown before payment.")] = None,
) -> None:
    """Change an item. Options that are not given stay as they are.

    New values apply to new invoices; what was paid keeps its terms.
    """
    item_id = quote(item_id_of(item_id), safe="")
    change = _given(
        price_msat=None if price is None else price_of(price),
        title=title,
        access_seconds=access_seconds,
        memo=memo,
        preview=preview,
        allowed_origins=[] if any_origin else _origins(origin),
        shares=shares_of(admin_call("GET", f"/v1/admin/items/{item_id}")["creator"], share) if share else None,
    )
    if not change and content is None:
        raise Invalid("item_invalid", "Say what to change; `tuppence item edit --help` lists it.")
    if change:
        admin_call("PATCH", f"/v1/admin/items/{item_id}", json=change, missing="item_not_found")
    if content is not None:
        _put_content(item_id, content, kind=admin_call("GET", f"/v1/admin/items/{item_id}")["kind"])
    say(f"{item_id} changed")


@items.command("archive")
def archive_item(
    item_id: Annotated[str, typer.Argument(help="The item's id.")],
    restore: Annotated[bool, typer.Option("--restore", help="Put it on sale again.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Stop selling an item. What was paid can still be opened."""
    item_id = quote(item_id_of(item_id), safe="")
    state = "active" if restore else "archived"
    admin_call("PATCH", f"/v1/admin/items/{item_id}", json={"state": state}, missing="item_not_found")
    say(f"{item_id} {'is on sale again' if restore else 'archived'}")


def _print_key(creator: dict[str, Any]) -> None:
    warn(f"API key of {creator['name']}, shown only now:")
    say(creator["api_key"])


def _origins(texts: list[str] | None) -> list[str] | None:
    return None if texts is None else [origin_of(text) for text in texts]


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def price_of(text: str) -> int:
    """A price in msat, from text like `100sat`. Raises `Invalid` (`item_invalid`)."""
    try:
        return parse_price(text)
    except ValueError as error:
        raise Invalid("item_invalid", str(error)) from error


def shares_of(creator: str, texts: list[str]) -> list[dict[str, Any]] | None:
    """The shares of an item for the admin API, from texts like `bob=30`; None if there are none.

    Raises `Invalid` (`item_invalid`).
    """
    others = [Share(creator=name, weight=percent) for name, percent in map(share_of, texts)]
    if not others:
        return None
    return [{"creator": share.creator, "weight": share.weight} for share in split_of(creator, others)]


def _put_content(item_id: str, path: Path, *, kind: str = "file") -> Any:
    named = f"?file_name={quote(path.name)}" if kind == "file" else ""
    with path.open("rb") as file:
        return admin_call("PUT", f"/v1/admin/items/{item_id}/content{named}", data=file)


def _seconds_of(fields: Mapping[str, str]) -> int | None:
    text = fields.get("access_seconds")
    if text is not None and not text.isdecimal():
        raise Invalid("item_invalid", f"access_seconds: {text}: write it as a number of seconds, or leave it out.")
    return None if text is None else int(text)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("article_invalid", f"{path} is not UTF-8.") from error
