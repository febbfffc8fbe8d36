"""The port for randomness."""

from collections.abc import Callable

RandomBytes = Callable[[int], bytes]
"""As many unpredictable bytes as asked for."""
