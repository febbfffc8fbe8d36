"""Tokens, what they open, and how a lost one is recovered."""
