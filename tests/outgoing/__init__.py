"""Tests of the guarded way to addresses that others name."""
