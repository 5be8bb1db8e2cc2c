"""Telephone numbers are found in the ways people write them, and are the same in every way."""

from __future__ import annotations

import csv
from collections import Counter

import phonenumbers
import pytest
from crmkit_exchange.phones import phone, phones
from crmkit_exchange.placeholders import is_placeholder
from hypothesis import example, given, settings
from hypothesis import strategies as st

SEOUL = "+8221234567"

# Korean numbers that numbering plans have: mobile, Seoul, a province, and those of the internet.
# Of these ranges some were never given out, as 010-597x-xxxx.
KOREAN = st.one_of(
    st.from_regex(r"010[2-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"02[2-9][0-9]{6,7}", fullmatch=True),
    st.from_regex(r"0(31|51|64)[2-9][0-9]{6,7}", fullmatch=True),
    st.from_regex(r"070[2-9][0-9]{7}", fullmatch=True),
).filter(lambda each: phonenumbers.is_valid_number(phonenumbers.parse(each, "KR")))


def rows(path, encoding="utf-8"):
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


# Real numbers ----------------------------------------------------------------------------------------------------


def test_the_register_of_libraries_has_3309_numbers(data):
    told = [row["도서관전화번호"] for row in rows(data / "05_korean/library_std.csv", "cp949")]

    found = [text for text in told if phones(text, "KR")]
    rest = Counter(text for text in told if text and not phones(text, "KR"))

    assert len(told) == 3555
    assert len(found) == 3309
    assert sum(count for text, count in rest.items() if is_placeholder(text, "address")) == 36
    assert [text for text in rest if not is_placeholder(text, "address")] == ["035-664-3571"]
    assert not [text for text in found if is_placeholder(text, "address")]


@pytest.mark.parametrize("form", ["national", "international", "e164", "rfc3966"])
def test_the_examples_of_all_regions_are_numbers_in_every_form(data, form):
    examples = rows(data / "09_validation/phone_examples.csv")

    assert len(examples) == 673
    wrong = [each for each in examples if phone(each[form], each["region"]) != each["e164"]]
    assert wrong == []


def test_numbers_with_a_country_code_do_not_depend_on_the_region(data):
    examples = rows(data / "09_validation/phone_examples.csv")

    assert [each for each in examples if phone(each["e164"], "KR") != each["e164"]] == []


# Ways of writing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "02-123-4567",
        "02)123-4567",
        "(02) 123 4567",
        "02.123.4567",
        "021234567",
        "０２－１２３－４５６７",
        " 02-123-4567\t",
        "+82 2 123 4567",
        "+82-(0)2-123-4567",
        "tel:+82-2-123-4567",
        "02-123-4567~9",
        "02-123-4567∼4569",
        "02-123-4567～9",
        "02-123-4567(8)",
        "02-123-4567/8",
        "02-123-4567 / 68",
        "02-123-4567 (대표)",
        "02-123-4567(김 대리, 오전만)",
        "(전화) 02-123-4567",
        "02-123-4567 [office]",
    ],
)
def test_a_number_is_the_same_however_it_is_written(text):
    assert phone(text, "KR") == SEOUL


@pytest.mark.parametrize(
    "text",
    [
        "02-123-4567 내선 12",
        "02-123-4567(내선12)",
        "02-123-4567 (내선 : 12)",
        "02-123-4567 구내 12",
        "02-123-4567 교환12",
        "02-123-4567 ext. 12",
        "02-123-4567 x12",
        "02-123-4567, ext 12",
        "02-123-4567, 내선 12",
        "02-123-4567~9 내선 12",
        "02-123-4567~9 ext. 12",
        "02-123-4567 (내선 12~14)",
        "02-123-4567 (대표) 내선 12",
        "+8221234567;ext=12",
        "tel:+82-2-123-4567;ext=12",
    ],
)
def test_an_extension_stands_behind_its_number(text):
    assert phone(text, "KR") == f"{SEOUL};ext=12"
    assert phones(text, "KR") == [f"{SEOUL};ext=12"]


