"""Exchange rates of bitcoin, from a source that the operator configures."""
