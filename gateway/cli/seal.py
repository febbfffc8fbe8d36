"""`tuppence seal`: the paid parts of a static site, sealed where they stand; their keys are sold by the gateway."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import run
from gateway.cli.admin_client import open_admin, open_remote
from gateway.cli.catalog import Origins, Price, ShareOption, price_of, shares_of
from gateway.config import API_KEY, GATEWAY, in_env_file, load_config
from gateway.errors import Invalid
from gateway.money import to_sat
from gateway.sealed import shop
from gateway.sealed.key import read_key
from gateway.sealed.page import Page, Till, text_of, write_page
from gateway.sealed.site import File, address_of, files_of, in_clear, put, stands

OUT = Path("sealed")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("seal")(seal)


def seal(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Pages, or the folder that a generator wrote.")],
    out: Annotated[Path, typer.Option(help="The folder for the sealed site; the sources stay as they are.")] = OUT,
    in_place: Annotated[bool, typer.Option("--in-place", help="Overwrite: for a generator's output.")] = False,  # noqa: FBT002  # typer's form
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail where something would change.")] = False,  # noqa: FBT002
    allow_copies: Annotated[bool, typer.Option("--allow-copies", help="Paid words may be quoted in clear.")] = False,  # noqa: FBT002
    creator: Annotated[str, typer.Option(help="Who sells what is new, where its tag does not say.")] = "",
    price: Price = None,
    share: ShareOption = None,
    origin: Origins = None,
    site: Annotated[str, typer.Option(help="Where the site will stand, for pages without a canonical link.")] = "",
    *,
    gateway: Annotated[
        str,
        typer.Option(
            envvar=GATEWAY,
            default_factory=partial(in_env_file, GATEWAY),
            show_default=False,
            help="A gateway elsewhere, like https://pay.example.",
        ),
    ],
    api_key: Annotated[
        str,
        typer.Option(
            envvar=API_KEY,
            default_factory=partial(in_env_file, API_KEY),
            show_default=False,
            help="A creator's key there.",
        ),
    ],
) -> None:
    """Seal the paid parts of pages, so that a payment opens them where they stand.

    A paid part is <template data-paid>…</template> inside <tuppence-paywall item="my-essay">, whose tag may also say
    creator, price and share. It leaves the page: what stays is its ciphertext, and the key is what readers buy.
    An item keeps its key, so who has paid can open the page however often it is sealed. All who pay share that key.
    """
    _check_extra()
    files = files_of(paths, None if in_place else out)
    leaking = in_clear(files)
    if leaking and allow_copies:
        typer.echo(f"paid words stand in clear, as allowed: {', '.join(leaking)}")
    elif leaking:
        raise Invalid(
            "paid_words_in_clear",
            f"Paid words stand in clear in {', '.join(leaking)}: have the generator leave them out there (feeds and "
            "search indexes take a summary), or say --allow-copies for a quote that is meant. Nothing was written.",
        )
    wanted = _wanted(files, _Defaults(creator, price, share or [], origin, site))

    async def work() -> dict[str, bytes]:
        async with open_remote(gateway, api_key) if gateway else open_admin(load_config()) as admin:
            sold = await _sold(admin.call, wanted, check=check)
            known = {till.item_id for _, page in _pages(files) for till in page.tills if till.sealed} - {*wanted}
            return {item_id: read_key(await shop.key_of(admin.call, item_id)) for item_id in (*sold, *sorted(known))}

    if not _write(files, run(work()), check=check) and check:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Defaults:
    """For what the tags do not say."""

    creator: str
    price: str | None
    shares: list[str]
    origins: list[str] | None
    site: str


def _check_extra() -> None:
    try:
        import gateway.sealed.jwe  # noqa: F401, PLC0415  # an extra
    except ImportError as error:
        raise Invalid("seal_extra_missing", "Sealing needs an extra: pip install '.[seal]' in the checkout.") from error


def _wanted(files: Sequence[File], defaults: _Defaults) -> dict[str, shop.Wanted]:
    """What the pages want to sell: an item may stand in several of them, and is then described by the first."""
    wanted: dict[str, shop.Wanted] = {}
    for file, page in _pages(files):
        for till in page.tills:
            if till.paid is None:
                continue
            new = _described(file, page, till, defaults)
            known = wanted.get(till.item_id)
            wanted[till.item_id] = replace(known, word_count=known.word_count + new.word_count) if known else new
    return wanted


def _described(file: File, page: Page, till: Till, defaults: _Defaults) -> shop.Wanted:
    said = till.attributes
    creator = said.get("creator") or defaults.creator
    price, usual = said.get("price"), defaults.price
    return shop.Wanted(
        item_id=till.item_id,
        title=page.title,
        description=page.description,
        page_url=address_of(file, defaults.site),
        word_count=len(text_of(till.paid or "").split()),
        creator=creator,
        price_msat=price_of(price) if price else None,
        usual_price_msat=price_of(usual) if usual else None,
        shares=shares_of(creator, said.get("share", "").split() or defaults.shares),
        allowed_origins=defaults.origins,
    )


async def _sold(call: shop.Call, wanted: Mapping[str, shop.Wanted], *, check: bool) -> list[str]:
    """The items that the gateway sells; those that it lacks are made, unless this only checks."""
    sold = []
    for item_id, one in wanted.items():
        if check and await shop.find(call, item_id) is None:
            typer.echo(f"not yet at the gateway: {item_id}")
            continue
        if not check:
            item, is_new = await shop.register(call, one)
            if is_new:
                typer.echo(f"{item_id}: {to_sat(item['price_msat'])} sat, {item['pay_url']}")
        sold.append(item_id)
    return sold


def _write(files: Sequence[File], keys: Mapping[str, bytes], *, check: bool) -> bool:
    """Write what is not yet as it should be, and say which pages; whether there was nothing to write."""
    changed = 0
    for file in files:
        is_new = file.page is not None and any(till.item_id not in keys for till in file.page.tills if till.part)
        text = None if file.page is None or is_new else _sealed(file.page, keys)
        if not is_new and stands(file, text):
            continue
        changed += 1
        if file.page is not None:
            typer.echo(f"{'to seal:' if check else 'sealed'} {file.target}")
        if not check:
            put(file, text)
    done = "to write" if check else "written"
    typer.echo(f"{changed} of {len(files)} files {done}" if changed else "nothing to do")
    return changed == 0


def _sealed(page: Page, keys: Mapping[str, bytes]) -> str:
    """The page with its paid parts sealed. What was sealed before must open: `Invalid` (`seal_broken`)."""
    from gateway.sealed.jwe import seal as encrypt  # noqa: PLC0415  # an extra
    from gateway.sealed.jwe import unseal  # noqa: PLC0415

    for till in page.tills:
        if till.sealed:
            unseal(till.sealed, keys[till.item_id])
    return write_page(page, lambda till: encrypt(till.paid or "", keys[till.item_id], item_id=till.item_id))


def _pages(files: Sequence[File]) -> Iterator[tuple[File, Page]]:
    return ((file, file.page) for file in files if file.page is not None)
