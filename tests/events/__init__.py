"""Tests of waiters, and of the reads that they share."""
