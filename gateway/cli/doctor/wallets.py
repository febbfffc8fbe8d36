"""The check of the operator's list of wallets."""

from gateway.cli.doctor.check_result import CheckResult
from gateway.config import Config
from gateway.errors import Invalid
from gateway.store.files.wallets import read_wallets


def check_wallets(config: Config) -> list[CheckResult]:
    """Whether the configured list can be read; nothing if there is none."""
    if config.wallets is None:
        return []
    try:
        count = len(read_wallets(config.wallets))
    except Invalid as error:
        return [CheckResult("bad", "the list of wallets cannot be used", error.detail)]
    return [CheckResult("good", f"{count} wallets for readers who have none, from {config.wallets}")]
