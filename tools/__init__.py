"""Programs for developers: bench, torture, simulated days, a local cluster, pictures and catalogues."""
