"""What presets are made of: values, references, reasons to skip a row."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

import attrs
import pytest
from crmkit_exchange.importing.rows import FoldedRow
from crmkit_exchange.presets.deleted import any_of, says, taken_in, thrown_away
from crmkit_exchange.presets.locales import Language, Zone
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import (
    Column,
    First,
    Id,
    Items,
    Joined,
    Made,
    Unmarked,
    Words,
    is_blank,
)
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = st.sampled_from("abcd")
CELLS = st.none() | st.sampled_from(["", " ", "\t"]) | st.text("kim이 0?", min_size=1, max_size=4)
ROWS = st.dictionaries(COLUMNS, CELLS)

# Values --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(ROWS, st.lists(COLUMNS, unique=True))
def test_the_first_value_is_the_first_that_is_not_blank(row: dict[str, Any], names: list[str]):
    said = [row[name] for name in names if row.get(name) is not None and row[name].strip()]

    assert First(names)(row) == (said[0] if said else None)
    assert First(names).columns == tuple(names)


@settings(deadline=None)
@given(ROWS, st.lists(COLUMNS, unique=True))
def test_joining_keeps_every_text_and_adds_nothing_but_spaces(
    row: dict[str, Any], names: list[str]
):
    said = [row[name].strip() for name in names if row.get(name) and row[name].strip()]

    assert Joined(names)(row) == (" ".join(said) or None)


@pytest.mark.parametrize(
    ("given", "family", "name"),
    [
        ("지원", "김", "김지원"),
        ("太郎", "山田", "山田太郎"),
        ("Olivia", "Bennett", "Olivia Bennett"),
        ("Olivia", "김", "Olivia 김"),
        ("지원", "", "지원"),
        ("", "김", "김"),
        ("Mary Ann", " O'Neil ", "Mary Ann O'Neil"),
        (None, None, None),
    ],
)
def test_names_are_joined_as_they_are_written(
    given: str | None, family: str | None, name: str | None
):
    joined = Joined(["first", "last"], family="last")

    assert joined({"first": given, "last": family}) == name


@settings(deadline=None)
@given(ROWS)
def test_a_value_may_stand_in_place_of_a_column(row: dict[str, Any]):
    name = First([Joined(["a", "b"]), "c"])

    assert name(row) == (Joined(["a", "b"])(row) or First(["c"])(row))
    assert name.columns == ("a", "b", "c")


@settings(deadline=None)
@given(st.dictionaries(st.text("abAB", min_size=1), st.integers(), max_size=3), st.text("abAB "))
def test_words_are_compared_without_case(words: dict[str, int], given: str):
    folded = {}
    for word, ours in words.items():
        folded[word.lower()] = ours

    assert Words("x", words, other="-")({"x": given}) == folded.get(given.strip().lower(), "-")


def test_a_word_that_is_missing_is_another():
    assert Words("x", {"A": 1}, other=2)({}) == 2
    assert Words("x", {"A": 1})({"x": None}) is None
    assert Words("x", {"true": 1})({"x": True}) == 1


@settings(deadline=None)
@given(st.lists(st.text("abc ", min_size=1).filter(str.strip), max_size=4))
def test_items_of_a_text_and_of_a_list_are_the_same(words: list[str]):
    expected = tuple(word.strip() for word in words) or None

    assert Items("t")({"t": ";".join(words)}) == expected
    assert Items("t")({"t": words}) == expected
    assert Items("t", "|")({"t": "|".join(words)}) == expected


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ("9001", "9001"),
        (9001, "9001"),
        ("9002;9999", "9002"),
        (" ; 9002 , 9999", "9002"),
        ([{"id": "501", "type": "call_to_contact"}, {"id": "502"}], "501"),
        ({"value": 4, "name": "Acme"}, "4"),
        ([], None),
        ("", None),
        (None, None),
        ([{"type": "x"}], None),
    ],
)
def test_an_id_is_found_in_whatever_holds_it(given: object, id: str | None):
    assert Id("x")({"x": given}) == id


@pytest.mark.parametrize(
    "text",
    ["plain", "3 < 4 and 5 > 2", "<jiwon@hanbit.example> wrote", "a\n\nb", "R&D &amp; 환불", ""],
)
def test_a_text_without_html_stays_as_it_is(text: str):
    assert Unmarked("t")({"t": text}) == text


def test_html_is_read_as_text():
    assert Unmarked("t")({"t": "<p>환불 문의</p><p>A &amp; B<br>C</p>"}) == "환불 문의\n\nA & B\nC"
    assert Unmarked(First(["t"]))({"t": '<div style="x">a</div>'}) == "a"
    assert Unmarked("t")({}) is None
    assert Unmarked("t")({"t": 5}) == 5


@pytest.mark.parametrize("value", [None, "", "  ", [], {}, ()])
def test_nothing_is_blank(value: object):
    assert is_blank(value)


@pytest.mark.parametrize("value", [0, False, "0", "-", [None]])
def test_little_is_not_blank(value: object):
    assert not is_blank(value)


# Languages and zones -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en-US", "en"),
        ("ko", "ko"),
        ("ko_KR.UTF-8", "ko"),
        ("PT-br", "pt"),
        ("zh-Hant-TW", "zh"),
        ("Korean", "Korean"),
        ("", None),
    ],
)
def test_the_language_of_a_locale(locale: str, language: str | None):
    assert Language("l")({"l": locale}) == language


@settings(deadline=None)
@given(st.sampled_from(sorted(each for each in available_timezones() if "/" in each)))
def test_an_iana_zone_stays_as_it_is_and_comes_back_from_hubspots_spelling(zone: str):
    spelt = zone.lower().replace("/", "_slash_").replace("-", "_hyphen_").replace("+", "_plus_")

    assert Zone("z")({"z": zone}) == zone
    assert Zone("z")({"z": spelt}) == zone


@pytest.mark.parametrize(
    ("zendesk", "zone"),
    [
        ("Seoul", "Asia/Seoul"),
        ("Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("Hong Kong", "Asia/Hong_Kong"),
        ("Osaka", "Asia/Tokyo"),
        ("Kuala Lumpur", "Asia/Kuala_Lumpur"),
        ("Singapore", "Asia/Singapore"),
        ("Cape Verde Is.", "Atlantic/Cape_Verde"),
        ("UTC", "UTC"),
        ("Somewhere else", "Somewhere else"),
        ("", None),
    ],
)
def test_zendesks_zones_are_those_of_rails(zendesk: str, zone: str | None):
    assert Zone("z")({"z": zendesk}) == zone


# References ----------------------------------------------------------------------------------------------------

WITH = Reference("who", ("contact", "lead"), Reference(Id("accounts"), "account"))


def test_a_reference_counts_where_it_says_something_else_the_other():
    account = WITH.otherwise

    assert WITH.found({"who": " 003 ", "accounts": [{"id": 1}]}) == (WITH, "003")
    assert WITH.found({"who": "", "accounts": [{"id": 1}]}) == (account, "1")
    assert WITH.found({"who": None}) is None


def test_a_reference_names_every_column_that_it_may_look_at():
    assert WITH.columns == ("who", "accounts")
    assert WITH.column == "who"
    assert Reference("company").object == ()


# Reasons to skip -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["TRUE", "true", " True ", True, 1, "1", "yes"])
def test_what_is_marked_as_deleted_is_skipped(said: object):
    skip = thrown_away("HubSpot", "is_deleted", alive=["active"])

    assert skip({"is_deleted": said}) == "was deleted in HubSpot"
    assert skip({"is_deleted": "FALSE", "active": said}) is None


@pytest.mark.parametrize("said", ["FALSE", "false", False, 0, "0", "no"])
def test_what_is_not_active_is_skipped(said: object):
    skip = thrown_away("Zendesk", "deleted", alive=["active"])

    assert skip({"active": said}) == "was deleted in Zendesk"
    assert skip({"deleted": said}) is None


@pytest.mark.parametrize("said", [None, "", "maybe"])
def test_what_says_nothing_of_being_deleted_is_there(said: object):
    assert thrown_away("X", "deleted", alive=["active"])({"deleted": said, "active": said}) is None


def test_the_first_reason_of_several_counts():
    skip = any_of(taken_in("was merged", "master"), says("is open", "status", ["Open"]))

    assert skip({"master": "5", "status": "open"}) == "was merged"
    assert skip({"master": " ", "status": "open "}) == "is open"
    assert skip({"master": None}) is None


# Presets -------------------------------------------------------------------------------------------------------

PRESET = Preset(
    name="old-clients",
    source="old",
    object="client",
    label="Old: clients",
    kind="customer",
    signatures=[["CL_ID", "CL_NAME"], ["@clients", "id", "name", "CL_TAG"], ["name", "@alone"]],
    key="CL_ID",
    fields={"name": First(["CL_NAME", "name"]), "tags": Items("CL_TAG")},
    addresses={"email": "CL_MAIL"},
    references={"organization_id": Reference("CL_ORG", "client", Reference("CL_FIRM"))},
    ignored=["CL_READ_AT"],
)


def test_a_preset_names_every_column_that_is_not_left():
    assert PRESET.columns == ("CL_ID", "CL_NAME", "name", "CL_TAG", "CL_MAIL", "CL_ORG", "CL_FIRM", "CL_READ_AT")  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "within", "size"),
    [
        (["cl_id", " CL_NAME ", "more"], None, 2),
        (["CL_ID"], None, 0),
        (["id", "name", "cl_tag"], "clients", 4),
        (["id", "name", "cl_tag"], "users", 0),
        (["id", "name", "cl_tag", "cl_id", "cl_name"], "clients", 4),
        (["name"], None, 2),
        (["name", "more"], None, 0),
        ([], None, 0),
    ],
)
def test_the_longest_signature_that_is_there_whole_counts(
    columns: list[str], within: str | None, size: int
):
    assert PRESET.fits(columns, within) == size


def test_a_preset_says_what_it_becomes():
    assert PRESET.becomes == "customer"
    assert attrs.evolve(PRESET, kind=None, reason="are no customers").becomes == "are no customers"


def test_columns_are_found_however_they_are_spelt():
    row = FoldedRow({"property_firstname": "Jiwon", "Last Name": "Kim", "hs_language__c": "ko"})

    assert Joined(["firstname", "lastname"])(row) == "Jiwon Kim"
    assert Language("hslanguage")(row) == "ko"
    assert Made(lambda row: row.get("FIRST_NAME"), ["firstname"])(row) == "Jiwon"
    assert Column("nothing")(row) is None


def test_a_presets_name_is_one_that_can_be_typed():
    with pytest.raises(Exception, match=re.escape("hubspot-contacts")):
        attrs.evolve(PRESET, name="Old Clients")
