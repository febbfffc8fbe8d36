"""The public address as a reader reaches it: name, TLS, proxy, and that it is this gateway that answers."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from gateway.cli.doctor.check_result import Sign
from gateway.config import Config

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=10)
MOST_BYTES = 65_536
# The server holds the stream open for twice as long after its first event.
HELD_SECONDS = 1.0
GATEWAY_ERRORS = (502, 503, 504)


async def look_at_public_address(config: Config, *, running: bool) -> tuple[bool, list[Sign]]:
    """Whether this gateway answers there, and what was found. Where no server runs, silence is no fault."""
    url = config.public_url
    if (urlsplit(url).hostname or "").endswith(".onion"):
        return False, [Sign("warning", f"{url} was not fetched: that needs Tor", "Look at it with Tor Browser.")]
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=True) as session:
            sign = await _identity(session, config)
            if sign.health == "good":
                return True, [sign, await _stream(session, url)]
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        sign = _unreachable(url, error)
    if not running and sign.what.startswith(_silence(url)):
        return False, [Sign("warning", sign.what, "Start the server, and ask the doctor again.")]
    return False, [sign]


async def _identity(session: aiohttp.ClientSession, config: Config) -> Sign:
    """Only who holds the same keys knows the answer to a new question."""
    url = config.public_url
    nonce, other = secrets.token_hex(16), secrets.token_hex(16)
    async with _get(session, f"{url}/v1/identity?nonce={nonce}") as response:
        if response.status in range(300, 400):
            to = response.headers.get("Location", "elsewhere")
            return Sign("bad", f"{url} leads to {to}", "Set TUPPENCE_PUBLIC_URL to the address that answers by itself.")
        if response.status in GATEWAY_ERRORS:
            hint = f"It must pass requests on to {config.listen}. Its log says why it does not."
            return Sign("bad", f"{_silence(url)}: a proxy answers with {response.status}", hint)
        body = await _read(response)
    expected = _proof(config.shared_folder / "keys", nonce)
    if expected is not None and _told(body) == expected:
        return Sign("good", f"{url} is this gateway, fetched as a reader does")
    if _told(body):
        async with _get(session, f"{url}/v1/identity?nonce={other}") as response:
            if _told(await _read(response)) == _told(body):
                return Sign(
                    "bad", f"a cache answers at {url}", "It must keep nothing that says no-store, nor drop queries."
                )
        hint = "Its keys are not those of this folder. Check TUPPENCE_PUBLIC_URL, TUPPENCE_SHARED_DIR and the proxy."
        return Sign("bad", f"another gateway answers at {url}", hint)
    kind = response.headers.get("Content-Type", "no type").partition(";")[0]
    hint = (
        "A login page, another site, a wrong path, or an older version that still runs: whatever is asked for under "
        f"this address must reach {config.listen} unchanged."
    )
    return Sign("bad", f"what answers at {url} is not this gateway: status {response.status}, {kind}", hint)


async def _stream(session: aiohttp.ClientSession, url: str) -> Sign:
    """An event must arrive when it is sent, and not with the end of its stream."""
    loop = asyncio.get_running_loop()
    hint = "Readers would not see that they have paid: turn off buffering and compression of text/event-stream."
    first_at = None
    async with _get(session, f"{url}/v1/identity/events") as response:
        if response.content_type != "text/event-stream":
            return Sign("bad", f"streams of {url} arrive as {response.content_type}", hint)
        async for _ in response.content.iter_any():
            first_at = first_at or loop.time()
    if first_at is None or loop.time() - first_at < HELD_SECONDS:
        return Sign("bad", f"something on the way to {url} holds events back", hint)
    return Sign("good", f"events of {url} arrive when they are sent")


@asynccontextmanager
async def _get(session: aiohttp.ClientSession, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with session.get(url, allow_redirects=False) as response:
        yield response


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for part in response.content.iter_any():
        body += part
        if len(body) > MOST_BYTES:
            break
    return body


def _told(body: bytes) -> str:
    """The proof in an answer; empty where it has none."""
    import json

    try:
        told = json.loads(body)
    except ValueError:
        return ""
    return str(told.get("proof", "")) if isinstance(told, dict) else ""


def _proof(folder: Path, nonce: str) -> str | None:
    from gateway.errors import Unavailable
    from gateway.store.files.keyring import FileKeyRing
    from gateway.web.api.identity import prove

    if not any(folder.glob("*.key")):
        return None
    try:
        return prove(FileKeyRing.open(folder), nonce)
    except Unavailable:
        return None


def _silence(url: str) -> str:
    return f"nothing answers at {url}"


def _unreachable(url: str, error: Exception) -> Sign:
    host = urlsplit(url).hostname
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Sign("bad", f"the name {host} is not known", "Set its DNS record, or mend TUPPENCE_PUBLIC_URL.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return Sign("bad", f"the certificate of {host} is refused: {reason}", "Renew it at the proxy.")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Sign("bad", f"{host} does not speak TLS there", "Check the proxy, and the port in TUPPENCE_PUBLIC_URL.")
    reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    hint = "Check the proxy and the firewall. A router that hides its own address: ask from elsewhere."
    return Sign("bad", f"{_silence(url)}: {reason}", hint)
