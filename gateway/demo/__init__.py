"""The demo: a site that sells on this machine, its items, and wallets to pay with."""
