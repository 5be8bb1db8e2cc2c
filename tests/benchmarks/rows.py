"""The rows of the table: each does one thing with crmkit and with plain sqlite3."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import attrs

from crmkit import CRM, Config, Customer, Interaction, Money, where
from crmkit.crm import Handle
from tests.benchmarks import company, plugins
from tests.benchmarks.measuring import (
    BUDGETS,
    GROWTH_BUDGET,
    INDEXED,
    SEARCH_BUDGET,
    Row,
    in_turns,
)
from tests.benchmarks.raw import Raw, copy_of

ACTOR = "kim@acme.example"
READING = ("get", "page", "timeline", "search")
WRITING = ("create", "update", "bulk_search")


@attrs.frozen
class Plan:
    """How large the company is, how often things are measured, how careful the database is."""

    folder: Path
    customers: int = 20_000
    interactions: int = 100_000
    synchronous: str = "full"
    effort: float = 1.0

    @property
    def backend(self) -> str:
        return "sqlite" if self.synchronous == "full" else f"sqlite {self.synchronous}"

    def times(self, number: int) -> int:
        """How many repetitions, one more to warm up."""
        return max(2, round(number * self.effort)) + 1

    def open(self, file: str, *modules: Any) -> CRM:
        url = f"sqlite:///{self.folder / file}?synchronous={self.synchronous}"
        return CRM.open(url, plugins=["sqlite", *modules], config=Config())


def measured(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The rows asked for, of a company of this size."""
    if "bulk" in names:
        yield bulk(plan)
    if not {*READING, *WRITING} & {*names}:
        return
    with plan.open("company.db") as crm:
        ids = company.fill(crm, plan.customers, plan.interactions)
    with plan.open("company.db", *plugins.team()) as crm:
        kim = crm.acting(ACTOR)
        with copied(crm, plan.folder / "raw.db") as raw:
            for name in (*READING, *WRITING):
                if name in names:
                    yield from MAKERS[name](plan, kim, raw, ids)


@contextmanager
def copied(crm: CRM, path: Path) -> Iterator[Raw]:
    """A copy of the database for plain sqlite3, gone at the end."""
    raw = copy_of(crm, path)
    try:
        yield raw
    finally:
        raw.close()
        path.unlink()


# Reading -------------------------------------------------------------------------------------------------------


