"""`tuppence doctor`: checks of everything that a payment depends on, one module for each kind."""
