"""The embed on pages of others: paywall, wallets, integrations."""
