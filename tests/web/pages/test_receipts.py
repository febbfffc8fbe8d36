"""The page of a receipt: what was bought, of whom, where, and the number that says which payment it was."""

import re
from base64 import b64decode, b64encode
from html import unescape
from urllib.parse import unquote

import pytest

from gateway.books.receipt_numbers import receipt_number
from gateway.config import Config
from gateway.web.http.language import LANGUAGES, words_in
from tests.access.test_tokens import narrowed
from tests.support.rows import START
from tests.support.site import Site

LONGEST_TITLE = "가" * 200
LONGEST_MAIL_LINK = 2_000
TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
NOTE = {"name": "Ines", "message": "For the map."}


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


async def page_of(site: Site, headers: dict[str, str], *, lang: str = "en") -> str:
    """The receipt's page, as a script asks for it."""
    status, page = await site.call("GET", f"/r?lang={lang}", headers=headers)
    assert status == 200
    return str(page)


async def tip(site: Site, **note: str) -> dict[str, str]:
    """A paid tip of 21 sat to bob; gives the headers that present its token."""
    _, invoice = await site.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 21_000} | note)
    await site.settle(invoice["payment_hash"])
    return {"Authorization": f"Bearer {invoice['access_token']}"}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_page_says_in_each_language_what_was_bought_where_and_of_whom(shop: Site, lang: str) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    page, words = await page_of(shop, headers, lang=lang), words_in(lang)
    for term in ("Receipt number", "Sold by", "Site", "Paid on"):
        assert f"<dt>{words.say(term)}</dt>" in page
    number = receipt_number(invoice["payment_hash"], START)
    for value in (number, "<bdi>Alice</bdi>", shop.gateway.config.public_host):
        assert f">{value}</dd>" in page
    assert words.say("{time} read", time=words.measure(1, "duration-minute")) in page


async def test_the_page_says_until_when_it_was_sold_though_the_item_has_changed_since(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"access_seconds": 86_400}, headers=shop.operator)
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"access_seconds": None}, headers=shop.operator)
    assert "1 min read, for 1 day" in await page_of(shop, headers)


@pytest.mark.both_databases
async def test_a_tips_page_has_the_note_that_its_payer_wrote_and_no_seller(shop: Site) -> None:
    page = await page_of(shop, await tip(shop, **NOTE))
    assert "A tip for Bob" in page
    assert "Sold by" not in page
    for words in ("Your message", *NOTE.values()):
        assert words in page
    assert "Your message" not in await page_of(shop, await tip(shop))


async def test_the_page_of_a_sealed_text_is_named_without_the_code_that_opens_it(shop: Site) -> None:
    sealed = {"page_url": "https://blog.example/essay", "word_count": 660}
    item = {"id": "sealed", "creator": "alice", "title": "Sealed", "price_msat": 100_000, "sealed": sealed}
    assert (await shop.call("POST", "/v1/admin/items", json=item, headers=shop.operator))[0] == 201
    invoice, headers = await shop.buy("sealed")
    await shop.settle(invoice["payment_hash"])
    assert ">blog.example/essay</dd>" in await page_of(shop, headers)


@pytest.mark.both_databases
async def test_what_a_number_leads_to_is_the_creators_own_and_the_operators(shop: Site) -> None:
    _, alice = await shop.call("POST", "/v1/admin/creators/alice/key", headers=shop.operator)
    keys = {"alice": {"Authorization": f"Bearer {alice['api_key']}"}, "operator": shop.operator}
    numbers = {}
    for who, headers in (("both", (await bought(shop))), ("operator", await tip(shop, **NOTE))):
        numbers[who] = (await shop.call("GET", "/v1/receipt", headers=headers))[1]["number"]
    for number, seen_by in ((numbers["both"], ["alice", "operator"]), (numbers["operator"], ["operator"])):
        for who, key in keys.items():
            status, found = await shop.call("GET", f"/v1/admin/payments?number={number.lower()}", headers=key)
            assert (status, [paid["number"] for paid in found]) == (200, [number] if who in seen_by else [])
    wrong_day = re.sub("^2027", "2026", numbers["both"])
    assert (await shop.call("GET", f"/v1/admin/payments?number={wrong_day}", headers=shop.operator))[1] == []
    status, problem = await shop.call("GET", "/v1/admin/payments?number=7KQ2M4", headers=shop.operator)
    assert (status, problem["code"]) == (422, "receipt_number_malformed")


