"""The identity of the simulated node, in files so that it is the same node after a restart.

Its key, its TLS certificate (ECDSA on P-256, as LND's) and its macaroons: `tuppence.macaroon` with the least that the
gateway needs to sell, `payout.macaroon` with the least to pay, and `admin.macaroon`, which allows all.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lndgrpc.compiled.lightning_pb2 import MacaroonId, Op

from gateway.access.macaroon import mint, parse
from gateway.ports.random_bytes import RandomBytes
from gateway.simulator.refusals import CallRefused
from gateway.wire.lnd_macaroon import BAKERY_VERSION, METHODS, PAYOUTS, SALES, operations

_ENTITIES = ("onchain", "offchain", "address", "message", "peers", "info", "invoices", "signer", "macaroon")
ADMIN = (*(f"{entity}:{action}" for entity in _ENTITIES for action in ("read", "write")), "macaroon:generate")
CERTIFICATE_DAYS = 425


class Identity:
    """The files of a simulated node in `folder`, created with mode 0600 if they are missing."""

    def __init__(self, folder: Path, *, random_bytes: RandomBytes, now: float) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._random_bytes = random_bytes
        self._folder = folder
        self._accepted: set[tuple[str, str]] = set()
        self.tls_cert_path = folder / "tls.cert"
        self.tls_key_path = folder / "tls.key"
        self.macaroon_path = folder / SALES.file_name
        self.payout_macaroon_path = folder / PAYOUTS.file_name
        self.admin_macaroon_path = folder / "admin.macaroon"
        self.key = self._keep("node.key", 32)
        self._root_key = self._keep("macaroon.key", 32)
        if not self.tls_cert_path.exists():
            self.renew_certificate(now=now)
        for path, purpose in ((self.macaroon_path, SALES), (self.payout_macaroon_path, PAYOUTS)):
            if not path.exists():
                self.bake(path, [f"uri:{method}" for method in purpose.needed])
        if not self.admin_macaroon_path.exists():
            self.bake(self.admin_macaroon_path, ADMIN)

    def renew_certificate(self, *, now: float) -> None:
        """Write a new certificate and key, as LND's `tlsautorefresh` does when the old one has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        start = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=CERTIFICATE_DAYS))
            .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(self.tls_key_path, private)
        _write(self.tls_cert_path, certificate.public_bytes(serialization.Encoding.PEM))

    def bake(self, path: Path, allowed: Iterable[str]) -> None:
        """Write a macaroon that allows these operations (`entity:action` or `uri:/method`)."""
        ops: dict[str, list[str]] = {}
        for operation in allowed:
            entity, _, action = operation.partition(":")
            ops.setdefault(entity, []).append(action)
        baked = MacaroonId(
            nonce=self._random_bytes(16),
            storageId=b"0",
            ops=[Op(entity=entity, actions=actions) for entity, actions in ops.items()],
        )
        identifier = bytes([BAKERY_VERSION]) + baked.SerializeToString()
        _write(path, mint(self._root_key, identifier, ()).to_bytes(location=b"lnd"))

    def check(self, macaroons: list[str], method: str) -> None:
        """Raise `CallRefused`, with LND's details, unless the hex macaroon of a call allows the method."""
        if len(macaroons) != 1:
            raise CallRefused("UNKNOWN", f"expected 1 macaroon, got {len(macaroons)}")
        if (macaroons[0], method) in self._accepted:
            return
        try:
            macaroon = bytes.fromhex(macaroons[0])
            allowed, parts = operations(macaroon), parse(macaroon)
        except ValueError as error:
            raise CallRefused("UNKNOWN", f"cannot decode macaroon: {error}") from error
        if parts.caveats or not parts.verify(self._root_key):
            raise CallRefused("UNKNOWN", "verification failed: signature mismatch after caveat verification")
        if METHODS[method] not in allowed and f"uri:{method}" not in allowed:
            raise CallRefused("UNKNOWN", "permission denied")
        self._accepted.add((macaroons[0], method))

    def _keep(self, name: str, size: int) -> bytes:
        path = self._folder / name
        if not path.exists():
            _write(path, self._random_bytes(size))
        return path.read_bytes()


def _names() -> list[x509.GeneralName]:
    return [x509.DNSName("localhost"), *[x509.IPAddress(ip_address(each)) for each in ("127.0.0.1", "::1")]]


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
