"""Tuppence: a self-hosted Lightning micropayment gateway."""

__version__ = "0.2.0"
