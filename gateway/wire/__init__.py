"""Forms that wallets, programs and nodes speak; pure functions from bytes and text to values and back."""
