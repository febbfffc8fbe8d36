"""Tests of settlement, from LND's report to the books."""
