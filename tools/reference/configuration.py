"""The tables of environment variables."""

from collections.abc import Callable

from gateway.config import PREFIX, Config
from tools.reference.markdown import table


def configuration() -> str:
    """Every variable with its default and meaning, in the order of the code."""
    return _variables(lambda _: True)


def payout_configuration() -> str:
    """The variables of payouts."""
    return _variables(lambda name: name.startswith("payout_") or name == "destination_delay_hours")


def _variables(is_wanted: Callable[[str], bool]) -> str:
    rows = [
        (f"`{PREFIX}{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Config.model_fields.items()
        if is_wanted(name)
    ]
    return table(("variable", "default", "meaning"), rows)


def _default(value: object) -> str:
    if value in ("", None, ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
