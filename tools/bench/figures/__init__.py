"""One module a figure of the benchmark."""
