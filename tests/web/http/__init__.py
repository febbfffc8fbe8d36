"""What holds for every request: headers, origins, addresses, languages, malformed bytes."""
