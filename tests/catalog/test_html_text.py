"""The plain text of HTML: the words of an excerpt, and those that are counted."""

import pytest

from gateway.catalog.html_text import text_of_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>One</p><p>two</p>", "One two"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<p>half<strong>way</strong> there</p>", "halfway there"),
        ("<p>Tom &amp; Ana &lt;3</p>", "Tom & Ana <3"),
        ("<p>one<br>two</p>", "one two"),
    ],
)
def test_blocks_separate_words_and_marks_within_a_word_do_not(html: str, text: str) -> None:
    assert text_of_html(html) == text
