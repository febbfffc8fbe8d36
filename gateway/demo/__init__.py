"""The demo site and its wallets; imported by the command line only."""
