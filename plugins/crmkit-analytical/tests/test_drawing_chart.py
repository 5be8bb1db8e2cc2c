"""Charts: text stays text, the same answer gives the same bytes, nothing is asked of a network."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from crmkit_analytical.drawing.axes import pixels
from crmkit_analytical.drawing.chart import NoChart, svg
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


@pytest.mark.parametrize("found", EVERY)
def test_nothing_points_to_another_host(found: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    document = drawn(found)

    assert document.count("http") == 1
    assert not re.search(r"url\(|@import|href|src=|<script|xlink", document)


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

    written = [each.strip() for each in texts(document)]
    assert written.count(readable(name).strip()) >= (4 if readable(name).strip() else 0)
    assert ElementTree.fromstring(document)[1].text == readable(name)


@pytest.mark.parametrize("kind", ["bar", "line"])
def test_hostile_headings_are_text_too(kind: Any) -> None:
    label = "\x00\ufffe<b>\u202e"
    columns = (Column("x", label, "date"), Column("y", label, "count"), Column("of", label))
    rows = [{"x": date(2026, 1, day), "y": day, "of": label} for day in (1, 2)]
    document = drawn(answer(columns, rows, Chart(kind, "x", "y", "of")))

    assert texts(document).count(readable(label)) == 3


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


def test_an_axis_says_its_unit() -> None:
    assert "값 (million KRW)" in texts(drawn(monthly(Money(3_000_000, "KRW"), "money")))
    assert "값 (hours)" in texts(drawn(monthly(timedelta(hours=5), "duration")))
    assert "값 (EUR)" in texts(drawn(monthly(Money(1250, "EUR"), "money")))
    assert {"2026-01", "2026-06"} <= set(texts(drawn(monthly(3, "count"))))


def test_upright_bars_say_their_amounts_where_there_is_room() -> None:
    assert "6 h 0 min" in texts(drawn(monthly(timedelta(hours=1), "duration")))
    assert "6 h 0 min" not in texts(drawn(monthly(timedelta(hours=1), "duration"), width=300))


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
    with pytest.raises(NoChart, match="'price', which is no column; there are: name, value"):
        drawn(answer(NAMES, [], Chart("bar", "name", "price")))


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
