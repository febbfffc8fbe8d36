"""Simulated nodes that note what they are asked, two of them at once, and a client of their gRPC server."""
