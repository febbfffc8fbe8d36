"""The table of environment variables."""

from gateway.config import PREFIX, Config
from tools.reference.markdown import table


def configuration() -> str:
    """Every variable with its default and meaning, in the order of the code."""
    rows = [
        (f"`{PREFIX}{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Config.model_fields.items()
    ]
    return table(("variable", "default", "meaning"), rows)


def _default(value: object) -> str:
    if value in ("", None, ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
