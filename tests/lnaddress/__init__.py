"""Tests of the client of Lightning Addresses and LNURLs."""
