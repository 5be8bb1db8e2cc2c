"""What is said: every template can be said in every case, and Korean particles fit their words."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import UTC, datetime
from string import Formatter

import pytest
from crmkit_demo.company import LONDON, SEOUL
from crmkit_demo.hours import Hours
from crmkit_demo.names import Firms, otherwise, person
from crmkit_demo.scenes import Scene, scenes_for
from crmkit_demo.texts import texts
from crmkit_demo.wording import Word, said

ROLES = ("person", "business", "organization", "stranger", "leaver")
WORDS = [
    "product",
    "quantity",
    "weight",
    "amount",
    "small",
    "order",
    "ordered",
    "arrives",
    "later",
    "weekday",
    "time",
    "firm",
    "name",
    "first",
    "staff",
    "company",
]


def scenes(language: str) -> list[Scene]:
    return list(dict.fromkeys(each for role in ROLES for each in scenes_for(language, role)))


def templates(scene: Scene) -> list[str]:
    return [*scene.subjects, *(turn.says for turn in scene.turns)]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_template_uses_words_that_there_are(language: str) -> None:
    for scene in scenes(language):
        for template in templates(scene):
            used = {name for _, name, _, _ in Formatter().parse(template) if name}
            assert used <= {*WORDS}, template
            assert template.count("[") == template.count("]"), template


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_cases_of_a_scene_are_as_many_everywhere(language: str) -> None:
    for scene in scenes(language):
        found = re.findall(r"\[=([^\[\]]*)\]", " ".join(templates(scene)))
        counts = {each.count("|") + 1 for each in found}
        assert len(counts) <= 1, (scene.topic, scene.channel, scene.who, found)


def test_both_languages_have_the_same_scenes() -> None:
    def sorts(language: str) -> Counter[tuple[str, str, str, str | None, int]]:
        return Counter(
            (each.topic, each.channel, each.who, each.outcome, len(each.turns))
            for each in scenes(language)
        )

    assert sorts("ko") == sorts("en")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_whatever_is_said_reads_as_a_text(language: str) -> None:
    words = dict.fromkeys(WORDS, "원두" if language == "ko" else "moka pot")
    draw = random.Random(1)
    for scene in scenes(language):
        for template in templates(scene):
            for case in range(60):
                text = said(template, words, draw, case)
                assert not re.search(r"[\[\]{}|]|  |\.\.|^ | $|,[.,]", text), text
                assert text[0] == text[0].upper()


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("원두", "을", "원두를"),
        ("드립백", "을", "드립백을"),
        ("원두", "이", "원두가"),
        ("디카페인", "은", "디카페인은"),
        ("원두", "과", "원두와"),
        ("머신", "으로", "머신으로"),
        ("원두", "으로", "원두로"),
        ("우일", "으로", "우일로"),
        ("20kg", "으로", "20kg으로"),
        ("240312-003", "으로", "240312-003으로"),
        ("240312-008", "으로", "240312-008로"),
        ("240312-002", "으로", "240312-002로"),
        ("38,000원", "이라고", "38,000원이라고"),
        ("24파운드", "이라고", "24파운드라고"),
        ("모카포트", "에", "모카포트에"),
    ],
)
def test_the_particle_fits_the_word(word: str, particle: str, expected: str) -> None:
    assert format(Word(word), particle) == expected


def test_no_particle_is_left_to_chance() -> None:
    text = " ".join(template for scene in scenes("ko") for template in templates(scene))

    assert not re.search(
        r"\{(product|amount|small|weight|order)\}(을|를|은|는|이|가|과|와|으로|로)\b", text
    )


def test_the_same_case_answers_what_was_asked() -> None:
    template = "[=tea|coffee], [=leaf|bean]"

    assert [said(template, {}, random.Random(), case) for case in range(3)] == [
        "Tea, leaf",
        "Coffee, bean",
        "Tea, leaf",
    ]


def test_surnames_are_as_common_as_they_are() -> None:
    draw = random.Random(1)
    korean = Counter(person("ko", draw).last for _ in range(5000))

    assert [name for name, _ in korean.most_common(3)] == ["김", "이", "박"]
    assert 0.18 < korean["김"] / 5000 < 0.25
    assert len(korean) > 40


def test_names_can_be_written_otherwise() -> None:
    draw = random.Random(1)
    for language in ("ko", "en"):
        for _ in range(200):
            name = person(language, draw)
            assert otherwise(name, draw) != name.full
            assert all(part.isascii() and part.islower() for part in name.letters)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_two_organizations_have_one_name_or_domain(language: str) -> None:
    firms, draw = Firms(), random.Random(1)
    made = [firms.new(language, draw) for _ in range(3000)]

    assert len({each.name for each in made}) == len({each.letters for each in made}) == 3000


def test_prices_are_there_in_both_currencies() -> None:
    for row in texts("goods")["goods"]:
        assert 1200 < row["won"] / (row["pence"] / 100) < 1700, row


# Hours ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "moment", "is_open"),
    [
        (SEOUL, datetime(2026, 3, 3, 0, 0, tzinfo=UTC), True),  # 9:00
        (SEOUL, datetime(2026, 3, 3, 9, 0, tzinfo=UTC), False),  # 18:00
        (SEOUL, datetime(2026, 3, 1, 3, 0, tzinfo=UTC), False),  # a Sunday
        (SEOUL, datetime(2025, 10, 3, 3, 0, tzinfo=UTC), False),  # a holiday
        (LONDON, datetime(2026, 3, 3, 8, 30, tzinfo=UTC), False),  # 8:30, in winter
        (LONDON, datetime(2026, 7, 1, 8, 30, tzinfo=UTC), True),  # 9:30, in summer
        (LONDON, datetime(2026, 12, 25, 12, 0, tzinfo=UTC), False),
    ],
)
def test_a_branch_is_open_by_its_own_clock(hours: Hours, moment: datetime, is_open: bool) -> None:
    assert hours.is_open(moment) is is_open


def test_what_comes_at_night_is_done_next_morning() -> None:
    friday_evening = datetime(2026, 3, 6, 20, tzinfo=UTC)
    for hours in (SEOUL, LONDON):
        moment = hours.from_(friday_evening, random.Random(1))
        assert hours.is_open(moment)
        assert moment.astimezone(hours.zone).weekday() == 0
        assert moment.astimezone(hours.zone).hour < 11
