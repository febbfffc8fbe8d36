"""The demo in Debian's chromium, as a reader meets it."""
