"""Checks of the public address: DNS name, TLS, proxy, and whether this gateway is what answers there."""

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from gateway.cli.doctor.check_result import CheckResult
from gateway.config import Config

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=10)
MOST_BYTES = 65_536
# The server keeps the stream open for twice as long after its first event.
HELD_SECONDS = 1.0
GATEWAY_ERRORS = (502, 503, 504)


def check_public_url(config: Config) -> CheckResult:
    """Whether the configured public address is encrypted, or for this machine alone."""
    parts = urlsplit(config.public_url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return CheckResult("good", f"public address {config.public_url}")
    if host == "localhost" or host.endswith(".onion") or _is_loopback(host):
        return CheckResult("good", f"public address {config.public_url}, for this machine")
    return CheckResult(
        "bad", f"{config.public_url} is not encrypted", "Put a proxy with TLS in front; set TUPPENCE_PUBLIC_URL."
    )


def check_proxies(config: Config) -> CheckResult:
    """Whether the limits tell clients apart: behind a proxy that is not trusted they all have its address."""
    local = _is_loopback(config.listen_host)
    if local and urlsplit(config.public_url).scheme == "https" and not config.trusted_proxies:
        hint = "Set TUPPENCE_TRUSTED_PROXIES=127.0.0.1 (your proxy), or all readers share one limit."
        return CheckResult("warning", "behind a proxy all readers come from one address", hint)
    return CheckResult("good", "limits hold per reader's network")


async def check_public_address(config: Config, *, running: bool) -> tuple[bool, list[CheckResult]]:
    """Whether this gateway answers there, and the results. Where no server runs, no answer is a warning only."""
    url = config.public_url
    if (urlsplit(url).hostname or "").endswith(".onion"):
        return False, [CheckResult("warning", f"{url} was not fetched: that needs Tor", "Look at it with Tor Browser.")]
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=True) as session:
            result = await _identity(session, config)
            if result.status == "good":
                return True, [result, await _stream(session, url)]
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        result = _unreachable(url, error)
    if not running and result.what.startswith(_silence(url)):
        return False, [CheckResult("warning", result.what, "Start the server, and run the doctor again.")]
    return False, [result]


async def _identity(session: aiohttp.ClientSession, config: Config) -> CheckResult:
    """Whether this gateway answers: only a process with the same keys can compute the proof for a fresh nonce."""
    url = config.public_url
    nonce, other = secrets.token_hex(16), secrets.token_hex(16)
    async with _get(session, f"{url}/v1/identity?nonce={nonce}") as response:
        if response.status in range(300, 400):
            to = response.headers.get("Location", "elsewhere")
            return CheckResult(
                "bad",
                f"{url} redirects to {to}",
                "Set TUPPENCE_PUBLIC_URL to an address that does not redirect.",
            )
        if response.status in GATEWAY_ERRORS:
            hint = f"It must pass requests on to {config.listen}. Its log says why it does not."
            return CheckResult("bad", f"{_silence(url)}: a proxy answers with {response.status}", hint)
        body = await _read(response)
    expected = _proof(config.shared_folder / "keys", nonce)
    if expected is not None and _proof_in(body) == expected:
        return CheckResult("good", f"{url} is this gateway, fetched over the public address")
    if _proof_in(body):
        async with _get(session, f"{url}/v1/identity?nonce={other}") as response:
            if _proof_in(await _read(response)) == _proof_in(body):
                return CheckResult(
                    "bad",
                    f"a cache answers at {url}",
                    "It must respect no-store and the query of an address.",
                )
        hint = "Its keys are not those of this folder. Check TUPPENCE_PUBLIC_URL, TUPPENCE_SHARED_DIR and the proxy."
        return CheckResult("bad", f"another gateway answers at {url}", hint)
    kind = response.headers.get("Content-Type", "no type").partition(";")[0]
    hint = (
        "It may be a login page, another site, a wrong path, or an older version that still runs. Every request "
        f"to this address must reach {config.listen} unchanged."
    )
    return CheckResult("bad", f"what answers at {url} is not this gateway: status {response.status}, {kind}", hint)


async def _stream(session: aiohttp.ClientSession, url: str) -> CheckResult:
    """Whether an event arrives when it is sent, and not only when its stream ends."""
    loop = asyncio.get_running_loop()
    hint = "Readers would not see that they have paid: turn off buffering and compression of text/event-stream."
    first_at = None
    async with _get(session, f"{url}/v1/identity/events") as response:
        if response.content_type != "text/event-stream":
            return CheckResult("bad", f"streams of {url} arrive as {response.content_type}", hint)
        async for _ in response.content.iter_any():
            first_at = first_at or loop.time()
    if first_at is None or loop.time() - first_at < HELD_SECONDS:
        return CheckResult("bad", f"something before {url} delays events", hint)
    return CheckResult("good", f"events of {url} arrive without delay")


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


def _proof_in(body: bytes) -> str:
    """The proof in an answer; empty where there is none."""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    return str(told.get("proof", "")) if isinstance(told, dict) else ""


def _proof(folder: Path, nonce: str) -> str | None:
    from gateway.access.gateway_proof import prove
    from gateway.errors import Unavailable
    from gateway.store.files.keyring import FileKeyRing

    if not any(folder.glob("*.key")):
        return None
    try:
        return prove(FileKeyRing.open(folder), nonce)
    except Unavailable:
        return None


def _silence(url: str) -> str:
    return f"nothing answers at {url}"


def _unreachable(url: str, error: Exception) -> CheckResult:
    host = urlsplit(url).hostname
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return CheckResult(
            "bad", f"the name {host} is not known", "Set its DNS record, or correct TUPPENCE_PUBLIC_URL."
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return CheckResult("bad", f"the certificate of {host} is refused: {reason}", "Renew it at the proxy.")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return CheckResult(
            "bad", f"{host} does not speak TLS there", "Check the proxy, and the port in TUPPENCE_PUBLIC_URL."
        )
    reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    hint = "Check the proxy and the firewall. Some routers do not reach their own address: try from elsewhere."
    return CheckResult("bad", f"{_silence(url)}: {reason}", hint)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
