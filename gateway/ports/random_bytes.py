"""What the domain needs of a source of randomness."""

from collections.abc import Callable

RandomBytes = Callable[[int], bytes]
"""As many unpredictable bytes as asked for."""
