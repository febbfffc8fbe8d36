"""Limits on requests: per client, per item, and overall."""
