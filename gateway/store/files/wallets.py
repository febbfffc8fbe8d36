"""The wallets for readers who have none: `wallets.toml` beside this file, or a file of the operator's."""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from gateway.errors import Invalid
from gateway.sales.wallets import Device, Wallet

MOST_WALLETS = 40
LONGEST_NAME, MOST_MINUTES = 40, 600
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    url: str
    devices: tuple[Device, ...]
    minutes: int
    languages: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wallet: tuple[_Entry, ...] = ()


def read_wallets(path: Path | None) -> Sequence[Wallet]:
    """The wallets of a file; without a path, those that the gateway knows. Raises `Invalid` (`config_invalid`)."""
    try:
        text = files(__package__).joinpath("wallets.toml").read_bytes() if path is None else path.read_bytes()
        entries = msgspec.toml.decode(text, type=_File).wallet
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise _invalid(path, str(error)) from error
    if len(entries) > MOST_WALLETS:
        raise _invalid(path, f"name at most {MOST_WALLETS} wallets")
    for entry in entries:
        if fault := _fault(entry):
            raise _invalid(path, f"{entry.name!r}: {fault}")
    return [Wallet(**msgspec.structs.asdict(entry)) for entry in entries]


def _fault(entry: _Entry) -> str:
    """What is wrong with a wallet; empty if nothing is."""
    if not 0 < len(entry.name.strip()) <= LONGEST_NAME or not entry.name.isprintable():
        return f"write a name of 1 to {LONGEST_NAME} letters"
    if not _URL.fullmatch(entry.url):
        return f"write its url like https://wallet.example, not {entry.url!r}"
    if not entry.devices:
        return "name its devices: ios, android, browser"
    if not 0 < entry.minutes <= MOST_MINUTES:
        return f"minutes are 1 to {MOST_MINUTES}"
    odd = next((language for language in entry.languages if not _LANGUAGE.fullmatch(language)), None)
    return "" if odd is None else f"write languages as tags such as pt or en-US, not {odd!r}"


def _invalid(path: Path | None, fault: str) -> Invalid:
    return Invalid("config_invalid", f"TUPPENCE_WALLETS: {path}: {fault}.")
