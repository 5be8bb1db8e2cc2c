"""The commands of calendars, what is refused, and what an actor who may not see everything is told."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace

import pytest
from crmkit_operational.clock.amounts import amount_text, read_amount
from crmkit_operational.clock.hours import read_hours
from crmkit_operational.clock.kinds import Calendar, Holiday
from crmkit_operational.clock.reading import clock_of

from crmkit import (
    CRM,
    Actor,
    InvalidRecords,
    Manifest,
    RestrictedError,
    Restriction,
    ValueRefused,
    hookimpl,
    where,
)
from crmkit.errors import NotFound

OFFICE = ("--hours", "mon-fri 09:00-18:00", "--timezone", "Asia/Seoul", "--country", "KR")


@pytest.fixture
def seoul(crm: CRM, crm_cli):
    crm_cli("calendar", "add", "Seoul", *OFFICE)
    return next(crm.find(Calendar))


def answer(crm_cli, *arguments: str):
    return json.loads(crm_cli("calendar", *arguments, "--format", "json").stdout)


def test_what_is_due_is_explained_by_days_that_add_up(crm_cli, seoul) -> None:
    crm_cli("calendar", "holidays", "add", "Seoul", "2026-11-11", "--name", "Workshop")
    asked = ("seoul", "2026-11-06T17:00+09:00", "20h", "--explain")
    found = answer(crm_cli, "due", *asked)
    assert found["due"] == "2026-11-12T10:00:00+09:00"
    assert [day["passed"] / 3600 for day in found["days"]] == [1, 0, 0, 9, 9, 0, 1]
    assert found["days"][-1]["sum"] == found["amount"] == 72000
    assert found["days"][5]["because"][0]["name"] == "Workshop"
    assert "closed: Workshop (" in crm_cli("calendar", "due", *asked).stdout
    rows = crm_cli("calendar", "due", *asked, "--format", "csv").stdout.splitlines()
    assert len(rows) == 8


def test_elapsed_and_due_are_of_one_clock(crm_cli, seoul) -> None:
    start, end = "2026-12-24T10:00+09:00", "2026-12-29T09:30+09:00"
    found = answer(crm_cli, "elapsed", "Seoul", start, end)
    assert found["elapsed"] == (8 + 9 + 0.5) * 3600  # Christmas is a Friday
    assert answer(crm_cli, "due", "Seoul", start, "17h30m")["due"] == "2026-12-29T09:30:00+09:00"


def test_a_year_says_where_each_of_its_holidays_comes_from(crm_cli, seoul) -> None:
    crm_cli("calendar", "holidays", "add", "Seoul", "2026-12-24", "--name", "Party")
    crm_cli("calendar", "holidays", "add", "Seoul", "2026-10-09", "--name", "Release", "--works")
    found = answer(crm_cli, "show", "Seoul", "--year", "2026", "--lang", "ko")
    sources = {(each["day"], each["name"]): each["source"] for each in found["holidays"]}
    assert sources["2026-12-24", "Party"] == "record"
    assert sources["2026-05-25", "부처님오신날 대체 휴일"] == "public"
    assert [each["works"] for each in found["holidays"] if each["day"] == "2026-10-09"] == [
        *(False, True)
    ]
    assert len(found["openings"]) == 3
    assert answer(crm_cli, "list")[0]["name"] == "Seoul"


def test_a_calendar_that_never_opens_has_a_sentence(crm_cli) -> None:
    crm_cli("calendar", "add", "Never")
    found = crm_cli("calendar", "due", "Never", "2026-11-06", "1h", "--explain")
    assert "never: the calendar is not open for so long" in found.stderr
    assert answer(crm_cli, "due", "Never", "2026-11-06", "1h")["due"] is None
    assert answer(crm_cli, "show", "Never")["openings"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("due", "Seol", "2026-11-06", "1h"), 3, "did you mean 'Seoul'"),
        (("due", "Seoul", "2026-11-06", "2d"), 2, "write hours and minutes, as in 4h"),
        (("due", "Seoul", "9999-11-06", "1h"), 2, "the years from 1900 to 2199"),
        (("elapsed", "Seoul", "2026-11-06", "2026-11-05"), 2, "give the earlier time first"),
        (("add", "X", "--hours", "mon-fri 9-18"), 1, "no span of a day"),
        (("add", "X", "--timezone", "Asia/Soul"), 1, "no time zone"),
        (("add", "X", "--country", "XX"), 1, "holidays of country 'XX' are not known"),
        (("add", "X", "--country", "DE", "--subdivision", "QQ"), 1, "there are BB, BE"),
        (("add", "X", "--subdivision", "BE"), 1, "give the country, too"),
        (("add", " "), 1, "give the calendar a name"),
        (("holidays", "add", "Seoul", "2026-13-01"), 2, "no day; write it as in 2026-03-01"),
        (("holidays", "add", "Seoul", "2026-12-02", "--until", "2026-12-01"), 1, "a later day"),
        (("holidays", "import", "Seoul", "bad.ics"), 1, "bad.ics cannot be read as iCalendar"),
    ],
)
def test_bad_input_has_one_sentence(
    crm, crm_cli, seoul, tmp_path, arguments, code, sentence
) -> None:
    (tmp_path / "bad.ics").write_text("nothing")
    found = crm_cli("calendar", *arguments, code=code)
    assert sentence in found.stderr
    assert (crm.count(Calendar), crm.count(Holiday)) == (1, 0)


def test_hours_that_nobody_can_read_are_written_by_nobody(crm: CRM) -> None:
    for hours in ({"mon": "09:00-18:00"}, {"mo": []}, {"mon": ["9-18"]}, {"mon": [7]}):
        with pytest.raises(InvalidRecords, match="hours"), crm.transaction() as tx:
            tx.add(Calendar(name="x", hours=hours))
    assert crm.count(Calendar) == 0


def test_amounts_are_read_as_they_are_shown() -> None:
    for text, seconds in {
        "4h": 14400,
        "1h30m": 5400,
        "90m": 5400,
        "1시간 30분": 5400,
        "45s": 45,
    }.items():
        assert read_amount(text).total_seconds() == seconds
        assert read_amount(amount_text(read_amount(text))) == read_amount(text)
    for text in ("", "h", "-1h", "1.5h", "4", "1d", "m4"):
        with pytest.raises(ValueRefused, match="no amount of time"):
            read_amount(text)


# Restriction ----------------------------------------------------------------------------------------------------


def restricting(**answers: Restriction) -> SimpleNamespace:
    """A plugin that lets people see less of some kinds."""

    @hookimpl
    def crm_restrict(actor: Actor, kind: str) -> Restriction | None:
        return answers.get(kind) if actor.type == "person" else None

    return SimpleNamespace(manifest=Manifest("secret", api="1.0"), crm_restrict=crm_restrict)


def company(crm: CRM) -> Calendar:
    with crm.transaction() as tx:
        own = tx.add(Calendar(name="Seoul", hours=read_hours(["mon-fri 09:00-18:00"])))
        tx.add(Holiday(calendar_id=own.id, day=date(2026, 11, 9), name="Secret"))
    return own


def test_holidays_that_an_actor_may_not_see_add_to_no_figure(open_crm) -> None:
    hidden = Restriction(conditions=(where.name != "Secret",))
    crm = open_crm(restricting(holiday=hidden))
    own, kim = company(crm), crm.acting("kim")
    assert clock_of(crm, own.id).spans(date(2026, 11, 9)) == ()
    assert clock_of(kim, own.id).spans(date(2026, 11, 9)) != ()


def test_a_calendar_that_an_actor_may_not_see_is_not_there(open_crm) -> None:
    crm = open_crm(restricting(calendar=Restriction(conditions=(where.name == "Busan",))))
    own = company(crm)
    with pytest.raises(NotFound):
        clock_of(crm.acting("kim"), own.id)


def test_time_that_a_masked_field_makes_is_refused(open_crm) -> None:
    crm = open_crm(restricting(calendar=Restriction(masked=("hours",))))
    own = company(crm)
    with pytest.raises(RestrictedError, match="may not see hours"):
        clock_of(crm.acting("kim"), own.id)
