"""A real Lightning network on one machine: btcd and three LND nodes, for development, tests and benchmarks."""
