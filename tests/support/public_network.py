"""A public internet in one process: names, certificates, and hosts that answer at every address."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import AddrInfoType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PUBLIC_IPV4, PUBLIC_IPV6 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
CERTIFIED = ("pay.example", "other.example", "rebinding.example", "xn--mnchen-3ya.example", PUBLIC_IPV4, PUBLIC_IPV6)
"""The hosts whose names the certificate of every host has."""

Infos = Sequence[tuple[Any, ...]]


@dataclass(slots=True)
class PublicNetwork:
    """Resolves `names`, and connects whatever address is dialed to the one host at `path`.

    A name has one list of addresses for each time that it is asked for; the last one stays. `dialed` are the addresses
    that a connection was tried to.
    """

    path: str
    names: dict[str, list[list[str]]] = field(default_factory=dict)
    dialed: list[tuple[str, int]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)

    def look_up(self, name: str, port: int) -> Infos:
        """As `socket.getaddrinfo`."""
        self.resolved.append(name)
        answers = self.names.get(name) or []
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [_info(address, port) for address in addresses]

    def open_socket(self, _: AddrInfoType) -> socket.socket:
        """A socket that notes where it is connected to, and goes to the host instead."""
        return _Rerouted(self.path, self.dialed)


class _Rerouted(socket.socket):
    """A Unix socket: the event loop does not look at the address, which is one of TCP."""

    def __init__(self, path: str, dialed: list[tuple[str, int]]) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path, self._dialed = path, dialed

    def connect(self, address: Any) -> None:
        """Note the address."""
        self._dialed.append((address[0], address[1]))
        super().connect(self._path)


@asynccontextmanager
async def public_network(
    app: web.Application, *, certified: tuple[str, ...] = CERTIFIED, tls: ssl.SSLContext | None = None
) -> AsyncIterator[PublicNetwork]:
    """A network whose one host is this application, over TLS: with a certificate for these names, or as `tls` says."""
    # A host that never answers is ended by the end of its connection.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "host")
        await web.UnixSite(runner, path, ssl_context=tls or host_context(certified)).start()
        try:
            yield PublicNetwork(path, {"pay.example": [[PUBLIC_IPV4, PUBLIC_IPV6]]})
        finally:
            await runner.cleanup()


@cache
def client_context() -> ssl.SSLContext:
    """Trusts the authority of these certificates alone, as `ssl.create_default_context()` does the system's."""
    return ssl.create_default_context(cadata=_pem(_authority()[0]).decode())


@cache
def host_context(names: tuple[str, ...], *, days: int = 2, signed_by_itself: bool = False) -> ssl.SSLContext:
    """A host with a certificate for these names, valid from yesterday for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = key if signed_by_itself else _authority()[1]
    certificate = _certificate("host", key, signer, _alternatives(names), days=days, is_authority=False)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "host.pem"
        path.write_bytes(_pem(certificate) + _private(key))
        context.load_cert_chain(path)
    return context


@cache
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    return _certificate("authority", key, key, None, days=2, is_authority=True), key


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    alternatives: x509.SubjectAlternativeName | None,
    *,
    days: int,
    is_authority: bool,
) -> x509.Certificate:
    start = datetime.now(UTC) - timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if alternatives is not None:
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _alternatives(names: Iterable[str]) -> x509.SubjectAlternativeName:
    def of(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    return x509.SubjectAlternativeName([of(name) for name in names])


def _info(address: str, port: int) -> tuple[Any, ...]:
    bare, _, scope = address.partition("%")
    if ":" in bare:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (bare, port, 0, int(scope or 0))
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (bare, port)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
