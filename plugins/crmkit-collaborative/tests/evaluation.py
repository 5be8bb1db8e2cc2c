"""How well duplicates are found in real data: `python -m tests.evaluation` from the plugin's folder prints all figures.

Clusters are split into two halves by chance, with a fixed seed; a threshold is chosen where F1 is best on the first
half, and everything is reported on the second.
"""

from __future__ import annotations

import csv
import random
import resource
import sys
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import attrs
from crmkit_collaborative.duplicates.blocking import Blocks
from crmkit_collaborative.duplicates.comparing import Frequencies
from crmkit_collaborative.duplicates.people import Person, person
from crmkit_collaborative.duplicates.scoring import Score, score, zone

DATA = Path(__file__).parents[4] / "shared" / "data"
Truth = dict[str, str]
"""id -> cluster."""


@attrs.frozen
class Figures:
    """Precision, recall and F1 on the second half at a threshold that the first one chose, and what `auto` gave."""

    threshold: float
    precision: float
    recall: float
    f1: float
    auto_precision: float
    auto_recall: float
    reached: float
    """The share of true pairs that were compared at all."""


def febrl() -> tuple[list[Person], Truth]:
    rows = _rows(DATA / "08_dedupe/febrl_dataset1.csv")
    apart = ("rec_id", "given_name", "surname")
    base = [
        person(
            row["rec_id"],
            "person",
            f"{row['given_name']} {row['surname']}",
            details={name: value for name, value in row.items() if name not in apart},
        )
        for row in rows
    ]
    return base, {each.id: each.id.split("-")[1] for each in base}


def fake() -> tuple[list[Person], Truth]:
    rows = _rows(DATA / "08_dedupe/splink_fake_1000.csv")
    base = [
        person(
            row["unique_id"],
            "person",
            f"{row['first_name']} {row['surname']}",
            [row["email"]],
            details={"dob": row["dob"], "city": row["city"]},
        )
        for row in rows
    ]
    return base, {row["unique_id"]: row["cluster"] for row in rows}


def register(count: int = 1_000, seed: int = 5) -> tuple[list[Person], Truth]:
    """Libraries of Korea, of which every other is there again, as people write names and numbers.

    Names that the register itself has several times are left out: nobody knows which of those are one library.
    """
    rows = _rows(DATA / "05_korean/library_std.csv", "cp949")
    names = Counter(row["도서관명"] for row in rows)
    rows = [row for row in rows if names[row["도서관명"]] == 1]
    chance = random.Random(seed)
    base, truth = [], {}
    for number, row in enumerate(chance.sample(rows, count)):
        name, phone, address = row["도서관명"], row["도서관전화번호"], row["소재지도로명주소"]
        base.append(_library(f"{number}-a", name, phone, address))
        truth[f"{number}-a"] = str(number)
        if number % 2:
            spoilt = (
                _spoilt(name, chance),
                chance.choice([phone, phone, ""]),
                _spoilt(address, chance),
            )
            base.append(_library(f"{number}-b", *spoilt))
            truth[f"{number}-b"] = str(number)
    return base, truth


def _library(id: str, name: str, phone: str, address: str) -> Person:
    digits = "".join(filter(str.isdigit, phone))
    return person(
        id, "organization", name, phones=[digits] if digits else [], details={"address": address}
    )


def _spoilt(text: str, chance: random.Random) -> str:
    """A letter is left out or doubled, two change places, or the spaces go."""
    if not text:
        return text
    place = chance.randrange(len(text))
    return chance.choice(
        [
            text[:place] + text[place + 1 :],
            text[:place] + text[place] + text[place:],
            text.replace(" ", ""),
            text[:place] + text[place : place + 2][::-1] + text[place + 2 :],
        ]
    )


def _rows(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return [{key: (value or "").strip() for key, value in row.items()} for row in rows]


def scored(base: Sequence[Person]) -> list[Score]:
    seen = Frequencies.of(base)
    return [score(base[i], base[j], seen) for i, j in Blocks(base, seen)]


def evaluate(base: Sequence[Person], truth: Truth) -> Figures:
    clusters: dict[str, list[str]] = defaultdict(list)
    for each in base:
        clusters[truth[each.id]].append(each.id)
    true = {tuple(sorted(two)) for ids in clusters.values() for two in combinations(ids, 2)}
    first = {cluster for cluster in clusters if random.Random(f"half {cluster}").random() < 0.5}
    found = scored(base)
    chosen = max(
        (number / 200 for number in range(1, 200)),
        key=lambda least: _rates(found, true, truth, first, least)[2],
    )
    second = clusters.keys() - first
    auto = {(each.a, each.b) for each in found if zone(each, 0.92, 0.75) == "auto"}
    return Figures(
        chosen,
        *_rates(found, true, truth, second, chosen),
        len(auto & true) / max(1, len(auto)),
        len(auto & true) / len(true),
        len({(each.a, each.b) for each in found} & true) / len(true),
    )


def _rates(
    found: Sequence[Score], true: set[tuple[str, ...]], truth: Truth, half: set[str], least: float
) -> tuple[float, float, float]:
    """Of the pairs whose first member is of the half: precision, recall, F1."""
    wanted = {pair for pair in true if truth[pair[0]] in half}
    said = {(each.a, each.b) for each in found if each.value >= least and truth[each.a] in half}
    hits = len(wanted & said)
    precision, recall = hits / max(1, len(said)), hits / len(wanted)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def many(count: int, seed: int = 3) -> list[Person]:
    """So many made-up people, a tenth of them twice."""
    chance = random.Random(seed)
    families, syllables = (
        "김이박최정강조윤장임한오서신권황안송류홍",
        "민서도윤예준하은지우수아현채원시진유나영호성",
    )
    base: list[Person] = []
    while len(base) < count:
        number = len(base)
        name = chance.choice(families) + "".join(chance.choices(syllables, k=2))
        phone, email = (
            f"+8210{chance.randrange(10**8):08}",
            f"u{chance.randrange(10**7)}@x{number % 997}.example",
        )
        city = chance.choice(("서울", "부산", "대구", "인천", "광주", "대전", "울산"))
        base.append(person(f"{number:07}", "person", name, [email], [phone], {"city": city}))
        if number % 10 == 0:
            again = [email] if chance.random() < 0.5 else []
            base.append(person(f"{number:07}x", "person", _spoilt(name, chance), again, [phone]))
    return base[:count]


def main() -> None:
    for load in (febrl, fake, register):
        print(load.__name__, evaluate(*load()))
    for count in (5_000, 100_000):
        base = many(count)
        tracemalloc.start()
        start = time.perf_counter()
        found = scored(base)
        taken = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(
            f"{count}: {len(found)} pairs, {taken:.1f} s (measured with memory traced), {peak:.0f} MB at most"
        )
    print(
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB resident",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
