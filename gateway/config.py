"""The configuration, read from environment variables TUPPENCE_… and from `.env` in the working folder."""

import os
import re
import sys
from decimal import Decimal
from functools import cached_property
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.errors import Invalid
from gateway.money import MAX_MSAT, MSAT_PER_SAT

PREFIX = "TUPPENCE_"
ENV_FILE = ".env"
# Read by commands that call a remote gateway; a server ignores them.
OF_COMMANDS = GATEWAY, API_KEY = "TUPPENCE_GATEWAY", "TUPPENCE_API_KEY"
ADMIN_SOCKET = "admin.sock"
MOST_SAT = MAX_MSAT // MSAT_PER_SAT
LONGEST_SOCKET = 107 if sys.platform == "linux" else 103
_RATE = re.compile("[1-9][0-9]{0,8}/(second|minute|hour|day)")
# A mail has its subject from the receipt.
_CONTACT = re.compile(
    r"mailto:[A-Za-z0-9._+~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!#-;=?-~]*)?"
)
# A public path that begins with one of our routes would be ambiguous.
_PATH = re.compile(r"(?!/(i|t|v1|embed|static)(/|\Z))(/[A-Za-z0-9][A-Za-z0-9._~-]*)*")


class Config(BaseSettings):
    """All variables; the table of the reference is generated from these fields."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True)

    listen: str = Field("127.0.0.1:8402", description="host:port to listen on, for readers or a proxy")
    public_url: str = Field(
        "", description="public URL of the gateway, with or without a path; default `http://` and `TUPPENCE_LISTEN`"
    )
    lnd_target: str = Field("", description="host:port of LND's gRPC")
    lnd_tls_cert: Path | None = Field(None, description="path of LND's tls.cert")
    lnd_macaroon: Path | None = Field(
        None, description="path of a macaroon baked for invoices (`tuppence doctor` prints how)"
    )
    lnd_nodes: Path | None = Field(
        None, description="path of a TOML file of several nodes, instead of these three variables"
    )
    data_dir: Path = Field(Path("data"), description="folder of the database, keys and content")
    shared_dir: Path | None = Field(
        None, description="folder of keys, content and operator key that replicas share; default: the data folder"
    )
    database_url: str = Field(
        "", description="`postgresql+asyncpg://user:password@host/database`; default: SQLite in the data folder"
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="addresses or networks whose X-Forwarded-For, or else Forwarded, is trusted, comma separated"
    )
    invoice_expiry_seconds: int = Field(600, ge=30, le=86_400, description="lifetime of an invoice, 30 to 86400")
    tip_note_days: int = Field(
        90, ge=1, le=3_650, description="how long the names and messages of tips are kept, 1 to 3650"
    )
    allow_spending_macaroon: bool = Field(
        default=False, description="accept a macaroon with more permissions than needed"
    )
    payout_macaroon: Path | None = Field(
        None,
        description="path of a macaroon baked for payments (`tuppence doctor` prints how), without which there are no "
        "payouts; of several nodes, each has its own in their file",
    )
    payout_fee_percent: Decimal = Field(
        Decimal(1),
        ge=0,
        le=50,
        decimal_places=2,
        description="fee limit of a payout in percent of its amount, 0 to 50; at least 1 sat is allowed",
    )
    payout_fee_sat: int = Field(
        100, ge=1, le=1_000_000, description="fee limit of a payout in sat; the lower one holds"
    )
    payout_most_sat: int = Field(100_000, ge=1, le=MOST_SAT, description="most sat of one payout or refund")
    payout_creator_day_sat: int = Field(
        200_000, ge=1, le=MOST_SAT, description="most sat that one creator is paid in any 24 hours"
    )
    payout_day_sat: int = Field(1_000_000, ge=1, le=MOST_SAT, description="most sat that leaves in any 24 hours")
    destination_delay_hours: int = Field(
        24,
        ge=0,
        le=8_760,
        description="hours until a destination that a creator's key has set takes effect; the operator's does at once",
    )
    metrics_token: str = Field(
        "",
        description="bearer token of /metrics; if unset, it is served on the admin socket, and on loopback if "
        "`TUPPENCE_PUBLIC_URL` is loopback as well",
    )
    language: str = Field(
        "en",
        pattern="^(de|en|es|fr|ja|ko|pt-BR|zh-Hans)$",
        description="default language of the pages: de, en, es, fr, ja, ko, pt-BR or zh-Hans",
    )
    rates_url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="URL of exchange rates in the format of `https://mempool.space/api/v1/prices`; "
        "polled every 10 minutes, kept by the hour for receipts, shown beside sat, never used for a price",
    )
    wallets: Path | None = Field(
        None, description="path of a TOML file of wallets for readers who have none, instead of the gateway's own list"
    )
    contact: str = Field(
        "",
        description="where readers ask about a payment, named on every receipt: `mailto:help@pay.example` or an https "
        "URL; by default a receipt names the site that sells the item, if it is sold on one alone",
    )
    outgoing_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="host:port pairs of the own network, comma separated, that addresses of creators and payers may "
        "lead to, also without TLS; all other inward addresses are refused",
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    invoices_per_client: str = Field("30/minute", description="new invoices per client")
    invoices_per_item: str = Field(
        "1200/minute",
        description="new invoices per item or tip page; half as many again for clients without unpaid ones",
    )
    invoices_overall: str = Field(
        "100/second", description="new invoices overall; half as many again for clients without unpaid ones"
    )
    open_invoices_per_client: PositiveInt = Field(
        20, description="unpaid invoices per client; a quarter of them through one foreign site"
    )
    open_invoices: PositiveInt = Field(
        10_000, description="unpaid invoices overall; half as many again for clients without unpaid ones"
    )
    waiters_per_invoice: PositiveInt = Field(8, description="event streams per invoice")
    waiters: PositiveInt = Field(10_000, description="event streams overall")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())

    @field_validator("outgoing_allow", mode="before")
    @classmethod
    def _hosts_and_ports(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_host_and_port(part.strip().lower()) for part in value.split(",") if part.strip())

    @field_validator("contact")
    @classmethod
    def _contact(cls, value: str) -> str:
        if value and not _CONTACT.fullmatch(value):
            msg = "write it like mailto:help@pay.example or https://pay.example/help"
            raise ValueError(msg)
        return value

    @field_validator("data_dir")
    @classmethod
    def _room_for_a_socket(cls, value: Path) -> Path:
        if len(os.fsencode(value / ADMIN_SOCKET)) > LONGEST_SOCKET:
            msg = f"the path of a socket in it is longer than the {LONGEST_SOCKET} bytes that this system allows; "
            raise ValueError(msg + "name a shorter one, or one from the working folder")
        return value

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            msg = "write it as host:port, for example 127.0.0.1:8402"
            raise ValueError(msg)
        return value

    @field_validator("invoices_per_client", "invoices_per_item", "invoices_overall")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not _RATE.fullmatch(value):
            msg = "write it as a number per second, minute, hour or day, for example 30/minute"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _derived(self) -> Self:
        url = self.public_url.rstrip("/") or f"http://{self.listen}"
        parts = urlsplit(url)
        # Reading the port raises ValueError if it is out of range. Port 0 is allowed only from TUPPENCE_LISTEN, where
        # the system chooses one.
        odd = (parts.port == 0 and self.public_url) or "@" in parts.netloc or parts.query or parts.fragment
        if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
            msg = "write it like https://pay.example"
            raise ValueError(msg)
        if not _PATH.fullmatch(parts.path):
            msg = "write its path like https://blog.example/pay, of letters, digits and - . _ ~, and not as one of ours"
            raise ValueError(msg)
        object.__setattr__(self, "public_url", url)
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.data_dir / 'tuppence.db'}")
        return self

    @property
    def shared_folder(self) -> Path:
        """The folder of keys, content and the operator's key."""
        return self.shared_dir or self.data_dir

    @property
    def listen_host(self) -> str:
        """The host to bind, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def listen_port(self) -> int:
        """The port to bind; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @property
    def public_host(self) -> str:
        """The host and port of the public URL, as in memos."""
        return urlsplit(self.public_url).netloc

    @cached_property
    def public_path(self) -> str:
        """The path of the public URL, such as `/pay`; mostly ""."""
        return urlsplit(self.public_url).path

    @property
    def admin_socket(self) -> Path:
        """The admin socket of a running server."""
        return self.data_dir / ADMIN_SOCKET


