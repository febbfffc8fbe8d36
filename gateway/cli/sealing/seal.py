"""Seals a static site: encrypts the paid parts of its pages in place and registers their keys at the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path

from gateway.catalog.sealed_key import read_key
from gateway.catalog.word_count import count_words
from gateway.cli import run
from gateway.cli.admin_client import open_admin, open_remote
from gateway.cli.arguments import creator_of, origin_of, site_of
from gateway.cli.catalog import price_of, shares_of
from gateway.cli.sealing import registration
from gateway.cli.sealing.inspection import Inspection, inspect, paywalls_of
from gateway.cli.sealing.page import Page, Paywall, write_page
from gateway.cli.sealing.site import (
    SiteFile,
    address_of,
    check_origins,
    files_of,
    foreign_canonical,
    is_current,
    leftovers,
    write_file,
)
from gateway.cli.sealing.tree import text_of
from gateway.config import API_KEY, GATEWAY, in_env_file, load_config
from gateway.errors import Conflict, Invalid
from gateway.money import to_sat
from gateway.terminal import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `tuppence seal`. What the tag of a paywall declares takes precedence."""

    creator: str = ""
    price: str | None = None
    shares: list[str] = field(default_factory=list)
    origins: list[str] | None = None
    site: str = ""
    unsealed: Sequence[str] = ()
    allow_copies: bool = False
    check: bool = False


def seal_site(
    paths: Sequence[Path], out: Path | None, options: Options, *, gateway: str | None, api_key: str | None
) -> bool:
    """Seal the pages of `paths` into the folder `out`, or in place if that is None.

    With `check` nothing is written, and the result is False if something would be. `gateway` and `api_key` name a
    remote gateway; where they are None, `.env` may name it. Raises `Invalid` (`no_paid_part`) and the errors of the
    steps before anything is written.
    """
    gateway = in_env_file(GATEWAY) if gateway is None else gateway
    api_key = in_env_file(API_KEY) if api_key is None else api_key
    files = files_of(paths, out)
    site = options.site and site_of(options.site)
    check_origins(files, site)
    origins = None if options.origins is None else [origin_of(text) for text in options.origins]
    options = replace(options, creator=creator_of(options.creator), site=site, origins=origins)
    left = [] if out is None else leftovers(out, files)
    if not any(paywall.part or paywall.sealed for _, paywall in paywalls_of(files)):
        raise _nothing_paid(files, options)
    keys, is_done = run(_keys(files, options, left, gateway, api_key))
    is_written = _write(files, keys, check=options.check)
    return not options.check or (is_done and is_written)


def _nothing_paid(files: Sequence[SiteFile], options: Options) -> Invalid:
    named = inspect(files, options.unsealed).unsealed
    mentions = "".join(f" {place} contains {what}." for place, what in [*named.items()][:3])
    return Invalid(
        "no_paid_part",
        f"0 paid parts in {len(files)} files: a paid part is <template data-paid>…</template> inside "
        f'<tuppence-paywall item="my-essay">, in a page (.html).{mentions} Nothing was written.',
    )


async def _keys(
    files: Sequence[SiteFile], options: Options, left: Sequence[SiteFile], gateway: str, api_key: str
) -> tuple[dict[str, bytes], bool]:
    """Inspect the site and register its items. Gives their keys, and whether the gateway matches what pages declare."""
    async with open_remote(site_of(gateway), api_key) if gateway else open_admin(load_config()) as admin:
        known = await _open_sealed(admin.call, files)
        inspection = inspect(files, options.unsealed, left)
        await _note_unsealed(admin.call, files, options.unsealed, inspection)
        inspection.check(allow_copies=options.allow_copies)
        _report(inspection, files, options.site)
        sold, is_done = await _registered(admin.call, _declared_items(files, options), check=options.check)
        keys = {one: read_key(await registration.key_of(admin.call, one)) for one in sold if one not in known}
        return known | keys, is_done


async def _open_sealed(call: registration.Call, files: Sequence[SiteFile]) -> dict[str, bytes]:
    """Decrypt the parts that are sealed already, so that copies of them are found, too. Gives the keys.

    Raises `Invalid` (`seal_broken`).
    """
    from gateway.cli.sealing.jwe import unseal  # an extra

    keys: dict[str, bytes] = {}
    for _, paywall in paywalls_of(files):
        if paywall.sealed is not None:
            if paywall.item_id not in keys:
                await registration.find(call, paywall.item_id)
                keys[paywall.item_id] = read_key(await registration.key_of(call, paywall.item_id))
            paywall.opened = unseal(paywall.sealed, keys[paywall.item_id])
    return keys


