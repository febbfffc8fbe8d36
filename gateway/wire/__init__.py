"""Formats of protocols: L402, BOLT 11, LNURL and LND's macaroons. Pure functions between bytes or text and values."""
