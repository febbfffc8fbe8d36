"""The embed: its files, and the snippets that creators paste."""
