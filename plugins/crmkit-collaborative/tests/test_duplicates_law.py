"""Comparing two customers, and which are compared at all: laws, names, and what must not be made one."""

from __future__ import annotations

import random

import pytest
from crmkit_collaborative.duplicates.blocking import Blocks
from crmkit_collaborative.duplicates.comparing import Frequencies
from crmkit_collaborative.duplicates.people import name_tokens, person
from crmkit_collaborative.duplicates.scoring import held_back, score, zone
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(
    [
        "김철수",
        "김 철수",
        "철수 김",
        "김영희",
        "Kim Cheol-su",
        "J. Smith",
        "John Smith",
        "Jon Smyth",
        "",
        "님",
        "ß",
        "王小明",
    ]
)
PHONES = st.sampled_from(["+821012345678", "+821012345679", "+820000000000", "1588"])
PEOPLE = st.lists(
    st.builds(
        person,
        id=st.uuids().map(str),
        type=st.sampled_from(["person", "person", "organization"]),
        name=NAMES,
        emails=st.lists(
            st.sampled_from(["a@b.example", "a@c.example", "kim@b.example"]), max_size=2
        ),
        phones=st.lists(PHONES, max_size=2),
        details=st.fixed_dictionaries(
            {},
            optional={
                "custom.birthday": st.sampled_from(["1980-01-02", "1980-02-01", "1999-12-31"])
            },
        ),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)


def made(base):
    """Every pair that is compared, with its score."""
    seen = Frequencies.of(base)
    found = [score(base[i], base[j], seen) for i, j in Blocks(base, seen)]
    return {(each.a, each.b): each for each in found}


def two(a, b, others=()):
    return score(a, b, Frequencies.of([a, b, *others]))


@given(PEOPLE, st.randoms())
def test_neither_the_order_of_reading_nor_of_two_matters(base, chance):
    shuffled = list(base)
    chance.shuffle(shuffled)
    assert made(shuffled) == made(base)
    seen = Frequencies.of(base)
    for one in base:
        for other in base:
            if one.id != other.id:
                assert score(one, other, seen) == score(other, one, seen)


@given(PEOPLE)
def test_every_score_is_what_its_parts_say(base):
    for each in made(base).values():
        bits = each.prior + sum(part.weight for part in each.parts)
        assert each.bits == pytest.approx(bits)
        assert each.value == pytest.approx(1 / (1 + 2**-bits))
        assert all(part.m is None or 0 < part.u <= 1 for part in each.parts)


@settings(max_examples=50)
@given(PEOPLE)
def test_whoever_shares_an_address_or_the_name_is_compared(base):
    found = made(base)
    for one in base:
        for other in base:
            if one.id < other.id and one.type == other.type:
                same = one.emails & other.emails or one.phones & other.phones
                same = same or (one.name and one.name == other.name)
                assert not same or (one.id, other.id) in found


@given(PEOPLE)
def test_people_are_never_organizations(base):
    types = {each.id: each.type for each in base}
    assert all(types[a] == types[b] for a, b in made(base))


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("김철수", ("김철수",)),
        ("김 철수 님", ("김철수",)),
        ("철수 김", ("김철수",)),
        ("남궁 민수", ("남궁민수",)),
        ("Müller,  Jörg", ("muller", "jorg")),
        ("Dr. John Smith", ("john", "smith")),
        ("", ()),
    ],
)
def test_names_in_one_form(name, tokens):
    assert name_tokens(name) == tokens


def test_companies_without_their_form():
    assert name_tokens("(주)한빛전자", "organization") == ("한빛전자",)
    assert name_tokens("Northwind Ltd", "organization") == ("northwind",)


def zones(a, b, others=()):
    return zone(two(a, b, others), 0.92, 0.75)


def test_the_same_person_written_twice():
    a = person("a", "person", "김 철수", ["a@b.example"], ["+821012345678"])
    assert zones(a, person("b", "person", "철수 김", ["a@b.example"])) == "auto"
    assert zones(a, person("b", "person", "김철스", ["a@b.example"], ["+821012345678"])) == "auto"


def test_a_family_is_not_one_person():
    a = person("a", "person", "김철수", ["home@b.example"], ["+821012345678"])
    b = person("b", "person", "김영희", ["home@b.example"], ["+821012345678"])
    assert zones(a, b) == "review"
    assert held_back(two(a, b).parts) == "names"


def test_one_thing_in_common_is_not_enough():
    a = person("a", "person", "김철수", ["a@b.example"])
    assert zones(a, person("b", "person", "", ["a@b.example"])) == "review"
    assert held_back(two(a, person("b", "person", "", ["a@b.example"])).parts) == "one"


def test_what_many_have_says_little():
    a, b = (
        person(id, "person", name, phones=["+8215881234"])
        for id, name in (("a", "이준호"), ("b", "이준오"))
    )
    shared = [person(f"s{n}", "person", f"직원{n}", phones=["+8215881234"]) for n in range(200)]
    assert two(a, b, shared).value < two(a, b).value


def test_placeholders_are_not_addresses():
    assert (
        person("a", "person", "x", phones=["+820000000000", "+82100000000", "", "0"]).phones
        == frozenset()
    )
    assert person("a", "person", "x", phones=["+821012345678"]).phones == {"+821012345678"}


def test_what_is_missing_speaks_neither_for_nor_against():
    a = person("a", "person", "김철수", ["a@b.example"], details={"custom.birthday": "1980-01-02"})
    b = person("b", "person", "김철수", ["a@b.example"])
    assert {each.of for each in two(a, b).parts} == {"name", "email"}


def test_too_common_a_key_is_said_to_be_skipped():
    base = [
        person(f"{n:03}", "person", "", details={"country": "KR", "custom.city": "서울"})
        for n in range(80)
    ]
    seen = Frequencies.of(base)
    blocks = Blocks(base, seen)
    assert list(blocks) == []
    assert set(blocks.skipped.values()) == {80}


def test_noise_is_not_found():
    chance = random.Random(7)
    syllables = "가나다라마바사아자차카타파하"
    base = [
        person(
            str(n),
            "person",
            "".join(chance.choices(syllables, k=3)),
            [f"{n}-{chance.randrange(10**6)}@x{n}.example"],
            [f"+8210{chance.randrange(10**8):08}"],
        )
        for n in range(500)
    ]
    assert not [each for each in made(base).values() if zone(each, 0.92, 0.75) == "auto"]


def test_the_first_branch_is_not_the_third():
    a, b = (
        person(id, "organization", f"창{n}동 작은도서관", details={"country": "KR"})
        for id, n in (("a", 1), ("b", 3))
    )
    assert [each.outcome for each in two(a, b).parts if each.of == "name"] == ["different"]
