"""Tests of payouts and refunds."""
