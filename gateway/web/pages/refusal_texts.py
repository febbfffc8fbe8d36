"""Translated texts of errors for the pages. The API's details stay English: programs read the `code`."""

from gateway.errors import OutcomeUnknown, TuppenceError, Unavailable
from gateway.web.http.language import Words

N_ = str
"""Marks a sentence for extraction into the catalogues; it is translated when it is shown."""

AWAY = N_("The creator's node is not answering. Nothing was charged; try again in a moment.")
NOTHING_HERE = N_("There is nothing at this address. It may have been cut short on its way to you.")
NO_LONGER_SOLD = N_("This is no longer for sale; what was paid still opens.")
REFUSED = N_("That did not work. Nothing was charged; try again in a moment.")

_TITLES = {
    402: N_("This has to be paid for"),
    403: N_("Not from here"),
    404: N_("Nothing here"),
    405: N_("Not this way"),
    422: N_("That will not do"),
    429: N_("One moment"),
    503: N_("The node is not answering"),
}
_UNTITLED = N_("That did not work")
_DETAILS = {
    "item_not_found": N_("There is nothing here under this name."),
    "creator_not_found": N_("There is no creator of this name here."),
    "item_archived": NO_LONGER_SOLD,
    "item_empty": N_("This has no content yet; its creator has to upload it first."),
    "origin_wrong": N_("This form came from another site; open the page itself and pay there."),
    "too_many_invoices": N_("Invoices are asked for too fast. Come back in a moment."),
    "too_many_open_invoices": N_("Too many of your invoices are unpaid. Pay one of them, or come back in a while."),
    "database_away": N_("The gateway is not answering just now. Nothing was charged; try again in a moment."),
    "recovery_unknown": N_("This code opens nothing here; compare it with the receipt, letter by letter."),
    "recovery_code_malformed": N_("A recovery code has twelve letters and digits, like 7KQ2-M4XD-9TRA."),
    "too_many_tries": N_("That was too many tries. Come back in a minute."),
    "tip_invalid": N_("Choose an amount, or write one as a number of sat."),
}
NOTE_TOO_LONG = N_("Shorten the note: at most {message} characters of message, {name} of name.")
TIP_INVALID = _DETAILS["tip_invalid"]


def title_of(status: int, words: Words) -> str:
    """A short title for a status."""
    return words.say(_TITLES.get(status, _UNTITLED))


def explain(error: TuppenceError, words: Words) -> str:
    """A refusal in words, with what to do about it, without the details of node errors."""
    if isinstance(error, OutcomeUnknown) or (isinstance(error, Unavailable) and error.code.startswith("node_")):
        return words.say(AWAY)
    return words.say(_DETAILS.get(error.code, REFUSED))
