"""HTML and flowed text become text that people read, however they are written."""

from __future__ import annotations

import html

import pytest
from crmkit_exchange.formats.plaintext import html_text, unflowed
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>안녕하세요,<br>둘째 줄</p><p>끝</p>", "안녕하세요,\n둘째 줄\n\n끝"),
        ("one\n  two&nbsp;three &amp; &lt;four&gt;", "one two three & <four>"),
        ("<div>one</div><div>two</div><div><br></div><div>three</div>", "one\ntwo\n\nthree"),
        ("<ul><li>one<li>two <b>bold</b></ul>after", "- one\n- two bold\n\nafter"),
        (
            "<table><tr><td>A</td><td>B</td></tr><tr><td>C</td><td>D</td></tr></table>",
            "A\tB\nC\tD",
        ),
        ("<pre>  as\n    it is</pre>", "  as\n    it is"),
        ("<img src=x alt='Our  logo'>text", "[Our logo]text"),
        (
            "<head><title>T</title><style>p{}</style></head><script>f('<p>')</script>seen",
            "seen",
        ),
        ("<head><meta x><body>an open head hides nothing", "an open head hides nothing"),
        ("seen<!-- not <b>seen</b> -->, seen", "seen, seen"),
        ("<![if !mso]>seen<![endif]><!--[if mso]>not seen<![endif]-->", "seen"),
        ("a <b>never closed", "a never closed"),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("seen <!-- never closed <b>text</b>", "seen never closed text"),
        ("", ""),
    ],
)
def test_markup_becomes_text(markup: str, text: str) -> None:
    assert html_text(markup) == text


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("<a href='https://a.example/x?y=1'>our page</a>", "our page <https://a.example/x?y=1>"),
        ("<a href='https://a.example/'>a.example</a>", "a.example"),
        ("<a href='https://a.example'>https://a.example/</a>", "https://a.example/"),
        ("<a href='mailto:kim@a.example'>Kim</a>", "Kim <mailto:kim@a.example>"),
        ("<a href='javascript:x()'>more</a>", "more"),
        ("<a name=top>more</a>", "more"),
        ("<a href='https://a.example'></a>", ""),
    ],
)
def test_a_link_stands_behind_its_text_unless_it_is_its_text(link: str, text: str) -> None:
    assert html_text(link) == text


@settings(deadline=None)
@given(st.lists(st.text("가나 abc<>&\"'x", min_size=1).map(lambda text: " ".join(text.split())).filter(bool)))  # fmt: skip
def test_escaped_paragraphs_come_back(paragraphs: list[str]) -> None:
    markup = "".join(f"<p>{html.escape(each)}</p>\r\n" for each in paragraphs)

    assert html_text(markup) == "\n\n".join(paragraphs)


PIECES = ["<", ">", "</", "<!", "<!--", "-->", "<![", "]]>", "<?", "&", "&#", ";", "'", '"', "=", " ", "\n", "a", "p", "td", "script", "/>", "한"]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text())
def test_no_markup_is_an_exception(markup: str) -> None:
    assert isinstance(html_text(markup), str)


@pytest.mark.parametrize("end", ["", ">", "'>", '">'])
@pytest.mark.parametrize("piece", ["<!--", "<a ", "<a b='", '<a b="', "</", "<![", "<!x", "<?", "&#", "<p><a href=x>y", "<x><"])  # fmt: skip
def test_what_never_ends_is_read_once(piece: str, end: str) -> None:
    """Were the end looked for after each of them, some of these would take minutes each."""
    assert isinstance(html_text("seen" + piece * 40_000 + end), str)


def test_of_an_enormous_text_the_rest_loses_its_tags_only() -> None:
    markup = "<p>" + "x" * 2_000_000 + "<b>end &amp; done</b>"

    assert html_text(markup).endswith("x end & done")


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("Hello \nworld.\nNext", "Hello world.\nNext"),
        ("> quoted \n> more\n>> deeper \nmine", "> quoted more\n>> deeper \nmine"),
        ("-- \nKim \nSales", "-- \nKim Sales"),
        ("text \n-- \nKim", "text \n-- \nKim"),
        (" From here\n > no quote", "From here\n> no quote"),
        ("", ""),
    ],
)
def test_flowed_lines_are_joined_again(flowed: str, text: str) -> None:
    assert unflowed(flowed) == text


def test_the_space_that_was_put_in_to_flow_is_taken_out() -> None:
    assert unflowed("안녕하 \n세요 \n> a", delete_space=True) == "안녕하세요\n> a"


def test_a_long_paragraph_is_joined_in_one_go() -> None:
    assert len(unflowed("a \n" * 500_000)) == 1_000_000
