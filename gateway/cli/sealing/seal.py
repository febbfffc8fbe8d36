"""`tuppence seal`: the paid parts of a static site, sealed where they stand; their keys are sold by the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path

from gateway.catalog.sealed_key import read_key
from gateway.catalog.word_count import count_words
from gateway.cli import run
from gateway.cli.admin_client import open_admin, open_remote
from gateway.cli.catalog import price_of, shares_of
from gateway.cli.pasted import creator_of, origin_of, site_of
from gateway.cli.sealing import registration as shop
from gateway.cli.sealing.inspection import Findings, inspect, paywalls
from gateway.cli.sealing.page import Page, Till, text_of, write_page
from gateway.cli.sealing.site import File, address_of, check_origins, elsewhere, files_of, left_in, put, stands
from gateway.config import API_KEY, GATEWAY, in_env_file, load_config
from gateway.errors import Conflict, Invalid
from gateway.money import to_sat
from gateway.terminal import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the options say; the tags of pages come before them."""

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
    """Seal the pages of `paths` into `out`, or in place; False if `check` found something to do.

    `gateway` and `api_key` name a gateway elsewhere; where they are None, `.env` may name it.
    Raises `Invalid` (`no_paid_part`) and whatever makes a page unfit to be sealed, before anything is written.
    """
    gateway = in_env_file(GATEWAY) if gateway is None else gateway
    api_key = in_env_file(API_KEY) if api_key is None else api_key
    files = files_of(paths, out)
    site = options.site and site_of(options.site)
    check_origins(files, site)
    origins = None if options.origins is None else [origin_of(text) for text in options.origins]
    asked = replace(options, creator=creator_of(options.creator), site=site, origins=origins)
    left = [] if out is None else left_in(out, files)
    if not any(till.part or till.sealed for _, till in paywalls(files)):
        raise _nothing_paid(files, asked)
    keys, is_done = run(_keys(files, asked, left, gateway, api_key))
    is_written = _write(files, keys, check=asked.check)
    return not asked.check or (is_done and is_written)


def _nothing_paid(files: Sequence[File], asked: Options) -> Invalid:
    named = inspect(files, asked.unsealed).unsealed
    said = "".join(f" {place} holds {what}." for place, what in [*named.items()][:3])
    return Invalid(
        "no_paid_part",
        f"0 paid parts in {len(files)} files: a paid part is <template data-paid>…</template> inside "
        f'<tuppence-paywall item="my-essay">, in a page (.html).{said} Nothing was written.',
    )


async def _keys(
    files: Sequence[File], asked: Options, left: Sequence[File], gateway: str, api_key: str
) -> tuple[dict[str, bytes], bool]:
    """The keys of what the gateway sells, and whether it sells it as the pages say. Raises at whatever is not sound."""
    async with open_remote(site_of(gateway), api_key) if gateway else open_admin(load_config()) as admin:
        known = await _open_sealed(admin.call, files)
        findings = inspect(files, asked.unsealed, left)
        await _note_unpaid(admin.call, files, asked.unsealed, findings)
        findings.refuse(allow_copies=asked.allow_copies)
        _say(findings, files, asked.site)
        sold, is_done = await _sold(admin.call, _wanted(files, asked), check=asked.check)
        keys = {one: read_key(await shop.key_of(admin.call, one)) for one in sold if one not in known}
        return known | keys, is_done


async def _open_sealed(call: shop.Call, files: Sequence[File]) -> dict[str, bytes]:
    """Open what is sealed already, so that it is looked for as all paid words are. Raises `Invalid` (`seal_broken`)."""
    from gateway.cli.sealing.jwe import unseal  # an extra

    keys: dict[str, bytes] = {}
    for _, till in paywalls(files):
        if till.sealed is not None:
            if till.item_id not in keys:
                await shop.find(call, till.item_id)
                keys[till.item_id] = read_key(await shop.key_of(call, till.item_id))
            till.opened = unseal(till.sealed, keys[till.item_id])
    return keys


