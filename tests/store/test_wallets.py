"""The list of wallets: the one that comes with the gateway, and the operator's."""

import re
from pathlib import Path

import pytest

from gateway.cli.doctor.wallets import check_wallets
from gateway.config import load_config
from gateway.errors import Invalid
from gateway.sales.wallets import Wallet, wallets_for
from gateway.store.files.wallets import MOST_WALLETS, read_wallets

ONE = """
[[wallet]]
name = "Penny"
url = "https://penny.example/get"
devices = ["ios", "browser"]
minutes = 3
languages = ["fr"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "wallets.toml"
    path.write_text(text)
    return path


def test_our_own_list_has_something_for_every_reader_and_device() -> None:
    ours = read_wallets(None)
    assert all(wallet.url.startswith("https://") for wallet in ours)
    assert len(wallets_for(ours, [], device="ios")) > 1
    assert len(wallets_for(ours, [], device="android")) > 1
    assert wallets_for(ours, [], device="browser")


def test_an_operators_file_replaces_it(tmp_path: Path) -> None:
    wallet = Wallet(
        name="Penny", url="https://penny.example/get", devices=("ios", "browser"), minutes=3, languages=("fr",)
    )
    assert read_wallets(written(tmp_path, ONE)) == [wallet]


def test_an_empty_file_names_no_wallet(tmp_path: Path) -> None:
    assert read_wallets(written(tmp_path, "# None.\n")) == []


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("https://", "http://", "'Penny': write its url like https://wallet.example"),
        ("https://penny", "https://p urse", "write its url"),
        ("https://penny.example/get", "javascript:alert(1)", "write its url"),
        ('"Penny"', '" "', "write a name"),
        ('["ios", "browser"]', "[]", "name its devices"),
        ('"browser"', '"fridge"', "fridge"),
        ("minutes = 3", "minutes = 0", "minutes are 1 to 600"),
        ('["fr"]', '["French!"]', "write languages as tags"),
        ("minutes = 3", "", "minutes"),
        ("name =", "nome =", "nome"),
        ("[[wallet]]", "[[wallets]]", "wallets"),
        ("[[wallet]]", "[[wallet]", "wallets.toml"),
    ],
)
def test_a_wrong_list_is_refused_by_start_and_doctor_with_what_is_wrong(
    tmp_path: Path, was: str, now: str, said: str
) -> None:
    path = written(tmp_path, ONE.replace(was, now))
    with pytest.raises(Invalid, match=re.escape(said)) as refused:
        read_wallets(path)
    assert refused.value.detail.startswith(f"TUPPENCE_WALLETS: {path}: ")
    [result] = check_wallets(load_config(wallets=path))
    assert (result.status, result.hint) == ("bad", refused.value.detail)


def test_a_list_that_is_missing_or_endless_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No such file"):
        read_wallets(tmp_path / "missing.toml")
    with pytest.raises(Invalid, match="at most"):
        read_wallets(written(tmp_path, ONE * (MOST_WALLETS + 1)))


def test_doctor_counts_the_operators_wallets_and_is_silent_about_ours(tmp_path: Path) -> None:
    [result] = check_wallets(load_config(wallets=written(tmp_path, ONE)))
    assert (result.status, result.what[:1]) == ("good", "1")
    assert check_wallets(load_config()) == []
