"""Values, tables and explanations as people read them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from crmkit_analytical.drawing.explained import explained_lines, facts, records
from crmkit_analytical.drawing.terminal import bar_of, room_for_bars, table, write_answer
from crmkit_analytical.drawing.values import plain, plain_rows, shown
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Explained, Window
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmkit import Money
from crmkit.cli.app import App
from crmkit.cli.language import Language, Word
from crmkit.cli.width import width

SEOUL = ZoneInfo("Asia/Seoul")
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), "made")
EXPLAINED = Explained(
    ("Leads that became customers.",),
    WINDOW,
    "leads",
    1412,
    (Excluded("merged away", 12, ("a", "b", "c", "d")),),
    {"z": 1.959963984540054, "until": timedelta(hours=54, minutes=28), "sizes": (1, 2)},
    {"김철수": tuple(f"id{number}" for number in range(317)), "Kim": ("one",)},
)
BAR = Chart("bar", "name", "won")
NAMES = (Column("name", "담당자"), Column("won", "성사율", "share"))


@pytest.fixture
def korean() -> Iterator[None]:
    app = App()
    app.lang = "ko"
    with click.Context(click.Command("report"), obj=app):
        assert app.language.code == "ko"
        assert isinstance(app.language, Language)
        yield


def answer(rows: list[dict[str, Any]], chart: Chart | None = None, columns=NAMES) -> Answer:
    return Answer(columns, tuple(rows), "A sentence.", EXPLAINED, chart)


def won(*shares: float | None, chart: Chart | None = BAR) -> Answer:
    names = ["김철수", "Kim", "한빛전자 주식회사"]
    return answer([{"name": n, "won": s} for n, s in zip(names, shares, strict=False)], chart)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, "count", "1,234,567"),
        (1234.5, "number", "1,234.5"),
        (0.01234, "number", "0.0123"),
        (7, "number", "7"),
        (0.148, "share", "14.8 %"),
        (0, "share", "0.0 %"),
        (1, "share", "100.0 %"),
        (0.0001, "share", "0.01 %"),
        (0.99999, "share", "99.999 %"),
        (2.34, "days", "2.3 d"),
        (timedelta(hours=54, minutes=28), "duration", "54 h 28 min"),
        (timedelta(minutes=59, seconds=59), "duration", "1 h 0 min"),
        (timedelta(seconds=59.7), "duration", "1 min"),
        (timedelta(seconds=12), "duration", "12 s"),
        (timedelta(0), "duration", "0 min"),
        (-timedelta(hours=1), "duration", "-1 h 0 min"),
        (Money(1250, "EUR"), "money", "12.50 EUR"),
        (Money(9_000_000, "KRW"), "money", "9,000,000 KRW"),
        (date(2026, 3, 1), "date", "2026-03-01"),
        (datetime(2026, 2, 28, 15, tzinfo=UTC), "date", "2026-03-01"),
        (datetime(2026, 2, 28, 15, tzinfo=UTC), "time", "2026-03-01 00:00"),
        (None, "money", "–"),
        (float("nan"), "share", "–"),
        ("a\x1b[2J\u202eb", "text", "a\\x1b[2J\\u202eb"),
        ("a\uffffb", "text", "a�b"),
        (["x", 2], "text", "x, 2"),
        (True, "text", "yes"),
    ],
)
def test_a_value_is_shown_by_its_unit(value: Any, unit: Any, text: str) -> None:
    assert shown(value, unit, SEOUL) == text


@pytest.mark.usefixtures("korean")
def test_a_korean_reader_has_korean_units() -> None:
    assert shown(2.34, "days") == "2.3일"
    assert shown(timedelta(hours=54, minutes=28), "duration") == "54시간 28분"
    assert shown(timedelta(minutes=28), "duration") == "28분"
    assert shown(Word("Customer"), "text") == "고객"


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1))
@example(1e-12)
@example(1 - 1e-12)
def test_only_nothing_is_no_percent_and_only_all_is_a_hundred(share: float) -> None:
    number = float(shown(share, "share").strip("<> %"))

    assert (number == 0) == (share == 0)
    assert (number == 100) == (share == 1)


def test_scripts_get_numbers() -> None:
    found = plain_rows(
        answer([{"won": 0.148, "wait": timedelta(minutes=2), "of": Money(5, "EUR"), "name": "Kim"}])
    )

    assert list(found[0]) == ["name", "won", "wait", "of"]
    assert found == [
        {"name": "Kim", "won": 0.148, "wait": 120.0, "of": {"minor": 5, "currency": "EUR"}}
    ]


def test_what_json_has_not_is_nothing() -> None:
    assert json.dumps(plain({"a": [float("inf")]}), allow_nan=False) == '{"a": [null]}'


def test_amounts_stand_right_and_korean_takes_two_columns() -> None:
    rows = table(won(0.05, 1.0, None))

    assert [row[1] for row in rows] == [" 성사율", "  5.0 %", "100.0 %", "      –"]
    assert len({width(row[1]) for row in rows}) == 1


def test_a_wide_terminal_has_bars_and_a_pipe_none() -> None:
    rows = table(won(0.25, 0.5, None), room=100)

    assert [row[2] for row in rows] == ["", "█" * 12 + " " * 12, "█" * 24, " " * 24]
    assert all(len(row) == 2 for row in table(won(0.25, 0.5, None)))
    assert all(len(row) == 2 for row in table(won(0.25, 0.5), room=20))


def test_a_long_name_gives_way_to_a_short_bar_but_an_id_does_not() -> None:
    long = [{"name": "한빛전자" * 12, "won": 0.5}]
    ids = (Column("id", "Id"), NAMES[1])

    assert table(answer(long, Chart("bar", "name", "won")), room=60)[1][2] == "█" * 8
    whole = answer([{"id": "x" * 50, "won": 0.5}], Chart("bar", "id", "won"), ids)
    assert len(table(whole, room=60)[1]) == 2


@pytest.mark.parametrize(
    "found",
    [
        won(-0.5, 0.5),
        won(0.0, 0.0),
        won(0.5, chart=Chart("line", "name", "won")),
        won(0.5, chart=Chart("bar", "name", "won", rows=[{"name": "x", "won": 1}])),
        won(0.5, chart=None),
        answer(
            [{"name": "a", "won": Money(1, "KRW")}, {"name": "b", "won": Money(1, "EUR")}],
            Chart("bar", "name", "won"),
            (NAMES[0], Column("won", "Won", "money")),
        ),
    ],
    ids=["negative", "nothing", "a line", "other rows", "no chart", "two currencies"],
)
def test_no_bar_is_drawn_where_it_would_say_something_else(found: Answer) -> None:
    assert all(len(row) == 2 for row in table(found, room=200))


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_is_as_long_as_its_share(share: float, length: int) -> None:
    bar = bar_of(share, length)

    assert len(bar) == width(bar) == length
    assert (bar.strip() == "") == (share == 0)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=3))
def test_a_table_stays_aligned_whatever_the_names(names: list[str]) -> None:
    rows = table(answer([{"name": name, "won": 0.5} for name in names]))

    assert all(text.splitlines() == [text] for row in rows for text in row if text)
    assert len({width(row[1]) for row in rows}) == 1


def test_a_terminal_shows_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_answer(won(0.25, 0.5))
    piped = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")

    write_answer(won(0.25, 0.5))
    shown_there = capsys.readouterr().out

    assert room_for_bars() == 40
    assert "█" not in piped
    assert shown_there.splitlines()[2].endswith("50.0 %  ████████████████████████")
    assert all(width(line) <= 40 for line in shown_there.splitlines())


def test_no_rows_are_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    write_answer(won())

    assert capsys.readouterr().out == ""


def test_the_explanation_says_what_a_figure_rests_on() -> None:
    assert explained_lines(EXPLAINED, name="leads", timezone=SEOUL, most=2) == [
        "Definition  Leads that became customers.",
        "Window      made: from 2026-01-01 09:00 on, before 2026-04-01 09:00",
        "Out of      leads: 1,412",
        "Left out    merged away: 12 (a, b, c, … and 9 more)",
        "Parameters  z = 1.959963984540054",
        "            until = 54 h 28 min",
        "            sizes = [1, 2]",
        "Records     김철수: 317 (id0, id1, … and 315 more)",
        "            Kim: 1 (one)",
        "            (crm report leads --format json has all)",
    ]


@pytest.mark.usefixtures("korean")
def test_the_explanation_is_aligned_in_korean() -> None:
    lines = explained_lines(EXPLAINED, name="leads", timezone=SEOUL)
    label = next(line for line in lines if line.startswith("매개변수"))

    assert "2026-01-01 09:00부터 2026-04-01 09:00 전까지" in lines[1]
    assert {
        width(line[: line.index(text)]) for line, text in ((label, "z ="), (lines[2], "leads"))
    } == {10}


def test_all_ids_can_be_had() -> None:
    (row, count, ids), _ = records(EXPLAINED)

    assert (row, count, len(ids.split(", "))) == ("김철수", 317, 317)
    assert "more" not in "".join(explained_lines(EXPLAINED, name="leads", most=None)[-2:])


@pytest.mark.parametrize(
    ("since", "until", "text"),
    [
        (None, None, "without end"),
        (WINDOW.since, None, "from 2026-01-01 00:00 on"),
        (None, WINDOW.until, "before 2026-04-01 00:00"),
    ],
)
def test_a_window_may_be_open(since: Any, until: Any, text: str) -> None:
    explained = Explained((), Window(since, until, ""), "", 0)

    assert facts(explained)[0].texts == (text,)
    assert facts(explained)[2].texts == ("nothing",)
