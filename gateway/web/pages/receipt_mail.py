"""What a payer sends to themselves, and whom they ask: a receipt as a text, and as links to write a mail.

A mail program or another app is handed the receipt's link and code; no server is, as a `mailto:` link sends nothing.
"""

from urllib.parse import quote, urlsplit

from gateway.web.http.language import Words
from gateway.web.pages.views import View

MAIL = "mailto:"
MOST_TITLE_CHARACTERS = 60
"""Mail programs cut a `mailto:` link at about 2,000 characters, of which a letter may be nine."""


def own_copy(receipt: View, words: Words) -> View:
    """The receipt for the share sheet (`subject`, `text` and the link), and for a mail (`mail`)."""
    title = receipt["title"]
    if len(title) > MOST_TITLE_CHARACTERS:
        title = title[: MOST_TITLE_CHARACTERS - 1] + "…"
    amount = words.say("{sat} sat", sat=receipt["amount_sat"])
    subject = words.say("Receipt {number}", number=receipt["number"])
    paid = " ".join(filter(None, (amount, receipt["fiat"])))
    code = words.say(
        "Recovery code: {code} (enter it at {address})", code=receipt["code"], address=receipt["recover_at"]
    )
    text = "\n".join((title, paid, receipt["settled"], subject, code))
    return {"subject": subject, "text": text, "mail": _mail("", subject, f"{text}\n\n{receipt['link']}")}


def contact_view(contact: str | None, number: str | None, words: Words) -> View | None:
    """Where to ask about a receipt; its number is the subject of a mail, and nothing else of it is passed on."""
    if contact is None:
        return None
    if not contact.startswith(MAIL):
        return {"href": contact, "place": urlsplit(contact).netloc}
    address = contact.removeprefix(MAIL)
    subject = words.say("Receipt {number}", number=number)
    return {"href": _mail(address, subject), "place": address}


def _mail(to: str, subject: str, body: str = "") -> str:
    fields = {"subject": subject, "body": body.replace("\n", "\r\n")}
    return f"{MAIL}{to}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items() if value)
