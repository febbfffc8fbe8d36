"""The pages name no other site, and hold nothing that the content security policy would refuse."""

import re

from tests.project.test_tidy import WRITTEN, files, place

# A namespace names, it is not fetched.
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")


def test_no_page_and_no_script_names_another_site() -> None:
    foreign = []
    for path in files("gateway/web/templates", "gateway/web/static", suffixes=WRITTEN | {".svg"}):
        text = path.read_text()
        for namespace in NAMESPACES:
            text = text.replace(namespace, "")
        if re.search(r"""(https?:)?//[a-z0-9-]+\.[a-z]{2,}""", text, re.IGNORECASE):
            foreign.append(place(path))
    # It holds a library, which could ask more than it is asked to: the browser tests watch what leaves.
    assert [name for name in foreign if not name.endswith("/connect.js")] == []


# What is sanitised when it is rendered, colours that are computed, and a tag of slugs and sanitised HTML.
UNESCAPED = {"text_html", "paid_html", "palette", "snippet.tag"}


def test_no_template_holds_a_script_or_a_style_that_the_policy_would_refuse() -> None:
    for path in files("gateway/web/templates", suffixes={".html"}):
        text = path.read_text()
        assert not re.search(r"\son[a-z]+\s*=", text), place(path)
        assert not re.search(r"\sstyle\s*=", text), place(path)
        assert not re.search(r"<script(?![^>]*\b(?:src=|type=\"application/(?:ld\+)?json\"))", text), place(path)
        assert {*re.findall(r"([\w.]+)\s*\|\s*safe", text)} <= UNESCAPED, place(path)


def test_no_browser_stops_a_form_in_its_own_words() -> None:
    """A field that the page hides would stop it without any; what is wrong with a form, the gateway says."""
    stopped = []
    for path in files("gateway/web/templates", suffixes={".html"}):
        stopped += [
            (place(path), tag) for tag in re.findall(r"<form\b[^>]*>", path.read_text()) if "novalidate" not in tag
        ]
    for path in files("paywall/src", suffixes={".ts"}):
        made = re.findall(r'h\("form", \{[^}]*\}', path.read_text())
        stopped += [(place(path), tag) for tag in made if "novalidate: true" not in tag]
    assert stopped == []
