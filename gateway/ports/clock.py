"""What the domain needs of a clock."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""