async def _note_unsealed(
    call: registration.Call, files: Sequence[SiteFile], unsealed: Sequence[str], inspection: Inspection
) -> None:
    """Note paywalls without a paid part, except of items that the gateway serves and of files listed in `unsealed`."""
    for file, paywall in paywalls_of(files):
        if paywall.text is not None or any(fnmatch(file.place, place) for place in unsealed):
            continue
        if not await registration.is_served(call, paywall.item_id):
            what = f"the paywall of {paywall.item_id or 'no item'} has no paid part"
            inspection.unsealed.setdefault(file.place, what)


def _report(inspection: Inspection, files: Sequence[SiteFile], site: str) -> None:
    """Print the copies that are allowed, the files that were not read and the canonical links that are not used."""
    if allowed := [*inspection.copies, *inspection.links]:
        say(f"paid words are in clear, as allowed: {', '.join(dict.fromkeys(allowed))}")
    for place, why in inspection.unread.items():
        say(f"not read: {place}: {why}")
    for file in files:
        if file.page is not None and (link := foreign_canonical(file, site)):
            say(f"not used: the canonical link of {file.place} leads to another site, {link}")


def _declared_items(files: Sequence[SiteFile], options: Options) -> dict[str, registration.DeclaredItem]:
    """The items that the pages declare, by id. An item in several pages is described by the first.

    Raises `Conflict` (`item_differs`) if two pages declare another price, creator or shares.
    """
    wanted: dict[str, registration.DeclaredItem] = {}
    for file, paywall in paywalls_of(files):
        if paywall.text is None:
            continue
        new = _described(file, paywall, options)
        known = wanted.get(paywall.item_id)
        if known and (known.creator, known.price_msat, known.shares) != (new.creator, new.price_msat, new.shares):
            raise Conflict(
                "item_differs", f"{paywall.item_id}: {file.place} and a page before it say another price or creator."
            )
        wanted[paywall.item_id] = replace(known, word_count=known.word_count + new.word_count) if known else new
    return wanted


def _described(file: SiteFile, paywall: Paywall, options: Options) -> registration.DeclaredItem:
    assert file.page is not None, "a paywall is part of a page"
    attributes = paywall.attributes
    creator = attributes.get("creator") or options.creator
    price, usual = attributes.get("price"), options.price
    return registration.DeclaredItem(
        item_id=paywall.item_id,
        title=file.page.title,
        description=file.page.description,
        page_url=address_of(file, options.site) if paywall.sealed is None or options.site else None,
        word_count=count_words(text_of(paywall.text or "")),
        creator=creator,
        price_msat=price_of(price) if price else None,
        usual_price_msat=price_of(usual) if usual else None,
        shares=shares_of(creator, attributes.get("share", "").split() or options.shares),
        allowed_origins=options.origins,
    )


async def _registered(
    call: registration.Call, wanted: Mapping[str, registration.DeclaredItem], *, check: bool
) -> tuple[list[str], bool]:
    """Register the items. Gives the ids at the gateway, and whether it matched before; `check` changes nothing."""
    sold, is_done = [], True
    for item_id, one in wanted.items():
        if check:
            item = await registration.find(call, item_id)
            changes = {} if item is None else registration.changes_of(item, one)
            is_done = is_done and item is not None and not changes
            if item is None or changes:
                say(f"not yet at the gateway: {item_id}{''.join(f', {name}' for name in changes)}")
            if item is None:
                continue
        else:
            item, is_new = await registration.register(call, one)
            if is_new:
                say(f"{item_id}: {to_sat(item['price_msat'])} sat, {item['pay_url']}, opens at {item['page_url']}")
        sold.append(item_id)
    return sold, is_done


def _write(files: Sequence[SiteFile], keys: Mapping[str, bytes], *, check: bool) -> bool:
    """Write the files that differ and print the pages among them. True if none differed."""
    changed = 0
    for file in files:
        is_new = file.page is not None and any(
            paywall.item_id not in keys for paywall in file.page.paywalls if paywall.part
        )
        text = None if file.page is None or is_new else _sealed(file.page, keys)
        if not is_new and is_current(file, text):
            continue
        changed += 1
        if file.page is not None:
            say(f"{'to seal:' if check else 'sealed'} {file.target}")
        if not check:
            write_file(file, text)
    done = "to write" if check else "written"
    say(f"{changed} of {len(files)} files {done}" if changed else "nothing to do")
    return changed == 0


def _sealed(page: Page, keys: Mapping[str, bytes]) -> str:
    from gateway.cli.sealing.jwe import seal as encrypt  # an extra

    return write_page(page, lambda paywall: encrypt(paywall.paid or "", keys[paywall.item_id], item_id=paywall.item_id))
