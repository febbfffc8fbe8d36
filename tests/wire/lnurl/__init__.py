"""Tests of LNURL."""
