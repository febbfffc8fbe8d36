"""The configuration: wrong values and unknown variables are refused by name at start."""

from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import PREFIX, Config, load_config, read_env_file
from gateway.errors import Invalid


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_variable_is_optional() -> None:
    config = load_config()
    assert (config.listen, config.public_url) == ("127.0.0.1:8402", "http://127.0.0.1:8402")
    assert (config.data_dir, config.database_url) == (Path("data"), "sqlite:///data/tuppence.db")
    assert (config.listen_host, config.listen_port, config.public_host) == ("127.0.0.1", 8402, "127.0.0.1:8402")
    assert config.invoice_expiry_seconds == 600
    assert not config.allow_spending_macaroon
    assert config.trusted_proxies == ()
    assert config.admin_socket == Path("data/admin.sock")


def test_payouts_are_off_and_limited_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config()
    assert config.payout_macaroon is None
    assert (config.payout_fee_percent, config.payout_fee_sat) == (Decimal(1), 100)
    assert (config.payout_most_sat, config.payout_creator_day_sat, config.payout_day_sat) == (
        100_000,
        200_000,
        1_000_000,
    )
    assert config.destination_delay_hours == 24
    monkeypatch.setenv("TUPPENCE_PAYOUT_FEE_PERCENT", "0.5")
    monkeypatch.setenv("TUPPENCE_DESTINATION_DELAY_HOURS", "0")
    config = load_config()
    assert (config.payout_fee_percent, config.destination_delay_hours) == (Decimal("0.5"), 0)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUPPENCE_LISTEN", "[::1]:9000")
    monkeypatch.setenv("TUPPENCE_PUBLIC_URL", "https://pay.example/")
    monkeypatch.setenv("TUPPENCE_TRUSTED_PROXIES", "10.0.0.0/8, ::1,192.0.2.7")
    config = load_config()
    assert (config.listen_host, config.listen_port) == ("::1", 9000)
    assert (config.public_url, config.public_host) == ("https://pay.example", "pay.example")
    assert config.trusted_proxies == tuple(ip_network(text) for text in ("10.0.0.0/8", "::1", "192.0.2.7"))


def test_the_env_file_is_read_and_the_environment_overrides_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("TUPPENCE_DATA_DIR=/srv/tuppence\nTUPPENCE_LOG_LEVEL=debug\nOTHER=1\n")
    monkeypatch.setenv("TUPPENCE_LOG_LEVEL", "warning")
    config = load_config()
    assert (config.data_dir, config.log_level) == (Path("/srv/tuppence"), "warning")
    assert load_config(data_dir=Path("here")).data_dir == Path("here")


