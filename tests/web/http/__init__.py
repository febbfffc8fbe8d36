"""The HTTP layer: headers, origins, addresses, languages, malformed bytes."""
