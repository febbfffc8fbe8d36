"""Wallets for readers who have none: the choice by language and device."""

from gateway.sales.wallets import Device, Wallet, wallets_for


def a_wallet(name: str, *languages: str, devices: tuple[Device, ...] = ("ios", "android")) -> Wallet:
    return Wallet(name=name, url=f"https://{name}.example", devices=devices, minutes=2, languages=languages)


WALLETS = [
    a_wallet("everywhere"),
    a_wallet("browser", devices=("browser",)),
    a_wallet("brazil", "pt-BR"),
    a_wallet("portuguese", "pt"),
    a_wallet("german", "de"),
]


def names(*tags: str, device: Device | None = None) -> list[str]:
    return [wallet.name for wallet in wallets_for(WALLETS, tags, device=device)]


def test_a_wallet_for_a_language_comes_first_for_its_readers_and_is_shown_to_no_others() -> None:
    assert names("de-AT") == ["german", "everywhere", "browser"]
    assert names("pt-BR") == ["brazil", "portuguese", "everywhere", "browser"]
    assert names("pt") == ["portuguese", "everywhere", "browser"]
    assert names("den") == names() == ["everywhere", "browser"]


def test_the_language_that_a_reader_prefers_decides_the_order() -> None:
    assert names("en", "DE", "pt-br")[:3] == ["german", "brazil", "portuguese"]
    assert names("pt-BR", "de")[:3] == ["brazil", "portuguese", "german"]


def test_a_device_is_shown_what_runs_on_it() -> None:
    assert names("de", device="ios") == ["german", "everywhere"]
    assert names(device="browser") == ["browser"]
    assert wallets_for([], ["de"]) == []