@pytest.mark.parametrize("where", ["environment", "file"])
def test_an_unknown_variable_is_refused_with_the_known_ones(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "environment":
        monkeypatch.setenv("TUPPENCE_LISTN", "127.0.0.1:1")
    else:
        (elsewhere / ".env").write_text("TUPPENCE_LISTN=127.0.0.1:1\n")
    with pytest.raises(Invalid, match=r"TUPPENCE_LISTN: no such variable; known are .*TUPPENCE_LISTEN") as refusal:
        load_config()
    assert refusal.value.code == "config_invalid"


@pytest.mark.parametrize(
    "contact",
    ["", "mailto:help@pay.example", "https://pay.example", "https://pay.example:8443/help?topic=receipts#form"],
)
def test_a_contact_is_a_mail_address_or_a_page(contact: str) -> None:
    assert load_config(contact=contact).contact == contact


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "8402"),
        ("LISTEN", ":8402"),
        ("LISTEN", "localhost:http"),
        ("LISTEN", "localhost:65536"),
        ("LISTEN", "localhost:-1"),
        ("PUBLIC_URL", "pay.example"),
        ("PUBLIC_URL", "ftp://pay.example"),
        ("PUBLIC_URL", "https://pay.example/?a=b"),
        ("PUBLIC_URL", "https://pay.example/#a"),
        ("PUBLIC_URL", "https://["),
        ("CONTACT", "help@pay.example"),
        ("CONTACT", "mailto:help"),
        ("CONTACT", "mailto:help@pay.example?subject=Hello"),
        ("CONTACT", "mailto:help@pay.example,you@pay.example"),
        ("CONTACT", "http://pay.example/help"),
        ("CONTACT", "https://me@pay.example/help"),
        ("CONTACT", 'https://pay.example/"help'),
        ("CONTACT", "javascript:alert(1)"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("INVOICE_EXPIRY_SECONDS", "29"),
        ("INVOICE_EXPIRY_SECONDS", "86401"),
        ("INVOICE_EXPIRY_SECONDS", "ten"),
        ("ALLOW_SPENDING_MACAROON", "perhaps"),
        ("PAYOUT_FEE_PERCENT", "-0.01"),
        ("PAYOUT_FEE_PERCENT", "50.01"),
        ("PAYOUT_FEE_PERCENT", "0.001"),
        ("PAYOUT_FEE_PERCENT", "NaN"),
        ("PAYOUT_FEE_SAT", "0"),
        ("PAYOUT_FEE_SAT", "1.5"),
        ("PAYOUT_MOST_SAT", "0"),
        ("PAYOUT_CREATOR_DAY_SAT", "-1"),
        ("PAYOUT_DAY_SAT", "2100000000000001"),
        ("DESTINATION_DELAY_HOURS", "-1"),
        ("DESTINATION_DELAY_HOURS", "8761"),
        ("LOG_LEVEL", "verbose"),
        ("INVOICES_PER_CLIENT", "30"),
        ("INVOICES_PER_CLIENT", "30/fortnight"),
        ("INVOICES_PER_ITEM", "many/minute"),
        ("INVOICES_OVERALL", "-1/second"),
        ("INVOICES_OVERALL", "0/second"),
        ("INVOICES_OVERALL", "٣/second"),
        ("OPEN_INVOICES", "0"),
        ("OPEN_INVOICES_PER_CLIENT", "-5"),
        ("WAITERS", "0"),
        ("WAITERS_PER_INVOICE", "1.5"),
    ],
)
def test_a_wrong_value_is_refused_naming_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(Invalid, match=rf"^{PREFIX}{name}: \S") as refusal:
        load_config()
    assert refusal.value.code == "config_invalid"


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        load_config().listen = "elsewhere:1"


def test_an_env_file_of_another_process_is_read_as_overrides(elsewhere: Path) -> None:
    path = elsewhere / "tuppence.env"
    path.write_text("TUPPENCE_LND_TARGET=127.0.0.1:10009\nTUPPENCE_LND_MACAROON='/a b/x.macaroon'\n")
    config = load_config(**read_env_file(path))
    assert (config.lnd_target, config.lnd_macaroon) == ("127.0.0.1:10009", Path("/a b/x.macaroon"))


def test_a_public_url_without_a_scheme_is_refused_with_an_example() -> None:
    with pytest.raises(Invalid, match=r"write it like https://pay\.example"):
        load_config(public_url="pay.example")


@pytest.mark.parametrize(
    "address", ["pay.example:99999", "pay.example:0", "pay.example:x", "bob:secret@pay.example", ":8402", "[::1"]
)
def test_a_public_url_that_cannot_be_linked_to_is_refused(address: str) -> None:
    with pytest.raises(Invalid, match="TUPPENCE_PUBLIC_URL") as refusal:
        load_config(public_url=f"https://{address}")
    assert "secret" not in str(refusal.value)


def test_every_variable_has_a_description() -> None:
    assert all(field.description for field in Config.model_fields.values())


@pytest.mark.parametrize(
    "path", [*["/i", "/t/x", "/v1", "/embed/", "/static", "/a//b", "/a/../b", "/a%20b", "/a;b", "/{x}"], "/a b"]
)
def test_a_public_path_that_begins_like_a_route_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="TUPPENCE_PUBLIC_URL"):
        load_config(public_url=f"https://blog.example{path}")


@pytest.mark.parametrize(
    ("given", "path"), [("", ""), ("/", ""), ("/pay", "/pay"), ("/a/b-c/", "/a/b-c"), ("/item", "/item")]
)
def test_a_public_url_may_have_a_path(given: str, path: str) -> None:
    config = load_config(public_url=f"https://blog.example{given}")
    assert (config.public_path, config.public_host) == (path, "blog.example")


def test_port_zero_of_the_listen_address_is_accepted() -> None:
    assert load_config(listen="127.0.0.1:0").listen_port == 0
