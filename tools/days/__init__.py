"""Simulated days: the real domain on virtual time, with every fault drawn from one seed."""
