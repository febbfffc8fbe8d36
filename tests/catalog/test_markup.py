"""Markup: the free preview, the paid text, and no HTML that runs in a reader's page."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.markup import render_article, render_markup
from gateway.errors import Invalid

ATTACKS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//x.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "![x](javascript:alert(1))",
    "![x](https://track.example/pixel.gif)",
    '[x](https://a.example/"onmouseover=alert(1)//)',
    "<b onmouseover=alert(1)>x</b>",
    "<p style=position:fixed>x</p>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//x.example>",
    "<meta http-equiv=refresh content=0>",
    "<base href=//x.example>",
    "<form action=//x.example><input name=a></form>",
    "<object data=x></object>",
    "<embed src=x>",
    "<math><mtext></p><script>alert(1)</script>",
    '<noscript><p title="</noscript><img src=x onerror=1>">',
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>1</script>]]>",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    "    <script>alert(1)</script>",
    '<a href="https://x.example" target=_blank onclick=alert(1)>x</a>',
    "<a\nhref\n=\njavascript:alert(1)>x</a>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img/src=`x`onerror=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<x-tag onclick=alert(1)>",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<title></title><script>alert(1)</script>",
    "[x]: javascript:alert(1)\n[x]",
    "<https://x.example/onload=alert(1)>",
    "[x](//x.example 'onload=alert(1)')",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<plaintext>",
    "<xmp><script>alert(1)</script></xmp>",
    "{{constructor}}",
    "<button formaction=javascript:alert(1)>x",
    '<a href="\x01javascript:alert(1)">x</a>',
    "<font color=red size=7>x</font>",
)
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "del", "em", "figcaption", "figure", "h2", "h3", "h4", "hr", "i",
    "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "href",
    "rel",
    "title",
    "lang",
    "start",
    "align",
    "charoff",
    "char",
    "colspan",
    "rowspan",
    "headers",
    "scope",
    "cite",
    "datetime",
    "hreflang",
}


class Inspector(HTMLParser):
    """Every tag and attribute of a page, as a browser would come upon them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str]] = {}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def inspect(html: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector


def assert_harmless(html: str) -> None:
    found = inspect(html)
    assert found.tags <= TAGS
    assert set(found.attributes) <= ATTRIBUTES
    for link in found.attributes.get("href", []):
        assert not re.match(r"[\s\x00-\x20]*(javascript|data|vbscript|file|blob)\s*:", link, re.IGNORECASE)
    assert "<!--" not in html


@pytest.mark.parametrize("attack", ATTACKS)
def test_a18_nothing_runs_and_nothing_is_loaded(attack: str) -> None:
    for source in (
        attack,
        f"A word.\n\n{attack}\n\nAnother.",
        f"**{attack}**",
        f"> {attack}",
        f"| a |\n|---|\n| {attack} |",
    ):
        assert_harmless(render_markup(source))
        article = render_article(f"# T\n\nwords {source}\n\nmore words")
        assert_harmless(article.html)
        assert_harmless(article.preview_html)


@given(st.lists(st.sampled_from(ATTACKS) | st.text("<>\"'`=/()[]! \n&#;:ajx", max_size=12), max_size=6).map("".join))
def test_a18_no_mixture_of_them_runs_either(source: str) -> None:
    assert_harmless(render_markup(source))


def test_links_send_no_referrer_and_pass_on_no_fame() -> None:
    html = render_markup("[a link](https://a.example/?x=1&y=2)")
    assert html == '<p><a href="https://a.example/?x=1&amp;y=2" rel="noopener noreferrer nofollow">a link</a></p>\n'


def test_what_markdown_means_is_shown() -> None:
    html = render_markup('## Two\n\n**b** *e* ~~s~~ `c` "q" -- ...\n\n1. one\n\n| a |\n|---|\n| b |')
    assert {"h2", "strong", "em", "s", "code", "ol", "li", "table", "td"} <= inspect(html).tags
    assert "“q” – …" in html


@pytest.mark.parametrize(
    "typed", ["(c) (r) (tm)", "+-", "a,, b", "what????", "tar --gzip -x", "<https://a.example/b--c...>"]
)
def test_what_was_typed_is_shown_as_it_was_typed(typed: str) -> None:
    shown = inspect(render_markup(f"{typed}\n\n`(c) -- ...`")).text
    assert shown == f"{typed.strip('<>')}\n(c) -- ...\n"


@pytest.mark.parametrize("said", ['Sie sagte "Grüße".', 'Il dit "ça".', '그는 "네"라고 했다.', "彼は'はい'と言った。"])
def test_quotes_are_set_as_in_english_in_english_alone(said: str) -> None:
    article = render_article(f"First: \"one\", 'two'.\n\n{said}")
    for html in (article.preview_html, article.html, render_markup(said)):
        assert not set("“”‘’") & set(inspect(html).text)


def test_a_reference_of_the_preview_is_a_link_wherever_it_is_written_out() -> None:
    article = render_article("Free: [here][x], [y].\n\nPaid [z].\n\n[x]: https://x.example\n[y]: /y\n[z]: /z")
    assert inspect(article.preview_html).attributes["href"] == ["https://x.example", "/y"]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("one two three " * 1000, 3000, 3000),
        ("그는 말했다 " * 1000, 2000, 2000),
        ("日本語の文章です。" * 889, 3000, 5000),
        ("这是一篇中文文章，" * 889, 3000, 5000),
        ("สวัสดีชาวโลก" * 1000, 2000, 4000),
        ("日", 1, 1),
    ],
)
def test_how_long_a_text_takes_to_read_does_not_hang_on_spaces(text: str, least: int, most: int) -> None:
    assert least <= render_article(text).word_count <= most


