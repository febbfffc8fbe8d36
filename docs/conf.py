"""The configuration of Sphinx. Pages are Markdown at their places in the checkout; docs/README.md is the index."""

# ruff: noqa: INP001, D103, ANN001, ANN202
import re
import tomllib
from pathlib import Path
from posixpath import dirname, join, normpath

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project = "Tuppence"
copyright = "the authors of Tuppence"  # noqa: A001  # Sphinx's name
version = release = PROJECT["version"]

extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = [
    "docs/**.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "ops/README.md",
    "paywall/integrations/**/README.md",
    "paywall/integrations/README.md",
]
# Folders that the search for pages need not enter.
exclude_patterns = [".*", "build", "dist", "gateway", "tests", "tools", "regtest", "**/node_modules", "paywall/src"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # Pygments does not know Astro
nitpicky = True
html_theme = "furo"
html_title = f"Tuppence {version}"
html_copy_source = False
html_show_sphinx = False
html_additional_pages = {"index": "redirect.html"}
templates_path = ["templates"]
INTEGRATIONS = "paywall/integrations/README"

_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_PAGE = re.compile(r"\]\(([^):]+\.md)\)")
_FOLDER = re.compile(r"\[([^\]]+)\]\([^):#]+/\)")


def setup(app) -> None:
    app.connect("source-read", read)


def read(_, name, source) -> None:
    """Make the site's navigation of the lists of links in the indexes, and text of links to folders.

    A forge shows a folder as the list of its files; the site has none.
    """
    source[0] = _FOLDER.sub(r"\1", source[0])
    if name == root_doc:
        source[0] += "".join(_tree(name, title, text) for title, text in _SECTION.findall(source[0]))
    elif name == INTEGRATIONS:
        source[0] += _tree(INTEGRATIONS, "Integrations", source[0].partition("[Sell pages")[0])


def _tree(name, title, text):
    pages = "\n".join(f"/{normpath(join(dirname(name), page))}" for page in _PAGE.findall(text))
    return f"\n\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"
