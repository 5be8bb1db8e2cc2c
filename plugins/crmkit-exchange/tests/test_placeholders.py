"""Values that stand for nothing are told from those that are somebody's."""

from __future__ import annotations

import csv
import hashlib

import pytest
from crmkit_exchange.placeholders import (
    PLACEHOLDERS,
    is_placeholder,
    is_placeholder_date,
    placeholder_reason,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

WORDS = [(why, word) for why, words in PLACEHOLDERS.items() for word in words]
EMPTY_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(("why", "word"), WORDS)
def test_every_word_of_the_table_stands_for_nothing(why, word):
    for written in (word, word.upper(), f"  {word}\t"):
        assert placeholder_reason(written) == why
        assert is_placeholder(written, "address")


@pytest.mark.parametrize(
    ("text", "address", "any_", "name"),
    [
        ("", True, True, True),
        ("-", True, True, True),
        ("???", True, True, True),
        ("선택하세요", True, True, True),
        ("--Select--", True, True, True),
        (EMPTY_MD5, True, True, True),
        (EMPTY_MD5.upper(), True, True, True),
        ("1B2M2Y8AsgTpgAmY7PhCfg==", True, True, True),
        ("N/A", True, True, False),
        ("Null", True, True, False),
        ("None", True, True, False),
        ("없음", True, True, False),
        ("test@test.com", True, False, False),
        ("000-0000-0000", True, False, False),
        ("010-0000-0000", True, False, False),
        ("+82 10 0000 0000", True, False, False),
        ("+82-32-000-0000", True, False, False),
        ("+1 (000) 000-0000", True, False, False),
        ("+82 2-2000-0000", False, False, False),
        ("+82 1588 0000", False, False, False),
        ("02-000-0000", True, False, False),
        ("(032) 000-0000", True, False, False),
        ("02-100-0000", False, False, False),
        ("02-2000-0000", False, False, False),
        ("--None--", True, True, False),
        ("(null)", True, True, False),
        ("[없음]", True, True, False),
        ("N/A.", True, True, False),
        ("ㅡ", True, True, True),
        ("－－－－－", True, True, True),
        ("Select...", True, True, True),
        ("-- Please Select --", True, True, True),
        ("#REF!", True, True, True),
        ("#N/A", True, True, True),
        ("(Kim)", False, False, False),
        ("(", False, False, False),
        ("-5", False, False, False),
        ("0", True, False, False),
        ("1111111", True, False, False),
        ("(999) 999-9999", True, False, False),
        ("1234567890", False, False, False),
        ("111111", False, False, False),
        ("02-123-4567", False, False, False),
        ("kim@acme.example", False, False, False),
        ("김하늘", False, False, False),
        ("Select Ltd", False, False, False),
        ("d41d8cd98f00b204e9800998ecf8427f", False, False, False),
    ],
)
def test_what_stands_for_nothing_depends_on_what_it_is_to_be(text, address, any_, name):
    told = [is_placeholder(text, "address"), is_placeholder(text), is_placeholder(text, "name")]

    assert told == [address, any_, name]


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_the_hash_of_nothing_is_known(name):
    assert placeholder_reason(hashlib.new(name, b"").hexdigest()) == "the hash of nothing"
    assert placeholder_reason(hashlib.new(name, b"x").hexdigest()) is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0000-00-00", True),
        ("0000-00-00 00:00:00", True),
        ("00/00/0000", True),
        ("1900. 1. 1.", True),
        ("01/01/1900", True),
        ("1900-01-00", True),
        ("12/30/1899", True),
        ("31.12.9999", True),
        ("19000101", True),
        ("1901-01-01", False),
        ("01/01/00", False),
        ("없음", False),
        ("0", False),
        ("1900-01-01", True),
        ("0001-01-01T00:00:00Z", True),
        ("9999-12-31", True),
        ("00000000", True),
        ("1970-01-01", False),
        ("2026-06-16", False),
        ("1900-01-02", False),
        ("", False),
    ],
)
def test_days_that_stand_for_none_are_known(text, is_one):
    assert is_placeholder_date(text) is is_one


def test_the_hashed_names_of_hubspots_owners_are_known_where_they_are_blank(data):
    with (data / "06_exports/fivetran_hubspot/owner_data.csv").open(newline="") as file:
        owners = list(csv.DictReader(file))

    blank = [each for each in owners if is_placeholder(each["first_name"], "name")]

    assert (len(owners), len(blank)) == (100, 23)
    assert {each["first_name"] for each in blank} == {"1B2M2Y8AsgTpgAmY7PhCfg=="}


@settings(deadline=None)
@given(st.text())
@example("\x00")
def test_a_value_that_is_no_name_is_nothing_else_either(text):
    """`name` is the narrowest, `address` the widest."""
    if is_placeholder(text, "name"):
        assert is_placeholder(text)
    if is_placeholder(text):
        assert is_placeholder(text, "address")


@settings(deadline=None)
@given(
    st.integers(0, 9),
    st.integers(1, 20),
    st.lists(st.sampled_from(" -.()/+"), max_size=6),
    st.data(),
)
def test_one_digit_over_and_over_is_nobodys_number(digit, times, marks, data):
    shown = data.draw(st.permutations([*[str(digit)] * times, *marks]).map("".join))

    is_nobodys = digit == 0 or times >= 7

    assert (placeholder_reason(shown) is not None) == is_nobodys


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789"), min_size=7, max_size=14))
def test_a_number_of_several_digits_is_somebodys(text):
    if len(set(text)) > 2:
        assert placeholder_reason(text) is None
