"""The states of the embed, for the gallery and its pictures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """A state: the tag in the page, and the scene, which is what gateway and wallet do. `opens`: opens the sheet."""

    name: str
    caption: str
    tag: str
    scene: str
    opens: bool = False


_PAYWALL, _FILE, _TIP = 'tuppence-paywall item="essay"', 'tuppence-paywall item="calendar"', 'tuppence-tip to="nora"'

GALLERY = (
    ("In the page", (
        State("offered", "Offered", _PAYWALL, "plain"),
        State("file", "A file", _FILE, "plain"),
        State("tip", "A tip", _TIP, "plain"),
        State("button", "A button in a line", 'tuppence-button item="essay"', "plain"),
        State("fallback", "The gateway is away: the link inside the tag", _PAYWALL, "unreachable"),
        State("ended", "No longer for sale", _PAYWALL, "ended"),
    )),
    ("The sheet", (
        State("asking", "Asking for the invoice", _PAYWALL, "slow", opens=True),
        State("waiting", "Waiting", _PAYWALL, "plain", opens=True),
        State("last-minute", "The last minute", _PAYWALL, "short", opens=True),
        State("renewed", "Expired and renewed", _PAYWALL, "renewed", opens=True),
        State("tipping", "A tip of one's own", _TIP, "plain", opens=True),
        State("help", "First time", _PAYWALL, "help", opens=True),
        State("recover", "Paid before, elsewhere", _PAYWALL, "recover", opens=True),
        State("offline", "Offline", _PAYWALL, "offline", opens=True),
        State("away", "The node is away", _PAYWALL, "away", opens=True),
        State("elsewhere", "A site that may not sell it", _PAYWALL, "elsewhere", opens=True),
    )),
    ("With a wallet in the browser", (
        State("confirm", "Asked", _PAYWALL, "confirm", opens=True),
        State("silent", "Asked, and no answer", _PAYWALL, "silent", opens=True),
        State("refused", "Refused", _PAYWALL, "refused", opens=True),
        State("stale", "Expired while it may be paying", _PAYWALL, "stale", opens=True),
    )),
    ("Paid", (
        State("paid", "Paid", _PAYWALL, "paid", opens=True),
        State("open", "Open", _PAYWALL, "open", opens=True),
        State("yours", "Already yours", _PAYWALL, "yours"),
        State("file-open", "A file, paid", _FILE, "yours"),
        State("sealed", "A sealed text, bought where it is not", _PAYWALL, "sealed"),
        State("broken", "A sealed text that was changed", f'{_PAYWALL} sealed="e30.A.A.A"', "broken"),
        State("thanked", "A tip, thanked for", _TIP, "open", opens=True),
    )),
)  # fmt: skip

STATES = {state.name: state for _, states in GALLERY for state in states}
