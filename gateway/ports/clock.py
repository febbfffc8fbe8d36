"""The port for the time."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""
