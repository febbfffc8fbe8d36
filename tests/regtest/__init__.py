"""The commands that run a real network on this machine."""
