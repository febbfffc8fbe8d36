"""LNURL (https://github.com/lnurl/luds): addresses that are paid (`addresses`, `pay`), and money taken (`withdraw`)."""
