"""HTML comments in Markdown: no reader sees one in any form, and no paid text is lost with one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.comments import without_comments
from gateway.catalog.markup import render_article, render_markup
from tests.support.clock import cpu_seconds
from tests.support.site import Site

NOTE = "ask the lawyer"
ODD = [
    f"<!-- {NOTE} -->",
    f"<!--{NOTE}-->",
    f"<!--- {NOTE} --->",
    f"<!-- {NOTE} --!>",
    f"<!-- {NOTE} -- again -->",
    f"<!--\n{NOTE}\n-->",
    f"<!--\n\n{NOTE}\n\nand more\n\n-->",
    f"<!-- `{NOTE} -->",
    f"<!-- ```\n{NOTE}\n``` -->",
    f"<!-- > {NOTE} -->",
    f"<!-- {NOTE} <!-- and more -->",
    f"<!-- more {NOTE} -->",
    f"<!--\r\n{NOTE}\r\n-->",
    f"<!---->x<!-- {NOTE} -->",
    f"<!-->x<!-- {NOTE} -->",
    f"<!-- {NOTE}",
    f"<!--\n{NOTE}",
    f"<!-- {NOTE} ->",
    f"<!-- {NOTE} -- >",
]


@pytest.mark.parametrize("comment", ODD)
@pytest.mark.parametrize(
    "place", ["{}", "Before {} after", "Before\n{}\nafter", "- one {}\n- two", "> {}", "| a |\n|-|\n| {} |"]
)
def test_a_comment_is_shown_nowhere(comment: str, place: str) -> None:
    text = place.format(comment)
    assert NOTE not in render_markup(text)
    article = render_article(f"# A title\n\nFree. {text}\n\nAlso free.\n\n<!-- more -->\n\nPaid.\n\n{text}\n\nThe end.")
    assert NOTE not in article.preview_html + article.html + article.title
    assert ("Paid." in article.preview_html, article.marked) == (False, True)
    for part in ("Free.", "Also free.", "Paid.", "The end."):
        assert part in article.html


@pytest.mark.parametrize("comment", ODD)
def test_a_comment_is_in_no_preview_of_a_first_paragraph(comment: str) -> None:
    for text in (f"{comment}\n\nFree.\n\nPaid.", f"Free. {comment}\n\nPaid.", f"Free.\n\n{comment}\n\nPaid."):
        article = render_article(text)
        assert NOTE not in article.preview_html + article.html
        assert "Paid." not in article.preview_html
        assert "Paid." in article.html


def test_a_comment_is_in_no_title() -> None:
    for text in (f"# A title <!-- {NOTE} -->\n\nText.", f"<!-- {NOTE} -->\n# A title\n\nText."):
        assert render_article(text).title == "A title"
    assert render_article(f"---\ntitle: A title <!-- {NOTE} -->\n---\nText.").title == "A title"


@pytest.mark.parametrize("mark", ["<!-- more -->", "<!--more-->", "<!-- MORE -->"])
def test_a_mark_in_code_cuts_nothing_and_stays(mark: str) -> None:
    for code in (
        f"`{mark}`",
        f"``a ` {mark}``",
        f"```html\n{mark}\n\n{mark}\n```",
        f"~~~\n{mark}\n~~~",
        f"> ```\n> {mark}\n> ```",
    ):
        article = render_article(
            f"Free {code}\n\nfree.\n\n{mark}\n\nPaid." if "\n" not in code else f"{code}\n\n{mark}\n\nPaid."
        )
        assert "more" in article.preview_html.lower()
        assert "Paid" not in article.preview_html
        assert article.html.lower().count("more") == code.lower().count("more")


@pytest.mark.parametrize(
    "shown", ["`<!-- a note -->`", "```\n<!-- a note -->\n```", r"\<!-- a note -->", "a < b <! c -- d"]
)
def test_what_only_looks_like_a_comment_is_shown(shown: str) -> None:
    assert without_comments(shown) == (shown, None)


@given(
    st.lists(
        st.sampled_from(["<!--", "-->", "`", "``", "\n\n", "\n", "```", "~~~", "\\", " x ", ">", "- ", "<!-- more -->"])
    )
)
def test_what_is_kept_is_part_of_what_was_written(parts: list[str]) -> None:
    source = "".join(parts)
    kept, cut = without_comments(source)
    letters = iter(source)
    assert all(letter in letters for letter in kept)
    assert cut is None or 0 <= cut <= len(kept)


@pytest.mark.parametrize(
    "text",
    [
        "<!-- a\n\n",
        "`a` ",
        "``` \n",
        "<!--",
        "-->",
        "`" * 3 + "\n\n",
        "> - ",
        "\\`",
        "<!-- a\n\n<!-- ",
        "~~~\n~~~\n",
        " ",
    ],
)
def test_it_costs_no_more_than_the_texts_length(text: str) -> None:
    assert cpu_seconds(lambda: without_comments(text * (400_000 // len(text)) + "-->")) < 3.0


async def test_no_answer_and_no_page_of_ours_shows_a_comment(site: Site) -> None:
    note = f"<!-- {NOTE} -->"
    await site.sell_text(f"# A text {note}\n\nFree. {note}\n\n<!-- more -->\n\nPaid. {note}")
    await site.sell_text("Paid.", item_id="given", title="Given", preview=f"Free. {note}\n\n<!-- {NOTE}")
    invoice, token = await site.buy("welcome")
    await site.settle(invoice["payment_hash"])
    paths = [f"/{kind}/{item}" for kind in ("i", "v1/items") for item in ("welcome", "given")]
    paths += ["/v1/items/welcome/content", "/v1/admin/items"]
    answers = [await site.call("GET", path, headers=site.operator if "admin" in path else token) for path in paths]
    assert {status for status, _ in answers} == {200}
    assert NOTE not in str(answers)
