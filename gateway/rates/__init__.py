"""The price of a bitcoin, from the source that the operator names."""
