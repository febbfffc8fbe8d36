"""How many examples a costly property is tried with; the other properties have the number of Hypothesis' profile."""

from hypothesis import settings

NIGHTLY = "nightly"


def example_count(usual: int, *, nightly: int) -> int:
    """`usual` in every run; `nightly` under `pytest --hypothesis-profile nightly`."""
    return nightly if settings.get_current_profile_name().startswith(NIGHTLY) else usual
