"""Translations of the pages, and the choice of a language for a request.

The English sentences are in the code and the templates. Other languages are gettext catalogues in `locale/`, loaded on
first use; `python -m tools.catalogues` updates them from the code. Placeholders are in braces: `{price}`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from aiohttp import web
from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_currency_precision
from babel.units import format_unit

from gateway.money import MSAT_PER_BITCOIN, MSAT_PER_SAT
from gateway.rates.rate import Rate
from gateway.sales.wallets import Device, Wallet, wallets_for
from gateway.web.http.application import gateway_of

LANGUAGES = MappingProxyType(
    {
        "en": "English",
        "de": "Deutsch",
        "es": "Español",
        "fr": "Français",
        "ja": "日本語",
        "ko": "한국어",
        "pt-BR": "Português",
        "zh-Hans": "简体中文",
    }
)
"""Each language's own name, by its tag."""

Unit = Literal["day", "hour", "minute", "second"]

_LONGEST_HEADER = 400
_MOST_TAGS = 16
# British dates put the day before the month and name it, which is unambiguous everywhere.
_DATED_AS = {"en": "en_GB"}
_ANY = 10**9
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """One language: its translations, and its formats of numbers, amounts and times."""

    tag: str
    sentences: Mapping[str, str]
    locale: Locale

    def say(self, message: str, /, **values: object) -> str:
        """Translate an English sentence and fill in its placeholders."""
        return self.sentences.get(message, message).format_map(values)

    def number(self, value: Decimal | int) -> str:
        """A number with the digit grouping of the language: `21,000`."""
        return format_decimal(value, locale=self.locale)

    def sat(self, amount_msat: int) -> str:
        """An amount in sat: `100`, or `0.5` if it is not a whole number of sat."""
        return self.number(Decimal(amount_msat) / MSAT_PER_SAT)

    def fiat(self, amount_msat: int, rate: Rate) -> str:
        """An approximate amount of a currency: `≈ €0.09`, or `≈ USD 0.10`; below a cent, one significant digit."""
        # As the sheet's script computes and rounds it, so that page, sheet and receipt name one amount.
        value = Decimal(amount_msat / MSAT_PER_BITCOIN * rate.per_bitcoin)
        is_tiny = value < _CENT
        digits = -value.adjusted() if is_tiny else get_currency_precision(rate.currency)
        value = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        pattern = self.locale.currency_formats["standard"].pattern
        if rate.fallback:
            # The code of the currency in place of its symbol, with a space before digits.
            pattern = pattern.replace("¤#", "¤\xa0#").replace("¤", "¤¤")
        shown = format_currency(value, rate.currency, pattern, locale=self.locale, decimal_quantization=not is_tiny)
        return "≈ " + shown

    def measure(self, value: Decimal | int, unit: str, *, length: Literal["short", "long"] = "short") -> str:
        """A value with its unit: `6 min`, `2.1 MB`. `unit` is a CLDR unit such as `duration-minute`."""
        return format_unit(value, unit, length=length, locale=self.locale)

    def duration(self, count: int, unit: Unit) -> str:
        """A duration: `30 days`."""
        lasting = timedelta(**{f"{unit}s": count})
        return format_timedelta(lasting, granularity=unit, threshold=_ANY, locale=self.locale)

    def instant(self, at: int, *, to_the_second: bool = False) -> str:
        """Unix seconds as date and time in UTC. With `to_the_second`, non-zero seconds are shown."""
        moment = datetime.fromtimestamp(at, UTC)
        day = format_date(moment, "long", _DATED_AS.get(self.tag, self.locale))
        return f"{day}, {moment:{'%H:%M:%S' if to_the_second and moment.second else '%H:%M'}} UTC"


def words_of(request: web.Request) -> Words:
    """The language of a request: by `?lang=`, then by Accept-Language, then TUPPENCE_LANGUAGE."""
    wanted = (request.query.get("lang", ""), *accepted_tags(request.headers.get("Accept-Language", "")))
    found = next((tag for tag in map(_known, wanted) if tag is not None), None)
    return words_in(found or gateway_of(request).config.language)


@cache
def words_in(tag: str) -> Words:
    """The language of a tag in LANGUAGES."""
    assert tag in LANGUAGES, "the tag is one of LANGUAGES"
    return Words(tag, _sentences(tag), Locale.parse(tag, sep="-"))


def rate_for(request: web.Request) -> Rate | None:
    """The rate for the languages that the request accepts; None without a recent one."""
    return gateway_of(request).rates.of(accepted_tags(request.headers.get("Accept-Language", "")))


def wallets_of(request: web.Request, *, device: Device | None = None) -> list[Wallet]:
    """The wallets for the languages that the request accepts, and for a device."""
    tags = accepted_tags(request.headers.get("Accept-Language", ""))
    return wallets_for(gateway_of(request).wallets, tags, device=device)


async def past_rate_for(request: web.Request, *, at: int | None) -> Rate | None:
    """As `rate_for`, at the instant of a payment; None before one."""
    if at is None:
        return None
    return await gateway_of(request).rates.past(accepted_tags(request.headers.get("Accept-Language", "")), at=at)


class Fiat:
    """Converts amounts for one reader, in templates: `fiat(item.price_msat)`."""

    def __init__(self, rate: Rate | None, words: Words) -> None:
        self.rate, self._words = rate, words

    def __call__(self, amount_msat: int) -> str:
        """`≈ €0.09`; "" without a rate."""
        return "" if self.rate is None else self._words.fiat(amount_msat, self.rate)


def language_query(request: web.Request) -> str:
    """The query string that keeps a language chosen by `?lang=` in links to our pages; "" if none was chosen."""
    tag = _known(request.query.get("lang", ""))
    return "" if tag is None else f"?lang={tag}"


def accepted_tags(header: str) -> Iterator[str]:
    """The tags of an Accept-Language header, by descending quality."""
    weighed = []
    for part in header[:_LONGEST_HEADER].split(",")[:_MOST_TAGS]:
        tag, _, weight = part.partition(";")
        weighed.append((_quality(weight), tag.strip()))
    return (tag for quality, tag in sorted(weighed, key=lambda pair: -pair[0]) if quality > 0)


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


def _known(tag: str) -> str | None:
    """The tag in LANGUAGES for a requested one, ignoring the region: `ko-KR` is `ko`, `pt` is `pt-BR`."""
    wanted = tag.strip().lower().partition("-")[0]
    return next((ours for ours in LANGUAGES if ours.partition("-")[0] == wanted), None)


def _sentences(tag: str) -> Mapping[str, str]:
    if tag == "en":
        return {}
    with files("gateway.web").joinpath("locale", f"{tag.replace('-', '_')}.po").open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
