"""Texts that stand sealed in pages elsewhere: a JWE in the page, and its key, a JWK, which is what is sold."""
