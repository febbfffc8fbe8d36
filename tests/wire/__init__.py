"""Formats of protocols: BOLT 11 and macaroons of LND."""