@pytest.mark.parametrize(
    "text",
    ["", "-", "없음", "x", "1", "12345", "전화 없음", "000-0000-0000", "2026-06-16", "0" * 500, "\x00", "1" * 99],
)  # fmt: skip
def test_what_is_no_number_is_none(text):
    assert phone(text, "KR") is None
    assert phones(text, "KR") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("02-123-4567, 02-123-4568", [SEOUL, "+8221234568"]),
        ("02-123-4567/010-2345-6789", [SEOUL, "+821023456789"]),
        ("02-123-4567; 02-123-4567", [SEOUL]),
        ("02-123-4567\n010-2345-6789", [SEOUL, "+821023456789"]),
        ("02-123-4567 | 없음", [SEOUL]),
        ("02-123-4567 또는 010-2345-6789", [SEOUL, "+821023456789"]),
        ("02-123-4567 or 010-2345-6789", [SEOUL, "+821023456789"]),
        ("02-123-4567 010-2345-6789", [SEOUL, "+821023456789"]),
        ("02 123 4567 ::: 010 2345 6789", [SEOUL, "+821023456789"]),
        ("02/123/4567", [SEOUL]),
        ("０２－１２３－４５６７，０１０－２３４５－６７８９", [SEOUL, "+821023456789"]),
        ("02-123-4567 (내선 12), 010-2345-6789", [f"{SEOUL};ext=12", "+821023456789"]),
        ("02-123-4567~9, 010-2345-6789(집)", [SEOUL, "+821023456789"]),
        ("010-2345-6789", ["+821023456789"]),
    ],
)
def test_several_numbers_in_a_cell_are_told_apart(text, found):
    assert phones(text, "KR") == found
    assert phone(text, "KR") == (found[0] if len(found) == 1 else None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1588-1234", "+8215881234"),
        ("15881234", "+8215881234"),
        ("+82 1588 1234", "+8215881234"),
        ("010.1234.5678", "+821012345678"),
        ("1012345678", "+821012345678"),
        ("054)338-2124", "+82543382124"),
        ("070-1234-5678", "+827012345678"),
        ("0505-123-4567", "+825051234567"),
        ("080-123-4567", "+82801234567"),
    ],
)
def test_korean_numbers_of_every_sort_have_one_form(text, found):
    assert phone(text, "KR") == found
    assert phone(found, "KR") == found


@pytest.mark.parametrize(
    ("text", "region", "found"),
    [
        ("0664/1234567", "AT", ["+436641234567"]),
        ("030 / 12 34 56", "DE", ["+4930123456"]),
        ("030/1234567, 0171/1234567", "DE", ["+49301234567", "+491711234567"]),
        ("030/1234567 / 0171/1234567", "DE", ["+49301234567", "+491711234567"]),
        ("0664/1234567 / 0676/1234567", "AT", ["+436641234567", "+436761234567"]),
    ],
)
def test_a_slash_may_stand_behind_the_area(text, region, found):
    assert phones(text, region) == found


def test_a_long_text_is_not_searched_for_numbers():
    assert phones("02-123-4567 " * 100_000, "KR") == []


def test_the_region_says_whose_numbers_they_are():
    assert phone("030 123456", "DE") == "+4930123456"
    assert phone("030 123456", "KR") is None


# Laws ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(KOREAN, st.sampled_from(["E164", "INTERNATIONAL", "NATIONAL", "RFC3966"]))
def test_a_number_comes_back_from_every_form(digits, form):
    number = phonenumbers.parse(digits, "KR")
    expected = "+82" + digits[1:]

    written = phonenumbers.format_number(number, getattr(phonenumbers.PhoneNumberFormat, form))

    assert phonenumbers.is_valid_number(number)
    assert phone(written, "KR") == expected
    assert phone(expected, "US") == expected


@settings(deadline=None)
@given(
    st.lists(st.tuples(KOREAN, st.none() | st.integers(1, 9999)), min_size=1, max_size=3),
    st.sampled_from([" 내선 ", "(내선 ", ", ext ", ";ext=", " x"]),
    st.sampled_from([", ", "; ", " / ", "\n"]),
)
def test_extensions_stay_with_their_numbers(numbers, word, between):
    end = ")" if "(" in word else ""
    written = [n if ext is None else f"{n}{word}{ext}{end}" for n, ext in numbers]
    expected = [f"+82{n[1:]}" + ("" if ext is None else f";ext={ext}") for n, ext in numbers]

    assert phones(between.join(written), "KR") == list(dict.fromkeys(expected))


@settings(deadline=None)
@given(st.lists(KOREAN, min_size=1, max_size=4), st.sampled_from([", ", ";", " / ", "\n", "|"]))
def test_numbers_that_were_joined_are_found_each_once(numbers, between):
    assert phones(between.join(numbers), "KR") == list(
        dict.fromkeys("+82" + each[1:] for each in numbers)
    )


@settings(deadline=None)
@given(st.text() | st.text(st.sampled_from("0123456789-+() ~ext.;,/내선"), max_size=40))
@example("+82 2 123 4567;ext=")
@example("02-123-4567 ~")
def test_any_text_is_a_number_or_none(text):
    several = phones(text, "KR")
    assert phone(text, "KR") == (several[0] if len(several) == 1 else None)
    for found in several:
        number, _, extension = found.partition(";ext=")
        assert number[0] == "+"
        assert number[1:].isdecimal()
        assert number.isascii()
        assert not extension or extension.isdecimal()


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789-+() ~x"), min_size=7, max_size=16))
@example("2125550123 x5")
def test_what_was_found_is_found_again(text):
    assert all(phone(each, "US") == each for each in phones(text, "KR"))
