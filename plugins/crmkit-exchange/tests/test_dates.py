"""The order of day, month and year is found out from a whole column, and dates are read in it."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from crmkit_exchange.dates import (  # fmt: skip
    EPOCH,
    ORDERS,
    AmbiguousDates,
    Orders,
    decide,
    parse_date,
    parse_moment,
)
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from crmkit import CrmError, ValueRefused

SEOUL = ZoneInfo("Asia/Seoul")
LETTERS = {"y": "%Y", "m": "%m", "d": "%d"}
DAYS = st.dates(date(1970, 1, 1), date(2068, 12, 31))
WRITTEN = st.sampled_from(["ymd", "dmy", "mdy"])
MARKS = st.sampled_from(["-", "/", ".", ". ", " - "])


def column(*values):
    """The orders of a column with these values."""
    orders = Orders("When")
    for each in values:
        orders.feed(each)
    return orders


def written(day, order, mark="-"):
    return mark.join(day.strftime(LETTERS[each]) for each in order)


def short(day, order, mark="/"):
    """Without leading zeros, and with two digits of the year."""
    parts = {"y": f"{day.year % 100:02}", "m": str(day.month), "d": str(day.day)}
    return mark.join(parts[each] for each in order)


def decided(orders):
    """The order, or the doubt."""
    try:
        return decide(orders)
    except AmbiguousDates as doubt:
        return doubt


def plainly(text, order):
    """A slow reading of three numbers in an order; None if they are no date."""
    by = dict(zip(order, re.findall(r"\d+", text), strict=True))
    year = int(by["y"]) + (0 if len(by["y"]) == 4 else 2000 if int(by["y"]) < 69 else 1900)
    try:
        return date(year, int(by["m"]), int(by["d"])) if len(by["y"]) in (2, 4) else None
    except ValueError:
        return None


# The order -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=30), WRITTEN, MARKS, st.booleans())
def test_the_order_is_found_or_is_among_those_that_are_asked_about(days, order, mark, is_short):
    texts = [short(each, order) if is_short else written(each, order, mark) for each in days]

    orders = column(*texts)

    assert orders.total == orders.fits[order] == len(texts)
    found = decided(orders)
    if isinstance(found, AmbiguousDates):
        assert order in found.orders
        assert found.example in texts
        assert len(set(found.meant.values())) > 1
        assert found.meant == {each: plainly(found.example, each) for each in found.orders}
        found = decide(orders, order)
    assert [parse_date(each, found) for each in texts] == days


@settings(deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=30))
def test_a_column_without_a_doubt_is_never_asked_about(days):
    assert decide(column(*(each.isoformat() for each in days))) == "ymd"
    assert decide(column(*(written(each, "ymd", "") for each in days))) == "ymd"


@settings(deadline=None)
@given(st.lists(DAYS, min_size=2, max_size=20))
def test_one_day_above_twelve_decides_for_all(days):
    assume(any(each.day > 12 for each in days))

    assert decide(column(*(written(each, "dmy") for each in days))) == "dmy"
    assert decide(column(*(written(each, "mdy") for each in days))) == "mdy"


def test_days_that_are_the_same_in_both_orders_are_not_asked_about():
    assert parse_date("05/05/2026", decide(column("05/05/2026", "01/01/2026"))) == date(2026, 5, 5)


def test_a_doubt_is_a_sentence_with_the_dates_that_it_can_be():
    with pytest.raises(AmbiguousDates) as caught:
        decide(column("05/05/2026", "03/04/2026"))

    assert str(caught.value) == (
        "column 'When': '03/04/2026' can be 2026-04-03 (dmy), 2026-03-04 (mdy);"
        " say which with --date-order ORDER"
    )
    assert caught.value.meant == {"dmy": date(2026, 4, 3), "mdy": date(2026, 3, 4)}
    assert isinstance(caught.value, CrmError)


def test_what_was_said_is_believed():
    orders = column("03/04/2026")

    assert decide(orders, "mdy") == "mdy"
    assert decide(orders, "dmy") == "dmy"


def test_values_that_contradict_each_other_go_with_the_most():
    orders = column("13/01/2026", "14/02/2026", "15/03/2026", "01/31/2026")

    assert decide(orders) == "dmy"
    with pytest.raises(ValueRefused, match="'01/31/2026', which is no date in the order dmy"):
        parse_date("01/31/2026", "dmy")


def test_as_many_on_both_sides_leave_no_order_to_guess():
    """No value is two different days, so nothing could be misread."""
    orders = column("13/01/2026", "01/31/2026")

    assert decide(orders) in {"dmy", "mdy"}
    assert orders.fits["dmy"] == orders.fits["mdy"] == 1


def test_as_many_on_both_sides_with_one_in_doubt_are_asked_about():
    with pytest.raises(AmbiguousDates):
        decide(column("13/01/2026", "01/31/2026", "03/04/2026"))


def test_what_is_no_date_is_not_counted():
    orders = column("", "-", "없음", "3.14", "1/2", "2026", "99/99/9999", "2026-13-45", "김하늘")

    assert orders.total == 0
    assert orders.apart == {}


# Days ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(DAYS, st.sampled_from(ORDERS), MARKS)
def test_a_day_that_was_written_is_read(day, order, mark):
    assert parse_date(written(day, order, mark), order) == day
    assert parse_date(short(day, order, mark), order) == day


@settings(deadline=None)
@given(DAYS, st.sampled_from([*ORDERS, None]))
def test_a_day_whose_month_is_named_is_read_in_every_order(day, order):
    forms = [
        "%d %B %Y", "%d-%b-%Y", "%d/%b/%Y", "%d-%b-%y", "%Y-%b-%d", "%B %d, %Y", "%b %d %Y", "%b %d, %y",
        "%a, %d %b %Y", "%A, %B %d, %Y", "%a %b %d %Y",
    ]  # fmt: skip

    assert {parse_date(day.strftime(form), order) for form in forms} == {day}


@settings(deadline=None)
@given(DAYS)
def test_korean_days_are_read(day):
    forms = [
        f"{day.year}년 {day.month}월 {day.day}일",
        f"{day.year}년{day.month:02}월{day.day:02}일",
        f"{day.year}. {day.month}. {day.day}.",
        f"{day.year}.{day.month}.{day.day}",
        f"{day:%y}년 {day.month}월 {day.day}일",
        f"{day.year}년 {day.month}월 {day.day}일 월요일",
        f"{day.year}. {day.month}. {day.day}. (월)",
        f"{day:%Y-%m-%d}(월)",
    ]

    assert {parse_date(form, "ymd") for form in forms} == {day}


@pytest.mark.parametrize(
    ("text", "year"),
    [("00", 2000), ("26", 2026), ("68", 2068), ("69", 1969), ("99", 1999)],
)
def test_years_of_two_digits_are_those_of_posix(text, year):
    assert parse_date(f"{text}-02-03", "ymd") == date(year, 2, 3)
    assert datetime.strptime(text, "%y").year == year


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "2026-00-01", "2026-01-00", "0000-01-01", "0000-00-00", "2026-1-123", "026-01-01", "1/2/3", "", "2026-06-16 junk", "2026-06-16 25:00", "Marble 3, 2026", "Foo 3, 2026", "3 Foo 2026", "March 32, 2026"],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_a_sentence(text):
    with pytest.raises(ValueRefused) as caught:
        parse_date(text, "ymd")
    assert str(caught.value) == f"holds {text!r}, which is no date in the order ymd"


@settings(deadline=None)
@given(
    st.from_regex(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}", fullmatch=True),
    st.sampled_from(ORDERS),
)
@example("00-00-00", "ymd")
def test_three_numbers_are_the_day_that_they_plainly_are(text, order):
    expected = plainly(text, order)
    if any(len(each) > 2 for name, each in zip(order, re.findall(r"\d+", text)) if name != "y"):  # noqa: B905
        expected = None
    try:
        found = parse_date(text, order)
    except ValueRefused:
        found = None
    assert found == expected


# Moments ---------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2068, 1, 1)),
    st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
    st.sampled_from([" ", "T"]),
)
def test_a_moment_with_its_zone_is_that_moment(naive, zone, between):
    moment = naive.replace(tzinfo=zone)

    assert parse_moment(moment.isoformat(between), "ymd", SEOUL) == moment
    assert parse_moment(moment.strftime(f"%Y-%m-%d{between}%H:%M:%S.%f%z"), None, SEOUL) == moment
    assert parse_moment(moment.isoformat(between), "ymd", SEOUL).tzinfo is UTC


@settings(deadline=None)
@given(st.datetimes(datetime(1970, 1, 2), datetime(2068, 1, 1)).map(lambda at: at.replace(second=0, microsecond=0)))  # fmt: skip
def test_the_halves_of_the_day_are_understood(naive):
    hour = naive.hour % 12 or 12
    half, korean = ("AM", "오전") if naive.hour < 12 else ("PM", "오후")
    day, clock = f"{naive:%Y-%m-%d}", f"{hour}:{naive:%M}"
    texts = [
        f"{day} {clock} {half}",
        f"{day} {clock}{half.lower()}",
        f"{day}, {clock} {half[0].lower()}.m.",
        f"{naive.year}년 {naive.month}월 {naive.day}일 {korean} {hour}시 {naive:%M}분",
        f"{naive.year}. {naive.month}. {naive.day}. {korean} {clock}",
        f"{day} {korean} {clock}:00",
        f"{day}(월) {clock} {korean}",
        f"{naive:%Y%m%d%H%M}",
        f"{naive:%Y%m%d}T{naive:%H%M%S}",
        f"{naive:%Y%m%d%H%M%S}",
        f"{naive:%d %B %Y} at {naive:%H:%M}",
        f"{naive.year}년 {naive.month}월 {naive.day}일 {naive.hour}시 {naive.minute}분 0초",
        f"{day} {naive:%H:%M}",
    ]

    assert {parse_moment(each, "ymd", UTC) for each in texts} == {naive.replace(tzinfo=UTC)}


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [(".5", 500_000), (",25", 250_000), (".123", 123_000), (".123456789", 123_456), ("", 0)],
)
def test_parts_of_a_second_are_read(text, microsecond):
    found = parse_moment(f"2026-06-16 09:00:01{text}Z", "ymd", UTC)

    assert found == datetime(2026, 6, 16, 9, 0, 1, microsecond, tzinfo=UTC)


def test_a_moment_without_a_zone_is_in_the_given_one():
    assert parse_moment("2026-06-16 09:00", "ymd", SEOUL) == datetime(2026, 6, 16, tzinfo=UTC)
    assert parse_moment("2026-06-16", "ymd", SEOUL) == datetime(2026, 6, 15, 15, tzinfo=UTC)
    assert parse_moment("2026-06-16 09:00Z", "ymd", SEOUL) == datetime(2026, 6, 16, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone",
    [" KST", "+09:00", "+0900", " +09", " GMT+0900", " UTC+09:00", " +0900 (KST)", " GMT+0900 (Korean Standard Time)"],
)  # fmt: skip
def test_zones_are_understood(zone):
    found = parse_moment(f"2026-06-16 09:00{zone}", "ymd", ZoneInfo("America/New_York"))

    assert found == datetime(2026, 6, 16, tzinfo=UTC)


def test_zones_west_of_greenwich_are_behind():
    assert parse_moment("2026-06-16 09:00 GMT-0430", "ymd", SEOUL) == datetime(
        2026, 6, 16, 13, 30, tzinfo=UTC
    )


def test_a_long_text_is_no_date_and_not_kept():
    with pytest.raises(ValueRefused):
        parse_moment("2026-06-16" + " " * 1_000_000, "ymd", UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-06-16 24:00", "2026-06-16 09:60", "2026-06-16 9", "2026-06-16 13:00 +99:99", "2026-06-16 at nine", "0001-01-01 00:00+14:00", "2026-06-16 13:00 PM x", "2026-06-16 13:00 AM", "2026-06-16 오전 13:00", "2026-06-16 09:00 EST", "202606162500", "2026061609"],
)  # fmt: skip
def test_a_time_that_is_none_is_refused(text):
    with pytest.raises(ValueRefused):
        parse_moment(text, "ymd", UTC)


@settings(deadline=None)
@given(
    st.lists(st.datetimes(datetime(1991, 1, 1), datetime(2068, 1, 1)), min_size=1), st.booleans()
)
def test_seconds_and_milliseconds_since_1970_are_a_column_of_their_own(naive, in_milliseconds):
    moments = [
        each.replace(microsecond=each.microsecond // 1000 * 1000, tzinfo=UTC) for each in naive
    ]
    if not in_milliseconds:
        moments = [each.replace(microsecond=0) for each in moments]
    start = datetime(1970, 1, 1, tzinfo=UTC)
    unit = timedelta(milliseconds=1) if in_milliseconds else timedelta(seconds=1)
    texts = [str((each - start) // unit).zfill(13 if in_milliseconds else 10) for each in moments]
    assume(all(len(each) in (10, 13) for each in texts))

    orders = column(*texts)

    assert decide(orders) == EPOCH
    assert [parse_moment(each, EPOCH, SEOUL) for each in texts] == moments


def test_a_telephone_number_is_no_date():
    assert column("01023456701", "0212345678", "5551234567").total == 0


@settings(deadline=None)
@given(
    st.text()
    | st.text(st.sampled_from("0123456789-/. :년월일오전후TZ+apm"), max_size=30)
    | st.lists(
        st.sampled_from(
            [
                "3",
                "16",
                "2026",
                "Mar",
                "June",
                "Foo",
                "Tue",
                "at",
                "10:00",
                "PM",
                "14시",
                "(월)",
                "-",
                ",",
            ]
        )
    ).map(" ".join)
)
@example("2026-06-16\x00")
@example("٢٠٢٦-٠٦-١٦")
@example("0001-01-01T00:00+14:00")
@example("9999-12-31T23:59-12:00")
@example("9999999999999")
@example("Foo 3, 2026")
def test_any_text_is_a_date_or_refused(text):
    column(text)
    for order in (*ORDERS, EPOCH, None):
        try:
            found = parse_moment(text, order, SEOUL)
        except ValueRefused:
            continue
        assert found.tzinfo is UTC


# Real columns ----------------------------------------------------------------------------------------------------


def values(path, name, encoding="utf-8", delimiter=","):
    with path.open(encoding=encoding, newline="") as file:
        return [row[name] for row in csv.DictReader(file, delimiter=delimiter)]


def test_the_days_of_film_reviews_can_be_two_things(data):
    """They are years, months and days; but no year is above 31."""
    texts = values(data / "05_korean/nsmc_sample_dev_2k.tsv", "date", delimiter="\t")

    orders = column(*texts)

    with pytest.raises(AmbiguousDates) as caught:
        decide(orders)
    assert caught.value.meant == {"ymd": date(2015, 8, 10), "dmy": date(2010, 8, 15)}
    assert {parse_date(each, "ymd").year for each in texts} <= set(range(2003, 2019))


@pytest.mark.parametrize(
    ("name", "held", "order", "total"),
    [
        ("04_tickets/uci_incident_first5998.csv", "opened_at", "dmy", 5998),
        ("04_tickets/uci_incident_first5998.csv", "sys_updated_at", "dmy", 5998),
        ("04_tickets/uci_incident_first5998.csv", "closed_at", "dmy", 5998),
        ("04_tickets/cfpb_complaints_3186.csv", "Date received", "mdy", 3186),
        ("04_tickets/cfpb_complaints_3186.csv", "Date sent to company", "mdy", 3186),
        ("06_exports/fivetran_hubspot/owner_data.csv", "created_at", "ymd", 100),
    ],
)
def test_the_order_of_real_columns_is_found(data, name, held, order, total):
    texts = values(data / name, held)

    orders = column(*texts)

    assert decide(orders) == order
    assert orders.total == orders.fits[order] == total
    first = parse_moment(texts[0], order, UTC)
    assert (first.year, first.month, first.day) == (*plain_parts(texts[0], order),)


def plain_parts(text, order):
    by = dict(zip(order, map(int, re.findall(r"\d+", text)[:3]), strict=True))
    return by["y"], by["m"], by["d"]


def test_the_days_of_the_register_of_libraries_are_read(data):
    texts = values(data / "05_korean/library_std.csv", "데이터기준일자", "cp949")

    assert decide(column(*texts)) == "ymd"
    assert [parse_date(each, "ymd").isoformat() for each in texts] == texts
