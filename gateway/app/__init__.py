"""A running gateway: its parts, their assembly, its background work, its readiness and metrics."""