async def bought(shop: Site) -> dict[str, str]:
    """Headers of a paid text."""
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    return headers


# To keep and to ask --------------------------------------------------------------------------------------------------


def links_of(page: str, name: str) -> list[str]:
    """The addresses of the links with this id."""
    return [unescape(href) for href in re.findall(rf'<a [^>]*id="{name}" href="([^"]*)"', page)]


def read_mail(link: str) -> tuple[str, dict[str, str]]:
    """To whom a `mailto:` link writes, and the fields that it fills in."""
    to, _, fields = link.removeprefix("mailto:").partition("?")
    return to, {name: unquote(value) for name, _, value in (field.partition("=") for field in fields.split("&"))}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_mail_to_oneself_holds_link_code_number_and_amount(shop: Site, lang: str) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"title": LONGEST_TITLE}, headers=shop.operator)
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    _, receipt = await shop.call("GET", "/v1/receipt", headers=headers)
    page = await page_of(shop, headers, lang=lang)
    [link], [mail] = links_of(page, "link"), links_of(page, "send")
    assert len(mail) < LONGEST_MAIL_LINK
    to, fields = read_mail(mail)
    assert (to, fields["subject"]) == ("", words_in(lang).say("Receipt {number}", number=receipt["number"]))
    assert fields["body"].endswith(f"\r\n\r\n{link}")
    for part in (receipt["recovery_code"], receipt["number"], "100 sat", words_in(lang).instant(START)):
        assert part in fields["body"]
    assert fields["body"].count(invoice["access_token"][:40]) == 1, "in the link's fragment alone"


async def test_a_narrowed_token_sends_nothing(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    token = b64encode(narrowed(b64decode(invoice["access_token"]), "x=1")).decode()
    page = await page_of(shop, {"Authorization": f"Bearer {token}"})
    assert (links_of(page, "send"), links_of(page, "link")) == ([], [])


@pytest.fixture
def config(config: Config, contact: str) -> Config:
    return config.model_copy(update={"contact": contact})


@pytest.fixture
def contact() -> str:
    """Nobody, unless a test says so."""
    return ""


@pytest.mark.parametrize("contact", ["mailto:help@pay.example"])
async def test_a_question_names_the_receipt_by_its_number_and_nothing_that_opens_it(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    _, receipt = await shop.call("GET", "/v1/receipt", headers=headers)
    page = await page_of(shop, headers)
    [link] = links_of(page, "contact")
    assert read_mail(link) == ("help@pay.example", {"subject": f"Receipt {receipt['number']}"})
    assert receipt["contact"] == "mailto:help@pay.example"
    assert "Ask help@pay.example" in page


@pytest.mark.parametrize("contact", ["https://pay.example/help?topic=receipts"])
async def test_a_page_for_questions_is_given_nothing(shop: Site) -> None:
    page = await page_of(shop, await bought(shop))
    assert links_of(page, "contact") == ["https://pay.example/help?topic=receipts"]
    assert "Ask pay.example<" in page


@pytest.mark.parametrize(
    ("origins", "place"),
    [([], []), (["https://a.example"], ["https://a.example"]), (["https://a.example", "https://b.example"], [])],
)
async def test_without_a_contact_the_only_site_that_sells_an_item_is_the_place_to_ask(
    shop: Site, origins: list[str], place: list[str]
) -> None:
    headers = await bought(shop)
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"allowed_origins": origins}, headers=shop.operator)
    page = await page_of(shop, headers)
    assert links_of(page, "contact") == place
    assert ("Questions?" in page) == bool(place)


@pytest.mark.parametrize("contact", ["mailto:help@pay.example", ""])
async def test_a_tip_is_asked_about_at_the_gateways_contact_alone(shop: Site, contact: str) -> None:
    page = await page_of(shop, await tip(shop))
    assert bool(links_of(page, "contact")) == bool(contact)
