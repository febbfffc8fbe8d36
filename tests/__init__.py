"""Tests, in the same tree as gateway/, beside browser/, contract/, real/ and whole/."""
