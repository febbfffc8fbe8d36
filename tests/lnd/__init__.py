"""The client of LND, against a simulated LND that serves gRPC."""
