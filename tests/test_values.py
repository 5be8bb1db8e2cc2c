"""Money, ids and time."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import ValueRefused
from crmkit.values import INT64, Money, format_time, new_id, parse_time

HALF = INT64 // 2
amounts = st.integers(-HALF, HALF)
monies = st.builds(Money, amounts, st.sampled_from(["EUR"]))


@given(monies, monies, monies)
def test_money_adds_up_in_any_order(a, b, c):
    small = [Money(each.minor // 4, "EUR") for each in (a, b, c)]
    a, b, c = small
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a - b == a + -b
    assert (a + b) - b == a


@given(monies, monies)
def test_money_of_one_currency_is_ordered_as_its_amounts(a, b):
    assert (a < b) == (a.minor < b.minor) == (b > a)
    assert (a == b) == (a.minor == b.minor)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_money_multiplies_by_whole_numbers(minor, times):
    assert (Money(minor, "EUR") * times).minor == minor * times


def test_two_currencies_never_mix():
    euro, won = Money(1, "EUR"), Money(1, "KRW")
    assert euro != won
    for attempt in (
        lambda: euro + won,
        lambda: euro - won,
        lambda: euro < won,
        lambda: euro >= won,
    ):
        with pytest.raises(ValueRefused, match="two currencies"):
            attempt()


@pytest.mark.parametrize(
    ("minor", "currency"),
    [(1.0, "EUR"), (True, "EUR"), (INT64 + 1, "EUR"), (1, "eur"), (1, "EU"), (1, "ÄÖÜ"), (1, None)],
)
def test_what_is_no_money_is_refused(minor, currency):
    with pytest.raises(ValueRefused):
        Money(minor, currency)


def test_money_times_a_fraction_is_refused():
    with pytest.raises(ValueRefused, match="round first"):
        Money(1, "EUR") * 1.5


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        ("12.50", "EUR", 1250, "12.50 EUR"),
        ("12.345", "EUR", 1235, "12.35 EUR"),
        ("-12.345", "EUR", -1235, "-12.35 EUR"),
        (1500, "KRW", 1500, "1,500 KRW"),
        (Decimal("1.2345"), "KWD", 1235, "1.235 KWD"),
    ],
)
def test_amounts_in_major_units(amount, currency, minor, text):
    money = Money.of(amount, currency)
    assert money.minor == minor
    assert str(money) == text


@pytest.mark.parametrize("amount", ["", "x", "NaN", "Infinity", "1e99"])
def test_amounts_that_are_none_are_refused(amount):
    with pytest.raises(ValueRefused):
        Money.of(amount, "EUR")


def test_ids_rise_and_are_uuids_of_version_7():
    ids = [new_id() for _ in range(5_000)]
    assert ids == sorted(set(ids))
    for each in ids[:100]:
        assert (len(each), each[14], each[19] in "89ab") == (36, "7", True)


def test_ids_of_many_threads_differ():
    made = []
    threads = [
        threading.Thread(target=lambda: made.extend(new_id() for _ in range(500))) for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(made)) == 4_000


@given(
    st.datetimes(
        min_value=datetime(1, 1, 2),
        max_value=datetime(9999, 12, 30),
        timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
    )
)
def test_times_as_text_keep_the_instant(moment):
    text = format_time(moment)
    assert parse_time(text) == moment
    assert parse_time(text).tzinfo is UTC
    assert len(text) == 32


@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=10))
def test_times_as_text_sort_as_times(moments):
    assert sorted(map(format_time, moments)) == [format_time(each) for each in sorted(moments)]


@pytest.mark.parametrize("text", ["", "x", "2026-03-01", "2026-03-01T09:00", "2026-02-30T00:00Z"])
def test_times_without_a_zone_or_sense_are_refused(text):
    with pytest.raises(ValueRefused):
        parse_time(text)


def test_times_that_leave_the_calendar_are_refused():
    with pytest.raises(ValueRefused, match="1 to 9999"):
        parse_time("0001-01-01T00:00:00+09:00")
