"""BOLT 11 payment requests."""
