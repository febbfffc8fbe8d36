"""From a request to an invoice."""
