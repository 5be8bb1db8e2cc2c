"""How well repeated requests are found in `repeats.csv`, which was written by hand for this test.

Pairs stand in twos, a repeat and what is none of the same request; every other two is the half that chooses, so that
one request never stands in both halves of a language.
"""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from crmkit_collaborative.handover.repeating import ALIKE, Message, Weights, content, likeness

AT = datetime(2026, 6, 1, tzinfo=UTC)


def pairs(half: int, short: bool | None = None) -> list[tuple[float, bool]]:
    """Likeness and truth of the pairs of a half, perhaps only of the short ones or the others.

    How rare a word is comes from the texts of that half alone.
    """
    with Path(__file__).with_name("repeats.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="|"))
    rows = [row for number, row in enumerate(rows) if number // 2 % 2 == half]
    said = {row[name] for row in rows for name in ("earlier", "later")}
    texts = {each: content(Message("", AT, "", each)) for each in said}
    weights = Weights(texts.values())
    return [
        (likeness(texts[row["earlier"]], texts[row["later"]], weights), row["repeat"] == "yes")
        for row in rows
        if short is None or short == (row["material"] == "short")
    ]


def rates(found: list[tuple[float, bool]], least: float) -> tuple[float, float, float]:
    """Precision, recall and F1 of what reaches `least`."""
    hits = sum(truth and value >= least for value, truth in found)
    said, true = sum(value >= least for value, _ in found), sum(truth for _, truth in found)
    return hits / max(1, said), hits / true, 2 * hits / (said + true)


def best() -> float:
    """The likeness at which F1 is best on the first half."""
    return max(
        (number / 100 for number in range(5, 100)), key=lambda least: rates(pairs(0), least)[2]
    )


def test_the_likeness_is_the_one_that_one_half_chooses():
    assert best() == ALIKE


@pytest.mark.parametrize(
    ("short", "precision", "recall", "f1"),
    [(None, 0.66, 0.79, 0.72), (True, 0.76, 0.76, 0.76), (False, 0.52, 0.85, 0.64)],
)
def test_how_much_of_the_other_half_is_found(short, precision, recall, f1):
    found = rates(pairs(1, short), ALIKE)
    assert all(map(float.__ge__, found, (precision, recall, f1)))


def test_sentences_of_others_are_seldom_taken_for_repeats(data):
    with (data / "05_korean/ChatbotData.csv").open(encoding="utf-8", newline="") as file:
        said = [row["Q"] for row in csv.DictReader(file)]
    random.Random(1).shuffle(said)
    texts = [content(Message("", AT, "", each)) for each in said[:4000]]
    weights = Weights(texts)
    found = sum(
        likeness(*two, weights) >= ALIKE for two in zip(texts[::2], texts[1::2], strict=True)
    )
    assert found <= 40  # of 2,000


if __name__ == "__main__":
    for least in (ALIKE, best()):
        print(
            least,
            *(rates(pairs(half, short), least) for half in (0, 1) for short in (None, True, False)),
        )
