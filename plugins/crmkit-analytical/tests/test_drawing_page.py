"""Pages: whole in one file, every text escaped, the explanation with all ids."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import click
from crmkit_analytical.drawing.page import Part, html
from crmkit_analytical.drawing.values import readable
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Explained, Window
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmkit.cli.app import App

HOSTILE = "<script>alert(1)</script>&\"'{{datum.x}}\n${x} ]]> <!-- שלום 🎉 %s {0} https://x.example"
WINDOW = Window(None, None, "made")
IDS = {"김철수": ("id1", "id2")}


def bars(*names: str, sentence: str = "A sentence.") -> Answer:
    columns = (Column("name", "담당자"), Column("value", "성사율", "share"))
    rows = tuple({"name": name, "value": place / 10} for place, name in enumerate(names, 1))
    explained = Explained(("What it is.",), WINDOW, "leads", 412, ids=IDS)
    return Answer(columns, rows, sentence, explained, Chart("bar", "name", "value"))


class Reader(HTMLParser):
    """The elements of a page, and its texts."""

    KNOWN = frozenset(
        re.findall(
            r"\w+",
            "html bdi head meta title style body h1 h2 section p figure svg desc rect "
            "g path line text div table thead tbody tr th td details summary dl dt dd span",
        )
    )

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, value in attrs if name.startswith("on")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@settings(deadline=None, max_examples=6)
@example(HOSTILE)
@example("\ufffe\x00\u202e\ud800]]>")
@given(st.text(min_size=1, max_size=30))
def test_any_text_is_text_and_nothing_else(text: str) -> None:
    explained = Explained(
        (text,),
        Window(None, None, text),
        text,
        1,
        (Excluded(text, 1, (text,)),),
        {text: text},
        {text: (text,)},
    )
    columns = (Column(text, text), Column("y", text, "number"))
    found = Answer(columns, ({text: text, "y": 1},), text, explained, Chart("bar", text, "y"))

    reader = Reader(html([Part(text, text, found)] * 2, title=text, language=text))

    assert reader.tags <= Reader.KNOWN
    # Headings, questions, sentences, tables, definitions and rows of two sections.
    assert reader.texts.count(readable(text)) >= 12


def test_the_same_parts_give_the_same_page() -> None:
    parts = [Part("t", "q", bars("김철수")), Part("u", "q", bars("Kim", "Lee"))]
    first = html(parts, title="t", language="ko")

    assert html(parts, title="t", language="ko") == first


def test_a_page_needs_nothing_from_elsewhere() -> None:
    page = html([Part("t", "q", bars("김철수"))], title="t", language="en")

    assert re.findall(r"https?://[^\"']*", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|href|src=|<script|xlink", page)
    assert "default-src 'none'" in page


def test_a_korean_page_has_korean_words() -> None:
    app = App()
    app.lang = "ko"
    with click.Context(click.Command("report"), obj=app):
        page = html([Part("성사율", "누가?", bars("김"))], title="성사율", language="ko")

    assert '<html lang="ko">' in page
    assert "이 수치가 나온 과정" in page


def test_what_is_too_little_is_marked_and_no_rows_are_no_table() -> None:
    little = Answer((), (), "Too few.", Explained((), WINDOW, "leads", 3), is_enough=False)
    page = html([Part("t", "q", little)], title="t", language="en")

    assert '<p class="sentence few">Too few.</p>' in page
    assert Reader(page).tags.isdisjoint({"table", "figure", "svg"})


def test_a_page_has_question_sentence_chart_table_and_explanation() -> None:
    found = bars("김철수", "Kim", sentence="412 leads, 61 customers.")
    asked = datetime(2026, 4, 1, tzinfo=UTC)
    zone = ZoneInfo("Asia/Seoul")
    page = html(
        [Part("Won", "Who wins?", found)], title="Won", language="en", timezone=zone, asked=asked
    )
    reader = Reader(page)

    assert page.count("<h1>Won</h1>") == 1
    assert "<h2>" not in page
    order = [
        "Who wins?",
        "412 leads, 61 customers.",
        "김철수",
        "How these figures came about",
        "id1, id2",
    ]
    places = [reader.texts.index(each) for each in order]
    assert places == sorted(places)
    assert {"svg", "table", "details"} <= reader.tags
    assert "As of 2026-04-01 09:00 (Asia/Seoul)" in reader.texts
    assert '<td class="amount">10.0 %</td>' in page


def test_the_drawing_library_is_loaded_when_a_chart_is_drawn() -> None:
    code = "import sys, crmkit_analytical.drawing.page; print('vl_convert' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "False\n"
