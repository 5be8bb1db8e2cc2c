"""Holidays of iCalendar files: what they mean, that a second import changes, that broken ones are refused in a sentence."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from crmkit_operational.clock.ical import Event, read_events
from crmkit_operational.clock.kinds import Holiday
from hypothesis import given
from hypothesis import strategies as st

from crmkit import CRM, ValueRefused

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{body}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def days(*events: str) -> list[tuple[date, date | None]]:
    return [(each.day, each.until) for each in read_events(calendar(*events), FIRST, LAST)[0]]


def test_the_end_of_an_event_is_the_day_after_its_last() -> None:
    one = "UID:1\nDTSTART;VALUE=DATE:20260803\nDTEND;VALUE=DATE:20260804"
    several = "UID:2\nDTSTART;VALUE=DATE:20260810\nDTEND;VALUE=DATE:20260815"
    lasting = "UID:3\nDTSTART;VALUE=DATE:20260901\nDURATION:P2D"
    assert days(one, several, lasting) == [
        (date(2026, 8, 3), None),
        (date(2026, 8, 10), date(2026, 8, 14)),
        (date(2026, 9, 1), date(2026, 9, 2)),
    ]


def test_what_recurs_each_year_is_expanded_for_the_window() -> None:
    founding = "UID:1\nSUMMARY:Founding day\nDTSTART;VALUE=DATE:20010405\nRRULE:FREQ=YEARLY"
    thursday = (
        "UID:2\nDTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;"
        "UNTIL=20271231T000000Z\nEXDATE;VALUE=DATE:20261126"
    )
    events, skipped = read_events(calendar(founding, thursday), FIRST, LAST)
    assert not skipped
    assert [each.day for each in events] == [
        *(date(2026, 4, 5), date(2027, 4, 5), date(2027, 11, 25), date(2028, 4, 5))
    ]
    assert events[0] == Event("1/2026-04-05", date(2026, 4, 5), None, "Founding day")


def test_one_occurrence_that_differs_takes_the_place_of_its_own() -> None:
    every = "UID:1\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=YEARLY"
    moved = "UID:1\nRECURRENCE-ID;VALUE=DATE:20270105\nDTSTART;VALUE=DATE:20270107"
    assert [day for day, _ in days(moved, every)] == [
        *(date(2026, 1, 5), date(2027, 1, 7), date(2028, 1, 5))
    ]


def test_what_is_no_holiday_is_said_and_left_out() -> None:
    meeting = "UID:1\nSUMMARY:Meeting\nDTSTART:20260105T100000Z"
    called_off = "UID:2\nSUMMARY:Off\nDTSTART;VALUE=DATE:20260106\nSTATUS:CANCELLED"
    seconds = "UID:3\nSUMMARY:Tick\nDTSTART;VALUE=DATE:20260106\nRRULE:FREQ=SECONDLY"
    events, skipped = read_events(calendar(meeting, called_off, seconds), FIRST, LAST)
    assert not events
    assert [(each.name, each.reason.partition(":")[0]) for each in skipped] == [
        ("Meeting", "not all day"),
        ("Off", "cancelled"),
        ("Tick", "recurs in a way that cannot be read"),
    ]


def refusal(content: bytes) -> str | None:
    """Why a file is refused; None if it is read."""
    try:
        read_events(content, FIRST, LAST)
    except ValueRefused as error:
        return str(error)
    return None


def test_every_broken_file_is_read_or_refused_in_one_sentence(data: Path) -> None:
    files = sorted((data / "07_vcard_mail_ical" / "ical_collective").glob("*.ics"))
    refused = [text for text in (refusal(file.read_bytes()) for file in files) if text]
    assert 5 <= len(refused) < len(files) / 4
    assert all("export it" in text and "\n" not in text for text in refused)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_end_in_a_traceback(content: bytes) -> None:
    assert "export it" in (refusal(content) or "export it")


# The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def imported(crm: CRM, crm_cli, tmp_path: Path):
    crm_cli("calendar", "add", "Seoul", "--hours", "mon-fri 09:00-18:00")

    def run(*events: str, options: tuple[str, ...] = ()) -> dict[str, int]:
        (tmp_path / "days.ics").write_bytes(calendar(*events))
        window = ("--from", "2026", "--to", "2028", "--format", "json")
        found = crm_cli("calendar", "holidays", "import", "seoul", "days.ics", *window, *options)
        counts = json.loads(found.stdout)
        return {name: counts[name] for name in ("added", "changed", "removed", "unchanged")}

    return run


def test_a_second_import_changes_what_the_first_added(crm: CRM, imported) -> None:
    every = "UID:1\nSUMMARY:Founding\nDTSTART;VALUE=DATE:20200405\nRRULE:FREQ=YEARLY"
    shut = "UID:2\nSUMMARY:Shut\nDTSTART;VALUE=DATE:20260803"
    assert imported(every, shut) == {"added": 4, "changed": 0, "removed": 0, "unchanged": 0}
    assert imported(every, shut) == {"added": 0, "changed": 0, "removed": 0, "unchanged": 4}

    ends = every + ";UNTIL=20271231"
    moved = shut.replace("0803", "0810")
    assert imported(ends, moved) == {"added": 0, "changed": 1, "removed": 1, "unchanged": 2}
    assert sorted(each.day for each in crm.find(Holiday)) == [
        *(date(2026, 4, 5), date(2026, 8, 10), date(2027, 4, 5))
    ]
    cancelled = moved + "\nSTATUS:CANCELLED"
    assert imported(ends, cancelled) == {"added": 0, "changed": 0, "removed": 1, "unchanged": 2}


def test_a_dry_run_writes_nothing(crm: CRM, imported) -> None:
    shut = "UID:2\nSUMMARY:Shut\nDTSTART;VALUE=DATE:20260803"
    assert imported(shut, options=("--dry-run",))["added"] == 1
    assert crm.count(Holiday) == 0


def test_what_people_wrote_stays(crm: CRM, crm_cli, imported) -> None:
    crm_cli("calendar", "holidays", "add", "Seoul", "2026-08-03", "--name", "own")
    imported("UID:2\nSUMMARY:Shut\nDTSTART;VALUE=DATE:20260803\nRRULE:FREQ=YEARLY")
    imported("UID:2\nSUMMARY:Shut\nDTSTART;VALUE=DATE:20260803\nRRULE:FREQ=YEARLY;COUNT=1")
    assert sorted(each.name for each in crm.find(Holiday)) == ["Shut", "own"]
