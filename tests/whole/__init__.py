"""Properties of the whole gateway: attacks, floods, replays, secrecy, simulated days."""
