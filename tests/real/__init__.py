"""A gateway on a real LND network (btcd and three LND nodes)."""
