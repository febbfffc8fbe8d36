"""The price of a bitcoin, as a source tells it."""
