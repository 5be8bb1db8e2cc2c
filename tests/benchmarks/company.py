"""A company to measure on: customers, and interactions whose texts people wrote, in Korean and English."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from crmkit import CRM, Customer, Direction, Interaction, Record

KOREAN = Path(__file__).parents[3] / "shared" / "data" / "05_korean"
OWNERS = [f"owner{number:02}" for number in range(20)]
BATCH = 5_000
PLANTED, HITS = "쿼젤", 400
"""A word that nothing else holds, and how many interactions do, whatever the size."""

_START = datetime(2024, 1, 1, tzinfo=UTC)
_ENGLISH = [
    "the",
    "order",
    "arrived",
    "late",
    "but",
    "support",
    "answered",
    "within",
    "an",
    "hour",
    "please",
    "send",
    "another",
    "invoice",
    "for",
    "march",
    "our",
    "team",
    "would",
    "like",
    "a",
    "demo",
    "next",
    "week",
    "the",
    "battery",
    "does",
    "not",
    "charge",
    "any",
    "more",
    "refund",
    "was",
    "promised",
    "and",
    "never",
    "came",
    "thank",
    "you",
    "for",
    "the",
    "quick",
    "help",
    "can",
    "we",
    "change",
    "the",
    "delivery",
    "address",
    "price",
    "list",
    "for",
    "resellers",
    "contract",
    "renewal",
    "meeting",
    "moved",
    "to",
    "friday",
    "login",
    "fails",
    "after",
    "the",
    "update",
    "we",
    "are",
    "happy",
    "with",
    "the",
    "service",
    "and",
    "would",
    "recommend",
    "it",
]
_SYLLABLES = "가나다라마바사아자차카타파하고노도로모보소오조초구누두루무부수우주기니디리미비시이지은는을를에서"
_SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍"
_GIVEN = "민서준도윤하은우지호수연예진현아영재원성경나라선희"
_TRADES = ["전자", "물산", "상사", "병원", "학원", "식품", "건설", "소프트"]


@cache
def sentences() -> list[str]:
    """Sentences that people wrote in Korean, or made-up ones where the files are not there; a fifth is English."""
    found: list[str] = []
    for name, delimiter, columns in (
        ("ChatbotData.csv", ",", ("Q", "A")),
        ("naver_shopping_small.csv", ",", ("review",)),
        ("nsmc_sample_dev_2k.tsv", "\t", ("document",)),
    ):
        if (KOREAN / name).exists():
            quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
            with (KOREAN / name).open(encoding="utf-8-sig", newline="") as file:
                for line in csv.DictReader(file, delimiter=delimiter, quoting=quoting):
                    found += [line[column] for column in columns if line[column]]
    draw = random.Random(1)
    if not found:
        found = [
            " ".join("".join(draw.choices(_SYLLABLES, k=draw.randint(2, 4))) for _ in range(6))
            for _ in range(10_000)
        ]
    english = [" ".join(draw.choices(_ENGLISH, k=9)) for _ in range(len(found) // 4)]
    return [*found, *english]


def name_of(draw: random.Random) -> str:
    """A person's or a company's name."""
    first, second = draw.choice(_SURNAMES), "".join(draw.choices(_GIVEN, k=2))
    return first + second if draw.random() < 0.7 else second + draw.choice(_TRADES)


def customer_values(draw: random.Random) -> dict[str, Any]:
    """What a customer is made of; nine of ten are in Korea."""
    return {
        "name": name_of(draw),
        "type": "person",
        "owner": draw.choice(OWNERS),
        "language": "ko",
        "timezone": "Asia/Seoul",
        "country": "KR" if draw.random() < 0.9 else "DE",
        "tags": ("vip",) if draw.random() < 0.1 else (),
    }


def interaction_values(ids: list[str], draw: random.Random) -> dict[str, Any]:
    """What an interaction is made of; one customer in a hundred has half of them."""
    few = max(1, len(ids) // 100)
    texts = sentences()
    return {
        "customer_id": ids[draw.randrange(few if draw.random() < 0.5 else len(ids))],
        "channel": draw.choice(("email", "phone", "kakao", "web")),
        "direction": draw.choice((Direction.IN, Direction.OUT)),
        "happened_at": _START + timedelta(seconds=draw.randrange(60_000_000)),
        "source": "import",
        "external_id": f"m-{draw.getrandbits(60)}",
        "subject": draw.choice(texts)[:80],
        "body": " ".join(draw.choices(texts, k=draw.randint(1, 4))),
    }


Write: TypeAlias = Callable[[type[Record], Sequence[dict[str, Any]]], list[str]]
"""Writes records of these values in a transaction; their ids."""


def written(crm: CRM) -> Write:
    """With crmkit."""

    def write(kind: type[Record], values: Sequence[dict[str, Any]]) -> list[str]:
        with crm.transaction() as tx:
            return [each.id for each in tx.add_all(kind(**each) for each in values)]

    return write


def fill(write: Write, customers: int, interactions: int) -> list[str]:
    """Write the company, batch by batch; returns the ids of its customers, those with many interactions first."""
    draw = random.Random(20_000)
    ids: list[str] = []
    for size in _batches(customers):
        ids += write(Customer, [customer_values(draw) for _ in range(size)])
    step, done = max(1, interactions // HITS), 0
    for size in _batches(interactions):
        made = [interaction_values(ids, draw) for _ in range(size)]
        for number, values in enumerate(made, done):
            if number % step == 0:
                values["body"] += f" {PLANTED}하다"
        write(Interaction, made)
        done += size
    return ids


def _batches(number: int) -> Iterator[int]:
    size = min(
        BATCH, max(1, (number + 1) // 2)
    )  # two at least: `load` writes every other one by hand
    for start in range(0, number, size):
        yield min(size, number - start)
