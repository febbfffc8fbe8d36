"""The demo: its site and its wallets."""