async def _note_unpaid(call: shop.Call, files: Sequence[File], unsealed: Sequence[str], findings: Findings) -> None:
    """Add the paywalls that hold no paid part, unless the gateway serves what they sell, or they are meant so."""
    for file, till in paywalls(files):
        if till.text is not None or any(fnmatch(file.place, place) for place in unsealed):
            continue
        if not await shop.is_served(call, till.item_id):
            what = f"the paywall of {till.item_id or 'no item'} has no paid part"
            findings.unsealed.setdefault(file.place, what)


def _say(findings: Findings, files: Sequence[File], site: str) -> None:
    """Print what is allowed, not read or not used."""
    if allowed := [*findings.copies, *findings.links]:
        say(f"paid words stand in clear, as allowed: {', '.join(dict.fromkeys(allowed))}")
    for place, why in findings.unread.items():
        say(f"not read: {place}: {why}")
    for file in files:
        if file.page is not None and (link := elsewhere(file, site)):
            say(f"not used: the canonical link of {file.place} leads to another site, {link}")


def _wanted(files: Sequence[File], asked: Options) -> dict[str, shop.Wanted]:
    """What the pages want to sell: an item may stand in several of them, and is then described by the first.

    Raises `Conflict` (`item_differs`) if they do not agree.
    """
    wanted: dict[str, shop.Wanted] = {}
    for file, till in paywalls(files):
        if till.text is None:
            continue
        new = _described(file, till, asked)
        known = wanted.get(till.item_id)
        if known and (known.creator, known.price_msat, known.shares) != (new.creator, new.price_msat, new.shares):
            raise Conflict(
                "item_differs", f"{till.item_id}: {file.place} and a page before it say another price or creator."
            )
        wanted[till.item_id] = replace(known, word_count=known.word_count + new.word_count) if known else new
    return wanted


def _described(file: File, till: Till, asked: Options) -> shop.Wanted:
    assert file.page is not None, "a paywall stands in a page"
    said = till.attributes
    creator = said.get("creator") or asked.creator
    price, usual = said.get("price"), asked.price
    return shop.Wanted(
        item_id=till.item_id,
        title=file.page.title,
        description=file.page.description,
        page_url=address_of(file, asked.site) if till.sealed is None or asked.site else None,
        word_count=count_words(text_of(till.text or "")),
        creator=creator,
        price_msat=price_of(price) if price else None,
        usual_price_msat=price_of(usual) if usual else None,
        shares=shares_of(creator, said.get("share", "").split() or asked.shares),
        allowed_origins=asked.origins,
    )


async def _sold(call: shop.Call, wanted: Mapping[str, shop.Wanted], *, check: bool) -> tuple[list[str], bool]:
    """The items that the gateway sells, and whether they are as the pages say; `check` changes nothing there."""
    sold, is_done = [], True
    for item_id, one in wanted.items():
        if check:
            item = await shop.find(call, item_id)
            changes = {} if item is None else shop.changes_of(item, one)
            is_done = is_done and item is not None and not changes
            if item is None or changes:
                say(f"not yet at the gateway: {item_id}{''.join(f', {name}' for name in changes)}")
            if item is None:
                continue
        else:
            item, is_new = await shop.register(call, one)
            if is_new:
                say(f"{item_id}: {to_sat(item['price_msat'])} sat, {item['pay_url']}, opens at {item['page_url']}")
        sold.append(item_id)
    return sold, is_done


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
            say(f"{'to seal:' if check else 'sealed'} {file.target}")
        if not check:
            put(file, text)
    done = "to write" if check else "written"
    say(f"{changed} of {len(files)} files {done}" if changed else "nothing to do")
    return changed == 0


def _sealed(page: Page, keys: Mapping[str, bytes]) -> str:
    from gateway.cli.sealing.jwe import seal as encrypt  # an extra

    return write_page(page, lambda till: encrypt(till.paid or "", keys[till.item_id], item_id=till.item_id))