def _host_and_port(text: str) -> str:
    """One exception as the guard compares it. Raises ValueError."""
    host, _, port = text.rpartition(":")
    bare = host.strip("[]")
    if not re.fullmatch(r"\[[0-9a-f:.]+\]|[a-z0-9_.-]+", host) or not port.isdecimal() or not 0 < int(port) < 65_536:
        msg = "write each as host:port, for example 127.0.0.1:5000 or [::1]:5000"
        raise ValueError(msg)
    return f"[{IPv6Address(bare)}]:{int(port)}" if ":" in bare else f"{host.removesuffix('.')}:{int(port)}"


def load_config(**overrides: object) -> Config:
    """Read the environment and `.env`. Raises `Invalid` naming the variable that is wrong or unknown."""
    try:
        in_file = dotenv_values(ENV_FILE)
    except (OSError, ValueError) as error:
        raise Invalid("config_invalid", f"{ENV_FILE} of this folder cannot be read: {error}.") from error
    known = {PREFIX + name.upper() for name in Config.model_fields}.union(OF_COMMANDS)
    unknown = sorted({name for name in (*os.environ, *in_file) if name.startswith(PREFIX)} - known)
    if unknown:
        raise Invalid("config_invalid", f"{', '.join(unknown)}: no such variable; known are {', '.join(sorted(known))}")
    try:
        return Config(**overrides)  # type: ignore[arg-type]  # pydantic checks the values itself
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(next(iter(first["loc"]), "public_url")).upper()
        raise Invalid("config_invalid", f"{name}: {first['msg'].removeprefix('Value error, ')}") from error


def in_env_file(name: str) -> str:
    """The value of a variable in `.env`; "" if it is not set there."""
    return dotenv_values(ENV_FILE).get(name) or ""


def read_env_file(path: Path) -> dict[str, object]:
    """A `KEY=value` file of TUPPENCE_ variables as overrides for `load_config`."""
    return {name.removeprefix(PREFIX).lower(): value for name, value in dotenv_values(path).items()}
