"""From the request for an item or a tip to an invoice."""
