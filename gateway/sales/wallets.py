"""Wallets for readers who have none yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Device = Literal["ios", "android", "browser"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A wallet: where to get it, the devices it runs on, and about how many minutes it takes to set up.

    `languages` are tags such as `pt` or `en-US`: it comes first for their readers and is not for others. Empty: for
    all.
    """

    name: str
    url: str
    devices: tuple[Device, ...]
    minutes: int
    languages: tuple[str, ...] = ()


def wallets_for(wallets: Sequence[Wallet], tags: Iterable[str], *, device: Device | None = None) -> list[Wallet]:
    """The wallets for a reader of languages (by descending preference), those for a language before those for all.

    `device`: only those that run on it. On a computer all may be used, as a phone scans the code.
    """
    wanted = [tag.lower() for tag in tags]
    ranked = [
        (rank, wallet)
        for wallet in wallets
        if (rank := _rank(wallet, wanted)) is not None and (device is None or device in wallet.devices)
    ]
    return [wallet for _, wallet in sorted(ranked, key=lambda pair: pair[0])]


def _rank(wallet: Wallet, wanted: Sequence[str]) -> int | None:
    """The place of the first wanted tag that the wallet is for; after all tags if it is for everybody."""
    if not wallet.languages:
        return len(wanted)
    ours = [language.lower() for language in wallet.languages]
    return next((at for at, tag in enumerate(wanted) if any(_covers(language, tag) for language in ours)), None)


def _covers(language: str, tag: str) -> bool:
    """Whether a tag is a language or a region of it: `pt` covers `pt-BR`."""
    return tag == language or tag.startswith(f"{language}-")
