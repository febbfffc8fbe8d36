"""Renew the generated parts of the documentation, or compare them with `--check`."""

import sys

from tools.reference.pages import PAGES, renewed


def main() -> int:
    """The exit status: 1 if `--check` finds a page that is out of date."""
    stale = {page: text for page in PAGES if (text := renewed(page)) != page.read_text(encoding="utf-8")}
    for page, text in stale.items():
        sys.stdout.write(f"{page.name}\n")
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
