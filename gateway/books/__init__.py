"""What creators earned: transfers, balances, and how long records are kept."""