@pytest.mark.parametrize(
    ("source", "preview", "paid"),
    [
        ("# T\n\nfree\n\npaid", "free", "paid"),
        ("# T\n\nfree\n \t\npaid", "free", "paid"),
        ("# T\r\n\r\nfree\r\n\r\npaid", "free", "paid"),
        ("free\nstill free\n\npaid", "free\nstill free", "paid"),
        ("free\n\nalso free\n\n<!-- more -->\n\npaid", "free\nalso free", "paid"),
        ("free <!--more--> paid", "free", "paid"),
        ("free\n\n<!-- MORE -->\n\npaid\n\n<!-- more -->\n\npaid too", "free", "paid too"),
        ("\ufeff---\ntitle: X\n---\nfree\n\npaid", "free", "paid"),
        ("paid, all of it", "", "paid, all of it"),
        ("# T\npaid, all of it", "", "paid, all of it"),
        ("<!-- more -->\n\npaid", "", "paid"),
    ],
)
def test_the_preview_ends_where_the_paid_part_begins(source: str, preview: str, paid: str) -> None:
    article = render_article(source)
    assert re.sub(r"\n+", "\n", inspect(article.preview_html).text).strip() == preview
    assert paid in inspect(article.html).text
    assert paid not in article.preview_html
    assert "more" not in article.html.lower()


@given(st.text(st.sampled_from("ab \t\n#>-*`|\\"), min_size=1, max_size=60), st.text("xyz \n", max_size=20))
def test_the_last_paragraph_is_never_in_a_preview_by_accident(free: str, also_free: str) -> None:
    article = render_article(f"{free}\n\n{also_free}\n\nSECRET")
    assert "SECRET" not in article.preview_html


def test_front_matter_is_read_and_not_shown() -> None:
    article = render_article('---\ntitle: "A title"\nprice: 100sat\n\nshare: bob=30\n---\n# Another\n\nwords\n\nmore')
    assert article.fields == {"title": "A title", "price": "100sat", "share": "bob=30"}
    assert article.title == "A title"
    assert "100sat" not in article.html


@pytest.mark.parametrize("line", ["prize: 100sat", "no separator", ": 1", "Title: x"])
def test_front_matter_that_is_misspelt_is_refused_by_name(line: str) -> None:
    with pytest.raises(Invalid, match="is none of access_seconds, creator") as refusal:
        render_article(f"---\n{line}\n---\nwords")
    assert refusal.value.code == "article_invalid"
    assert line in refusal.value.detail


@pytest.mark.parametrize(
    "source", ["", "  \n ", "# Only a title\n", "---\ntitle: x\n---\n", "<!-- more -->", "---", "![](x)"]
)
def test_a_text_without_words_is_refused(source: str) -> None:
    with pytest.raises(Invalid, match="worth its price"):
        render_article(source)


def test_words_are_counted_as_they_are_read() -> None:
    assert render_article("# T\n\none **two** `three`\n\n- four\n").word_count == 4


def test_a_title_is_the_first_heading_else_empty() -> None:
    assert render_article("# The title \n\nwords\n\nmore").title == "The title"
    assert render_article("words\n\n# Not it\n\nmore").title == ""
