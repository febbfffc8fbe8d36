"""L402 in HTTP: `challenge` writes the 402 answer, `credential` parses the header that answers it."""
