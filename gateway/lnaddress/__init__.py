"""Asks the hosts of Lightning Addresses and LNURLs for invoices, through the guard against inward addresses."""
