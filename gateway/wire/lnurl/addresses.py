"""Lightning Addresses (LUD-16) and LNURLs (LUD-01, LUD-17): text that stands for a URL to ask."""

import re
from dataclasses import dataclass

from gateway.wire.bech32 import bytes_to_words, open_bech32, words_to_bytes, write_bech32

LONGEST_ADDRESS = 320
LONGEST_LNURL = 4_096
HUMAN = "lnurl"

_ADDRESS = re.compile(r"(?P<user>[a-z0-9._+-]{1,64})@(?P<host>[a-z0-9._-]{1,253}?)\.?(?::(?P<port>[0-9]{1,5}))?")
_LINK = re.compile(r"lnurlp://(?P<rest>(?P<host>[^:/?#]+)[!-~]*)", re.IGNORECASE)
# An LNURL as the parameter of a page's own address, for those without a wallet (LUD-01).
_FALLBACK = re.compile(r"https?://[!-~]*[?&]lightning=(?P<lnurl>lnurl1[a-z0-9]+)(?:[&#].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LightningAddress:
    """`user@host`, in lower case; `host` may have a port, and no final dot."""

    user: str
    host: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"

    def url(self, scheme: str = "https") -> str:
        """Where its offer is (LUD-16)."""
        return f"{scheme}://{self.host}/.well-known/lnurlp/{self.user}"


def read_address(text: str) -> LightningAddress:
    """Read a Lightning Address; capitals are forgiven. Raises ValueError if it is none."""
    match = _ADDRESS.fullmatch(text.lower()) if len(text) <= LONGEST_ADDRESS and text.isascii() else None
    if match is None:
        raise ValueError("a Lightning Address is written like name@example.com, with letters, digits and . _ + - only")
    port = int(match["port"] or 443)
    return LightningAddress(user=match["user"], host=match["host"] if port == 443 else f"{match['host']}:{port}")


def read_lnurl(text: str) -> str:
    """The URL that an LNURL stands for: bech32, a link of LUD-17, or a page's address with one in it.

    Raises ValueError if it is none. The URL is what its author wrote, and not checked.
    """
    if len(text) > LONGEST_LNURL:
        raise ValueError(f"an LNURL of more than {LONGEST_LNURL} characters is not read")
    if link := _LINK.fullmatch(text):
        return f"{'http' if link['host'].lower().endswith('.onion') else 'https'}://{link['rest']}"
    fallback = _FALLBACK.fullmatch(text)
    human, words = open_bech32(fallback["lnurl"] if fallback else text)
    if human != HUMAN:
        raise ValueError(f"it begins with {human}1, and an LNURL with {HUMAN}1")
    try:
        return words_to_bytes(words).decode()
    except UnicodeDecodeError as error:
        raise ValueError("what it stands for is no text") from error


def write_lnurl(url: str) -> str:
    """The LNURL of a URL, in lower case; a QR code of it in capitals is smaller."""
    return write_bech32(HUMAN, bytes_to_words(url.encode()))
