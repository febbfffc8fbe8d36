"""The gateway as one object: start, stop, readiness, metrics."""
