"""Parses what people type or paste as arguments: addresses, ids, names and hashes, also shortened."""

import re
from urllib.parse import urlsplit

from gateway.errors import Invalid

_ITEM = re.compile(r"/(?:i|v1/items)/([^/?#\s]+)")
_CREATOR = re.compile(r"/t/([^/?#\s]+)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SHARE = re.compile(r"@?(?P<name>[^=\s]+)\s*=\s*(?P<percent>[0-9]{1,9})\s*%?")


def item_id_of(text: str) -> str:
    """An item's id, from itself or from any address of the item."""
    found = _ITEM.search(text)
    return (found[1] if found else text.strip().strip("/")).lower()


def creator_of(text: str) -> str:
    """A creator's name, from `nora`, `@nora` or the address of their tip page."""
    found = _CREATOR.search(text)
    return (found[1] if found else text.strip()).removeprefix("@").lower()


def item_or_creator_of(text: str) -> str:
    """An item's id, or @ and a creator's name, from any of their forms."""
    if text.strip().startswith("@") or _CREATOR.search(text):
        return f"@{creator_of(text)}"
    return item_id_of(text)


def share_of(text: str) -> tuple[str, int]:
    """A creator's name and percentage, from `nora=30`. Raises `Invalid` (`item_invalid`)."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise Invalid("item_invalid", f"--share {text}: write it as name=30, a percentage.")
    return creator_of(found["name"]), int(found["percent"])


def payment_hash_of(text: str) -> str:
    """A payment_hash in lower case, or its first 8 digits or more, as in logs. Raises `Invalid` (`hash_invalid`)."""
    found = "".join(text.split()).lower().removeprefix("0x").rstrip("…").rstrip(".")
    if not re.fullmatch("[0-9a-f]{8,64}", found):
        raise Invalid(
            "hash_invalid", f"{text!r} is no payment_hash: 64 digits of 0-9 and a-f, or at least the first 8."
        )
    return found


def invoice_of(text: str) -> str:
    """A payment request without the prefix of QR codes and links."""
    return "".join(text.split()).lower().removeprefix("lightning:").removeprefix("//")


def site_of(text: str) -> str:
    """The address of a site as browsers write it: with scheme, in lower case and Punycode, without default port.

    Its path is kept, without a slash at the end; its query is dropped.

    Raises `Invalid` (`address_invalid`).
    """
    from yarl import URL

    said = text.strip()
    wrong = Invalid("address_invalid", f"{text!r} is no address of a site: write it like https://blog.example.")
    if not _SCHEME.match(said) and ":/" in said:
        raise wrong
    address = said if _SCHEME.match(said) else f"https://{said}"
    try:
        url = URL(address)
        host, port = url.host_subcomponent, url.explicit_port
    except ValueError as error:
        raise wrong from error
    if url.scheme not in {"http", "https"} or not host or url.user or re.search(r"\s", said) or not _is_host(host):
        raise wrong
    usual = {"http": 80, "https": 443}[url.scheme]
    place = "" if port in {None, usual} else f":{port}"
    return f"{url.scheme}://{host.lower()}{place}{url.raw_path.rstrip('/')}"


def origin_of(text: str) -> str:
    """The origin of an address: scheme, host and port. Raises `Invalid` (`address_invalid`)."""
    parts = urlsplit(site_of(text))
    return f"{parts.scheme}://{parts.netloc}"


def _is_host(host: str) -> bool:
    return re.fullmatch(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*\.?|\[[0-9a-fA-F:.]+\]", host) is not None
