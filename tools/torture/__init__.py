"""Torture: real processes killed, cut off and restarted under payments, and simulated days; then the books."""
