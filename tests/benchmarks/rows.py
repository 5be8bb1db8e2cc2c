"""The rows of the table: each does one thing with crmkit and with the plain driver."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import attrs

from crmkit import CRM, Customer, Interaction, Money, where
from crmkit.crm import Handle
from tests.benchmarks import company, plugins
from tests.benchmarks.backends import Backend
from tests.benchmarks.loading import Load
from tests.benchmarks.measuring import (
    GROWTH_BUDGET,
    INDEXED,
    Row,
    budget,
    in_turns,
    search_budget,
)
from tests.benchmarks.raw import Raw

ACTOR = "kim@acme.example"
LOADING = ("load", "load_memory")
READING = ("get", "page", "timeline", "search")
WRITING = ("create", "update", "bulk_search")


@attrs.frozen
class Plan:
    """How large the company is, where it is kept, how often things are measured."""

    folder: Path
    on: Backend
    customers: int = 20_000
    interactions: int = 100_000
    tickets: int = 20_000
    effort: float = 1.0

    def times(self, number: int) -> int:
        """How many repetitions, one more to warm up."""
        return max(2, round(number * self.effort)) + 1

    def open(self, name: str, *modules: Any) -> CRM:
        return self.on.open(self.folder, name, *modules)

    def row(self, name: str, times: tuple[float, float], size: int | None = None) -> Row:
        """A row with its budget."""
        size = self.customers if size is None else size
        return Row.of(name, self.on.name, size, *times, budget(self.on.budgets, name))


def measured(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The rows asked for, of a company of this size."""
    if "bulk" in names:
        yield bulk(plan)
    if not {*LOADING, *READING, *WRITING} & {*names}:
        return
    load = filled(plan)
    yield from (row for row in loading(plan, load) if row.name in names)
    with plan.open("company", *plugins.team()) as crm:
        kim = crm.acting(ACTOR)
        with reached(plan, crm, names) as raw:
            ids = [id for (id,) in raw.scanned(FIRST.format(max(1, plan.customers // 100)))]
            for name in (*READING, *WRITING):
                if name in names:
                    yield from MAKERS[name](plan, kim, raw, ids)
    plan.on.drop(plan.folder, "company")


FIRST = "SELECT id FROM customer ORDER BY crm_seq LIMIT {}"
"""Those with many interactions."""


def filled(plan: Plan) -> Load:
    """Make the company, with crmkit and by hand in turns."""
    with plan.open("company") as crm, closing(plan.on.same(crm, plan.folder, "company")) as raw:
        load = Load(crm, raw)
        company.fill(load, plan.customers, plan.interactions)
    with plan.open("company") as crm:
        plan.on.settle(crm)
    return load


def loading(plan: Plan, load: Load) -> Iterator[Row]:
    """What filling took."""
    yield plan.row("load", load.times, plan.interactions)
    yield plan.row("load_memory", load.growth, plan.interactions)


@contextmanager
def reached(plan: Plan, crm: CRM, names: Sequence[str]) -> Iterator[Raw]:
    """The plain driver: on a copy, or on the same database if nothing is to be written."""
    if {*WRITING} & {*names}:
        with plan.on.copied(crm, plan.folder, "company") as raw:
            yield raw
    else:
        with closing(plan.on.same(crm, plan.folder, "company")) as raw:
            yield raw


# Reading -------------------------------------------------------------------------------------------------------


def get(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """One customer by id, read as someone who may not see all of them."""
    visible = [id for (id,) in raw.execute("SELECT id FROM customer WHERE country = 'KR'")]
    draw = random.Random(3)
    batches = [draw.sample(visible, 50) for _ in range(plan.times(800))]

    def ours(batch: Sequence[str]) -> None:
        for id in batch:
            kim.get(Customer, id)

    yield plan.row("get", in_turns(ours, raw.getting(), batches))


def page(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """50 customers of an owner, by name: the first page and the one behind its cursor."""

    def ours(owners: Sequence[str]) -> None:
        for owner in owners:
            first = kim.page(Customer, where.owner == owner, order="name", limit=50)
            kim.page(Customer, where.owner == owner, order="name", limit=50, after=first.after)

    batches = [[owner] for owner in company.OWNERS * 20][: plan.times(400)]
    mine, theirs = in_turns(ours, raw.paging(), batches)
    yield plan.row("page", (mine / 2, theirs / 2))


def timeline(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """The newest 50 of a customer who has more than that."""
    draw = random.Random(4)
    batches = [[draw.choice(ids)] for _ in range(plan.times(800))]

    def ours(batch: Sequence[str]) -> None:
        for id in batch:
            kim.timeline(id, limit=50)

    yield plan.row("timeline", in_turns(ours, raw.timeline(), batches))


def search(plan: Plan, kim: Handle, raw: Raw, ids: Sequence[str]) -> Iterator[Row]:
    """The first 20 hits of two Korean syllables, checked against a plain scan; and what the index takes.

    `search_hits` looks for a word that equally many texts hold at every size.
    """
    texts = list(raw.execute("SELECT subject, body FROM interaction LIMIT 5000"))
    words = [word for word in bigrams(texts) if raw.hits(word) >= 20][:40] or [company.PLANTED]
    check_recall(kim, raw, [*words[:5], company.PLANTED])

    def ours(batch: Sequence[str]) -> None:
        for word in batch:
            kim.search(word, [Interaction], limit=20)

    def measured(name: str, words: list[list[str]]) -> Row:
        mine, theirs = in_turns(ours, raw.searching(), words[: plan.times(800)])
        most = search_budget(plan.on.budgets, theirs)
        return Row.of(name, plan.on.name, plan.interactions, mine, theirs, most)

    yield measured("search", [[word] for word in words * 20][: plan.times(800)])
    yield measured("search_hits", [[company.PLANTED]] * plan.times(800))
    yield plan.row("search_index", raw.sizes(), plan.interactions)


def bigrams(texts: Sequence[tuple[str, str]]) -> list[str]:
    """Two neighbouring syllables each, drawn from texts."""
    found = {
        text[place : place + 2]
        for text, _ in texts
        for place in range(len(text) - 1)
        if all("가" <= each <= "힣" for each in text[place : place + 2])
    }
    return random.Random(5).sample(sorted(found), min(len(found), 400))


def check_recall(kim: Handle, raw: Raw, words: Sequence[str]) -> None:
    """Every record that a plain scan finds, and no other, or an error."""
    wanted: dict[str, set[str]] = {word: set() for word in words}
    for id, *texts in raw.scanned("SELECT id, subject, body FROM interaction"):
        text = unicodedata.normalize("NFC", "\n".join(texts))
        for word, ids in wanted.items():
            if word in text:
                ids.add(id)
    for word, ids in wanted.items():
        found, after = set(), None
        while True:
            hits = kim.search(word, [Interaction], limit=1_000, after=after)
            found |= {hit.id for hit in hits}
            after = hits.after
            if after is None:
                break
        if found != ids:
            raise AssertionError(f"search {word!r}: {len(found)} found, {len(ids)} by a plain scan")


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

    yield plan.row("create", in_turns(ours, raw.creating(), batches))


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

    yield plan.row("update", in_turns(ours, raw.updating(), batches))


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

    yield plan.row("bulk_search", in_turns(ours, raw.bulk("interaction"), batches))


def bulk(plan: Plan) -> Row:
    """Deals, which have no searched field, in one transaction; no plugin but the one that brings the kind."""
    draw = random.Random(9)
    with plan.open("bulk", plugins.deals()) as crm:
        ids = company.fill(company.written(crm), plan.customers, 0)
        plan.on.settle(crm)
        size = min(company.BATCH, plan.interactions)
        batches = [[deal_values(ids, draw) for _ in range(size)] for _ in range(plan.times(10))]

        def ours(batch: Sequence[dict[str, Any]]) -> None:
            with crm.transaction() as tx:
                tx.add_all(plugins.Deal(**values) for values in batch)

        with plan.on.copied(crm, plan.folder, "bulk") as raw:
            found = plan.row("bulk", in_turns(ours, raw.bulk("deal"), batches))
    plan.on.drop(plan.folder, "bulk")
    return found


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


def grown(small: Sequence[Row], large: Iterable[Row]) -> Iterator[Row]:
    """The large rows; indexed shapes, and a search of equally many hits, beside crmkit's own small figures."""
    before = {each.name: each for each in small}
    for each in large:
        if each.name in (*INDEXED, "search_hits"):
            own = before[each.name].crmkit
            yield Row.of(each.name, each.backend, each.size, each.crmkit, own, GROWTH_BUDGET)
        else:
            yield each
