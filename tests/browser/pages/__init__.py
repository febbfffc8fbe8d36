"""The gateway's own pages: paying, reading, receipts, languages, layout."""
