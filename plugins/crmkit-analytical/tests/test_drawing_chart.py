"""Charts and pages: text stays text, the same answer gives the same bytes, nothing is asked of a network."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import click
import pytest
from crmkit_analytical.drawing.axes import (
    amounts,
    caption,
    fitted,
    moments,
    number_of,
    pixels,
    shortened,
)
from crmkit_analytical.drawing.chart import NoChart, svg
from crmkit_analytical.drawing.page import Part, html
from crmkit_analytical.drawing.values import readable
from crmkit_analytical.report.answer import Answer, Chart, Column, Explained, Window
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmkit import Money
from crmkit.cli.app import App

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>&\"'{{datum.x}}\n${x} ]]> <!-- שלום 🎉 datum['x'] %s {0}"
EXPLAINED = Explained(
    ("What it is.",), Window(None, None, "made"), "leads", 412, ids={"김철수": ("id1", "id2")}
)
BAR = Chart("bar", "name", "value")
NAMES = (Column("name", "담당자"), Column("value", "성사율", "share"))


def answer(
    columns, rows: list[dict[str, Any]], chart: Chart | None, sentence="A sentence."
) -> Answer:
    return Answer(tuple(columns), tuple(rows), sentence, EXPLAINED, chart)


def bars(*names: str, sentence: str = "A sentence.") -> Answer:
    rows = [{"name": name, "value": place / 10} for place, name in enumerate(names, 1)]
    return answer(NAMES, rows, BAR, sentence)


def curves(kind: Any = "steps", series: tuple[str, ...] = ("서울", "부산")) -> Answer:
    columns = [Column("x", "첫 구매 후", "days"), Column("y", "Left", "share"), Column("of", "")]
    columns += [Column("low", "", "share"), Column("high", "", "share")]
    rows = [
        {"x": 7.0 * x, "y": 0.9**x, "low": 0.8**x, "high": 0.95**x, "of": of}
        for of in series
        for x in range(9)
    ]
    chart = Chart(kind, "x", "y", "of", "low", "high", rows, columns)
    return answer([], [], chart)


def monthly(value: Any, unit: Any, kind: Any = "bar") -> Answer:
    columns = [Column("month", "달", "date"), Column("value", "값", unit)]
    rows = [{"month": date(2026, month, 1), "value": value * month} for month in range(1, 7)]
    return answer(columns, rows, Chart(kind, "month", "value"))


def drawn(found: Answer, title: str = "제목", **options: Any) -> str:
    return svg(found, title=title, language="ko", **options)


def texts(document: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(document).iter(f"{SVG}text")]


def marks(document: str, role: str) -> list[ElementTree.Element]:
    found = [
        each for each in ElementTree.fromstring(document).iter() if role in each.get("class", "")
    ]
    return [mark for each in found for mark in each]


EVERY = [
    bars("김철수", "Kim"),
    curves(),
    curves("line"),
    monthly(Money(3_000_000, "KRW"), "money"),
    monthly(timedelta(hours=5), "duration", "line"),
    bars(),
]


@pytest.fixture
def korean() -> Iterator[None]:
    app = App()
    app.lang = "ko"
    with click.Context(click.Command("report"), obj=app):
        yield


@pytest.mark.parametrize("found", EVERY)
def test_the_same_answer_gives_the_same_bytes(found: Answer) -> None:
    first = drawn(found)

    assert drawn(found) == first


def test_the_same_parts_give_the_same_page() -> None:
    parts = [Part("t", "q", curves()), Part("u", "q", curves("line"))]
    first = html(parts, title="t", language="ko")

    assert html(parts, title="t", language="ko") == first


@pytest.mark.parametrize("found", EVERY)
def test_nothing_points_to_another_host(found: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    document = drawn(found)
    page = html([Part("t", "q", found)], title="t", language="en")

    assert document.count("http") == 1
    assert re.findall(r"https?://[^\"']*", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|href|src=|<script|xlink", document + page)


def test_a_chart_is_named_and_described_for_those_who_do_not_see_it() -> None:
    root = ElementTree.fromstring(drawn(bars("김철수", sentence="412건 <가운데> 61건"), "성사율"))

    assert root.get("role") == "img"
    assert root.get("lang") == "ko"
    assert [root[0].tag, root[0].text] == [f"{SVG}title", "성사율"]
    assert [root[1].tag, root[1].text] == [f"{SVG}desc", "412건 <가운데> 61건"]


def test_korean_is_text_in_a_font_that_has_it() -> None:
    document = drawn(bars("김철수", "한빛전자"), "담당자별 성사율")

    assert {"김철수", "한빛전자", "담당자별 성사율", "성사율", "10.0 %"} <= set(texts(document))
    families = {
        each.get("font-family", "") for each in ElementTree.fromstring(document).iter(f"{SVG}text")
    }
    assert len(families) == 1
    for font in ("NanumGothic", "Apple SD Gothic Neo", "Malgun Gothic", "sans-serif"):
        assert font in families.copy().pop()


@settings(deadline=None, max_examples=8)
@example(HOSTILE)
@example("\ufffe\x00\u202e\ud800]]>")
@given(st.text(min_size=1, max_size=30))
def test_any_name_is_text_and_nothing_else(name: str) -> None:
    columns = (Column("a.b['x']", name), Column("y]", name, "number"), Column("s\\", name))
    rows = [{"a.b['x']": name, "y]": 1, "s\\": name}, {"a.b['x']": name, "y]": 2, "s\\": name}]
    found = answer(columns, rows, Chart("bar", "a.b['x']", "y]", "s\\"), sentence=name)

    document = drawn(found, name, width=4000)
    reader = _Reader(html([Part(name, name, found)], title=name, language=name))

    written = [each.strip() for each in texts(document)]
    assert written.count(readable(name).strip()) >= (4 if readable(name).strip() else 0)
    assert ElementTree.fromstring(document)[1].text == readable(name)
    assert reader.tags <= _Reader.KNOWN
    assert reader.texts.count(readable(name)) >= 3


class _Reader(HTMLParser):
    """The elements of a page, and its texts."""

    KNOWN = frozenset(
        [
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "section",
            "p",
            "figure",
            "svg",
            "desc",
            "rect",
            "g",
            "path",
            "line",
            "text",
            "div",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "details",
            "summary",
            "dl",
            "dt",
            "dd",
            "span",
        ]
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


def test_rows_of_one_name_stay_two_bars() -> None:
    document = drawn(bars("Kim", "Kim", "Lee"))

    assert texts(document).count("Kim") == 2
    assert len(marks(document, "mark-rect")) == 3


def test_a_long_name_ends_in_an_ellipsis_inside_of_its_margin() -> None:
    document = drawn(bars("한빛전자 주식회사 서울 강남 지사 영업 2팀 구 한빛산업"))
    label = next(each for each in texts(document) if each.endswith("…"))
    left = float(re.findall(r"translate\(([\d.]+),", document)[0])

    assert pixels(label) + 6 <= left <= 720 * 0.45


def test_many_bars_have_a_line_each_and_the_rest_is_said() -> None:
    document = drawn(bars(*(f"고객 {number}" for number in range(75))))
    height = float(re.findall(r' height="([\d.]+)"', document)[0])

    assert len(marks(document, "mark-rect")) == 60
    assert "15 more are in the table" in texts(document)
    assert height >= 60 * 20


@pytest.mark.usefixtures("korean")
def test_a_korean_chart_has_korean_words() -> None:
    assert "첫 구매 후 (일)" in texts(drawn(curves()))
    assert "값 (시간)" in texts(drawn(monthly(timedelta(hours=5), "duration")))
    assert "그릴 것이 없습니다." in texts(drawn(bars()))
    page = html([Part("성사율", "누가?", bars("김"))], title="성사율", language="ko")
    assert '<html lang="ko">' in page
    assert "이 수치가 나온 과정" in page


def test_an_axis_says_its_unit() -> None:
    assert "값 (million KRW)" in texts(drawn(monthly(Money(3_000_000, "KRW"), "money")))
    assert "값 (hours)" in texts(drawn(monthly(timedelta(hours=5), "duration")))
    assert "값 (EUR)" in texts(drawn(monthly(Money(1250, "EUR"), "money")))
    assert {"2026-01", "2026-06"} <= set(texts(drawn(monthly(3, "count"))))


def test_amounts_of_two_currencies_share_no_axis() -> None:
    columns = (NAMES[0], Column("value", "Won", "money"))
    rows = [{"name": "a", "value": Money(1, "KRW")}, {"name": "b", "value": Money(1, "EUR")}]
    said = texts(drawn(answer(columns, rows, BAR)))

    assert "Amounts in EUR, KRW share no axis: see the table." in said


def test_nothing_to_draw_is_said_and_no_chart_is_an_error() -> None:
    nothing = answer(NAMES, [{"name": "a", "value": None}], BAR)

    assert texts(drawn(nothing)) == ["제목", "There is nothing to draw."]
    with pytest.raises(NoChart, match="as a table"):
        drawn(answer(NAMES, [], None))


def test_a_line_is_broken_where_nothing_is_known() -> None:
    columns = (Column("x", "x", "number"), Column("y", "y", "number"))
    rows = [{"x": x, "y": None if x == 2 else x} for x in range(6)]
    lines = marks(drawn(answer(columns, rows, Chart("line", "x", "y"))), "mark-line")

    assert [len(re.findall("[ML]", line.get("d", ""))) for line in lines] == [2, 3]


def test_steps_hold_each_value_until_the_next_and_have_a_band() -> None:
    document = drawn(curves(series=("서울",)))
    line, band = marks(document, "mark-line")[0], marks(document, "mark-area")

    points = re.findall(r"[ML]([\d.]+),([\d.]+)", line.get("d", ""))
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points))
    assert len(band) == 1


def test_whiskers_are_drawn_between_low_and_high() -> None:
    columns = (*NAMES, Column("low", "", "share"), Column("high", "", "share"))
    rows = [{"name": "a", "value": 0.5, "low": 0.4, "high": 0.6}, {"name": "b", "value": 0.5}]
    document = drawn(answer(columns, rows, Chart("bar", "name", "value", None, "low", "high")))

    assert len(marks(document, "mark-rule role-mark")) == 2  # the line at zero, and one whisker


def test_every_series_is_told_apart_and_named() -> None:
    names = tuple(f"팀 {number}" for number in range(14))
    document = drawn(curves("line", names))
    lines = marks(document, "mark-line")

    assert len({(each.get("stroke"), each.get("stroke-dasharray")) for each in lines}) == 14
    assert set(names) <= set(texts(document))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=6), st.booleans())
def test_an_axis_holds_its_amounts_and_few_ticks(numbers: list[float], is_length: bool) -> None:
    axis = amounts(numbers, "number", is_length=is_length)
    slack = 1e-6 * max(map(abs, numbers)) + 1e-9

    assert axis.low - slack <= min(numbers) <= max(numbers) <= axis.high + slack
    assert all(axis.low - slack <= at <= axis.high + slack for at, label in axis.ticks)
    assert 1 <= len(axis.ticks) <= 9
    assert not is_length or axis.low <= 0 <= axis.high


@settings(deadline=None, max_examples=50)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.floats(60, 1e10))
def test_an_axis_of_moments_has_ticks_inside_of_it(start: datetime, span: float) -> None:
    low = start.replace(tzinfo=UTC).timestamp()
    axis = moments([low, low + span], "time")

    assert all(axis.low <= at <= axis.high for at, label in axis.ticks)
    assert len(axis.ticks) <= 9
    assert len({label for at, label in axis.ticks}) == len(axis.ticks)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60), st.floats(20, 400))
def test_a_shortened_text_fits(text: str, room: float) -> None:
    assert pixels(shortened(text, room)) <= room


def test_labels_along_the_bottom_do_not_touch() -> None:
    axis = fitted([123_456.0, 9_876_543.0], "number", 300)

    assert sum(pixels(label) for at, label in axis.ticks) < 300
    assert caption("값", "", "KRW") == "값 (KRW)"


def test_moments_stand_where_the_clocks_of_the_company_are() -> None:
    seoul, evening = ZoneInfo("Asia/Seoul"), datetime(2026, 1, 1, 15, tzinfo=UTC)
    midnight = datetime(2026, 1, 2, tzinfo=UTC).timestamp()

    assert number_of(evening, "time", seoul) == midnight
    assert number_of(evening, "date", seoul) == midnight
    assert number_of(date(2026, 1, 2), "date", seoul) == midnight
    assert (midnight, "01-02 00:00") in moments([midnight - 7200, midnight + 7200], "time").ticks


def test_a_page_has_question_sentence_chart_table_and_explanation() -> None:
    found = bars("김철수", "Kim", sentence="412 leads, 61 customers.")
    asked = datetime(2026, 4, 1, tzinfo=UTC)
    zone = ZoneInfo("Asia/Seoul")
    page = html(
        [Part("Won", "Who wins?", found)], title="Won", language="en", timezone=zone, asked=asked
    )
    reader = _Reader(page)

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
