"""The contract that the simulated node and a real LND both keep."""