def get(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """One customer by id, read as someone who may not see all of them."""
    visible = [id for (id,) in raw.execute("SELECT id FROM customer WHERE country = 'KR'")]
    draw = random.Random(3)
    batches = [draw.sample(visible, 50) for _ in range(plan.times(800))]

    def ours(batch: Sequence[str]) -> None:
        for id in batch:
            kim.get(Customer, id)

    yield row("get", plan, in_turns(ours, raw.getting(), batches))


def page(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """50 customers of an owner, by name: the first page and the one behind its cursor."""

    def ours(owners: Sequence[str]) -> None:
        for owner in owners:
            first = kim.page(Customer, where.owner == owner, order="name", limit=50)
            kim.page(Customer, where.owner == owner, order="name", limit=50, after=first.after)

    batches = [[owner] for owner in company.OWNERS * 20][: plan.times(400)]
    mine, theirs = in_turns(ours, raw.paging(), batches)
    yield row("page", plan, (mine / 2, theirs / 2))


def timeline(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """The newest 50 of a customer who has more than that."""
    draw = random.Random(4)
    many = list(ids[: max(1, len(ids) // 100)])
    batches = [[draw.choice(many)] for _ in range(plan.times(800))]

    def ours(batch: Sequence[str]) -> None:
        for id in batch:
            kim.timeline(id, limit=50)

    yield row("timeline", plan, in_turns(ours, raw.timeline(), batches))


def search(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """The first 20 hits of two Korean syllables, checked against a plain scan; and what the index takes.

    `search_hits` looks for a word that equally many texts hold at every size.
    """
    texts = raw.execute("SELECT subject, body FROM interaction LIMIT 5000").fetchall()
    words = [
        word for word in bigrams(texts) if raw.execute(MATCH, (f'"{word}"',)).fetchone()[0] >= 20
    ][:40] or [company.PLANTED]
    for word in [*words[:5], company.PLANTED]:
        check_recall(kim, raw, word)

    def ours(batch: Sequence[str]) -> None:
        for word in batch:
            kim.search(word, [Interaction], limit=20)

    def measured(name: str, words: list[list[str]]) -> Row:
        mine, theirs = in_turns(ours, raw.searching(), words[: plan.times(800)])
        return Row.of(name, plan.backend, plan.interactions, mine, theirs, SEARCH_BUDGET / theirs)

    yield measured("search", [[word] for word in words * 20][: plan.times(800)])
    yield measured("search_hits", [[company.PLANTED]] * plan.times(800))
    text = "sum(length(CAST(subject AS BLOB)) + length(CAST(body AS BLOB)))"
    size = raw.execute(f"SELECT {text} FROM interaction").fetchone()[0]
    index = raw.execute(
        "SELECT sum(pgsize) FROM dbstat WHERE name GLOB 'interaction__search*' AND aggregate = TRUE"
    ).fetchone()[0]
    yield Row.of(
        "search_index", plan.backend, plan.interactions, index, size, BUDGETS["search_index"]
    )


MATCH = "SELECT count(*) FROM interaction__search WHERE interaction__search MATCH ?"


def bigrams(texts: Sequence[tuple[str, str]]) -> list[str]:
    """Two neighbouring syllables each, drawn from texts."""
    found = {
        text[place : place + 2]
        for text, _ in texts
        for place in range(len(text) - 1)
        if all("가" <= each <= "힣" for each in text[place : place + 2])
    }
    return random.Random(5).sample(sorted(found), min(len(found), 400))


def check_recall(kim: Handle, raw: Raw, word: str) -> None:
    """Every record that a plain scan finds, and no other, or an error."""
    wanted = {
        id
        for id, subject, body in raw.execute("SELECT id, subject, body FROM interaction")
        if word in unicodedata.normalize("NFC", subject)
        or word in unicodedata.normalize("NFC", body)
    }
    found, after = set(), None
    while True:
        hits = kim.search(word, [Interaction], limit=1_000, after=after)
        found |= {hit.id for hit in hits}
        after = hits.after
        if after is None:
            break
    if found != wanted:
        raise AssertionError(f"search {word!r}: {len(found)} found, {len(wanted)} by a plain scan")


# Writing -------------------------------------------------------------------------------------------------------


def create(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """One customer: all hooks, journal, search, committed."""
    draw = random.Random(6)
    batches = [[company.name_of(draw) for _ in range(5)] for _ in range(plan.times(400))]

    def ours(names: Sequence[str]) -> None:
        for name in names:
            with kim.transaction() as tx:
                tx.add(
                    Customer(
                        name=name, owner="kim", language="ko", timezone="Asia/Seoul", country="KR"
                    )
                )

    yield row("create", plan, in_turns(ours, raw.creating(), batches))


def update(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """The name of one customer, which is searched: all hooks, journal, search, committed."""
    draw = random.Random(7)
    # Before `create`, both files held the same customers; those are still the same.
    there = raw.execute("SELECT id FROM customer WHERE country = 'KR' AND owner <> 'kim'")
    visible = [id for (id,) in there.fetchall()]
    times = min(plan.times(400), len(visible) // 5)
    records = kim.get_many(Customer, draw.sample(visible, 5 * times))
    pairs = [(record, company.name_of(draw) + "님") for record in records]
    batches = [pairs[start::times] for start in range(times)]

    def ours(batch: Sequence[tuple[Any, str]]) -> None:
        for record, name in batch:
            with kim.transaction() as tx:
                tx.update(record.evolve(name=name))

    yield row("update", plan, in_turns(ours, raw.updating(), batches))


def bulk_search(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """Interactions with searched texts, in one transaction, past five plugins' guards."""
    draw = random.Random(8)
    size = min(company.BATCH, plan.interactions)
    batches = [
        [company.interaction_values(list(ids), draw) for _ in range(size)]
        for _ in range(plan.times(6))
    ]

    def ours(batch: Sequence[dict[str, Any]]) -> None:
        with kim.transaction() as tx:
            tx.add_all(Interaction(**values) for values in batch)

    yield row("bulk_search", plan, in_turns(ours, raw.bulk_interactions(), batches))


def bulk(plan: Plan) -> Row:
    """Deals, which have no searched field, in one transaction; no plugin but the one that brings the kind."""
    draw = random.Random(9)
    with plan.open("bulk.db", plugins.deals()) as crm:
        ids = company.fill(crm, plan.customers, 0)
        size = min(company.BATCH, plan.interactions)
        batches = [[deal_values(ids, draw) for _ in range(size)] for _ in range(plan.times(10))]

        def ours(batch: Sequence[dict[str, Any]]) -> None:
            with crm.transaction() as tx:
                tx.add_all(plugins.Deal(**values) for values in batch)

        with copied(crm, plan.folder / "bulk-raw.db") as raw:
            return row("bulk", plan, in_turns(ours, raw.bulk_deals(), batches))


def deal_values(ids: Sequence[str], draw: random.Random) -> dict[str, Any]:
    """What a deal is made of."""
    return {
        "customer_id": draw.choice(ids),
        "name": draw.choice(company.sentences())[:60],
        "stage": draw.choice(("new", "offer", "won", "lost")),
        "owner": draw.choice(company.OWNERS),
        "amount": Money(draw.randrange(10_000_000), "KRW"),
        "expected": date(2026, draw.randint(1, 12), draw.randint(1, 28)),
    }


MAKERS = {
    "get": get,
    "page": page,
    "timeline": timeline,
    "search": search,
    "create": create,
    "update": update,
    "bulk_search": bulk_search,
}


def row(name: str, plan: Plan, times: tuple[float, float]) -> Row:
    """A row with its budget."""
    return Row.of(name, plan.backend, plan.customers, *times, BUDGETS[name])


def grown(small: Sequence[Row], large: Sequence[Row]) -> list[Row]:
    """The large rows; indexed shapes, and a search of equally many hits, beside crmkit's own small figures."""
    before = {each.name: each for each in small}
    return [
        Row.of(
            each.name, each.backend, each.size, each.crmkit, before[each.name].crmkit, GROWTH_BUDGET
        )
        if each.name in (*INDEXED, "search_hits")
        else each
        for each in large
    ]
