"""Waiters, and reads that they share."""
