"""The gateway's own pages: paying, reading, languages, layout."""
