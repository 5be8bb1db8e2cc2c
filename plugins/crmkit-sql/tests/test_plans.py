"""Which indexes answer a query: what PostgreSQL says it will do."""

from __future__ import annotations

import json

import pytest
from crmkit_sql.paging import paged
from crmkit_sql.searching import PLANNING
from crmkit_sql.tokens import tsquery

from crmkit.declarations import custom_field, read_kind
from crmkit.kinds import CORE_KINDS, Customer, CustomField
from crmkit.query import linked, where
from crmkit.schema import Schema
from crmkit.testing.kinds import Specimen
from crmkit.testing.lab import Lab
from crmkit.text import search_phrases
from crmkit.values import Money


def steps(node):
    """Every step of a plan."""
    yield node
    for each in node.get("Plans", ()):
        yield from steps(each)


@pytest.fixture
def explain(connection):
    """What PostgreSQL does for a statement, were the table too large to be read whole."""

    def explain_(storage, sql, values, without=("seqscan",), first=()):
        link = connection(storage)
        with link.transaction():
            for each in (*(f"SET LOCAL enable_{name} = off" for name in without), *first):
                link.execute(each)
            [[found]] = link.execute(f"EXPLAIN (FORMAT JSON) {sql}", values).fetchall()
        plan = json.loads(found) if isinstance(found, str) else found
        return list(steps(plan[0]["Plan"]))

    return explain_


@pytest.fixture
def plan(lab, explain):
    """What PostgreSQL does for the next page of a query, and for the page after a cursor."""

    def plan_(kind, *conditions, after=True, **options):
        query = lab.query(kind, *conditions, limit=1, **options)
        page = lab.storage.page(query)
        queries = [query]
        if after:
            assert page.after is not None
            queries.append(lab.query(kind, *conditions, limit=1, after=page.after, **options))
        found = []
        for each in queries:
            how, values = paged(lab.storage._book, each, {})
            found.append(explain(lab.storage, how.compiled.sql, how.compiled.bind(values)))
        return found

    customer = lab.add(Customer(name="kim", owner="lee"))
    lab.add(Customer(name="kim 2", owner="lee"))
    lab.insert(
        *(
            Specimen(
                name=f"a{number}",
                shelf="s",
                number=number,
                seen_at=lab.stamp().at,
                customer_id=customer.id,
                worth=Money(number, "EUR"),
                added={"custom.tier": "gold", "clinic.chart": "1"},
            )
            for number in range(3)
        )
    )
    return plan_


def is_fast(plans, index: str) -> bool:
    """Whether each plan reads that index, in its order and nothing else whole."""
    return bool(plans) and all(
        any(step.get("Index Name") == index for step in each)
        and not any(step["Node Type"] in {"Seq Scan", "Sort"} for step in each)
        for each in plans
    )


def test_owner_sorted_by_name(plan):
    assert is_fast(
        plan("customer", where.owner == "lee", order="name"), "customer__by__owner__name"
    )


def test_the_timeline_of_a_customer(plan, lab):
    owner = lab.find()[0].customer_id
    found = plan("specimen", where.customer_id == owner, order="-seen_at")
    assert is_fast(found, "specimen__by__customer_id__seen_at")


def test_an_identity_by_channel_and_address(plan):
    found = plan(
        "identity", where.channel == "email", where.normalised == "a@b.example", after=False
    )
    assert is_fast(found, "identity__by__channel__normalised")


def test_a_prefix(plan):
    assert is_fast(plan("specimen", where.name.prefix("a"), order="name"), "specimen__by__name")


def test_a_range_and_its_order(plan):
    found = plan("specimen", where.shelf == "s", where.number > 0, order="number")
    assert is_fast(found, "specimen__by__shelf__number")


def test_money(plan):
    found = plan("specimen", where.worth > Money(0, "EUR"), order="worth")
    assert is_fast(found, "specimen__by__worth")


def test_a_field_of_a_plugin(plan):
    found = plan("specimen", where["clinic.chart"] == "1")
    assert is_fast(found, "specimen__by__clinic__chart")


def test_all_of_a_kind_by_id(plan):
    assert is_fast(plan("specimen"), "specimen_id_key")


def test_what_is_linked_is_looked_up(plan):
    found = plan("customer", linked("specimen", "customer_id"), after=False)
    names = {step.get("Index Name") for each in found for step in each}
    assert names & {"specimen__by__customer_id__seen_at"}


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("text", "gold", "gold"),
        ("whole", 5, 5),
        ("number", 0.5, 0.5),
        ("flag", True, True),
        ("money", Money(1, "EUR"), Money(1, "EUR")),
    ],
)
def test_a_custom_field_with_an_index(lab, explain, type_, value, expected):
    tier = custom_field(CustomField(on="customer", name="tier", type=type_, index=True))
    kinds = [read_kind(each, added=[tier] if each is Customer else ()) for each in CORE_KINDS]
    lab.schema = Schema.of(kinds)
    lab.storage.prepare(lab.schema)
    lab.add(Customer(name="a", added={"custom.tier": value}))
    query = lab.query("customer", where["custom.tier"] == expected, limit=1)
    assert len(lab.storage.page(query)) == 1
    how, values = paged(lab.storage._book, query, {})
    found = explain(lab.storage, how.compiled.sql, how.compiled.bind(values))
    assert is_fast([found], "customer__by__custom__tier")


def test_search_goes_by_the_index_of_tokens(lab, explain, connection):
    lab.named("환불 문의", *(f"refund {number}" for number in range(3_000)))
    connection(lab.storage).execute("VACUUM ANALYZE specimen")  # nothing waits to go into the index
    assert lab.search("환불") == ["환불 문의"]
    [compiled] = [each for key, each in lab.storage._book.cache.items() if key[0] == "search"]
    phrases = map(tsquery, search_phrases("환불"))
    found = explain(lab.storage, compiled.sql, compiled.bind([*phrases, 2**40]), without=())
    assert any(step.get("Index Name") == "specimen__search" for step in found)


@pytest.mark.parametrize("first", [(), (PLANNING,)])
def test_no_search_waits_for_other_processes_to_start(lab, explain, first):
    lab.named(*(f"refund {number}" for number in range(300)))
    assert lab.search("refund")
    [compiled] = [each for key, each in lab.storage._book.cache.items() if key[0] == "search"]
    costs = ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size")
    eager = [f"SET LOCAL {each} = 0" for each in (*costs, "min_parallel_index_scan_size")]
    values = compiled.bind([*map(tsquery, search_phrases("refund")), 2**40])
    found = explain(lab.storage, compiled.sql, values, first=[*eager, *first])
    # Without it they would be: the planner is made to like them here.
    assert any(step["Node Type"].startswith("Gather") for step in found) == (not first)


def test_the_history_of_a_record_and_the_way_behind_a_position(lab, explain):
    (record,) = lab.named("a")
    sql = "SELECT delta FROM crm_journal WHERE kind = %s AND id = %s ORDER BY version"
    found = explain(lab.storage, sql, ("specimen", record.id))
    assert is_fast([found], "crm_journal__one")
    sql = "SELECT delta FROM crm_journal WHERE position > %s ORDER BY position LIMIT 10"
    assert is_fast([explain(lab.storage, sql, (0,))], "crm_journal_pkey")


def test_a_name_too_long_for_the_server_stays_unique(open_storage):
    added = [
        custom_field(CustomField(on="customer", name=f"{'n' * 40}{number}", index=True))
        for number in range(3)
    ]
    kinds = [read_kind(each, added=added if each is Customer else ()) for each in CORE_KINDS]
    lab = Lab(open_storage(), Schema.of(kinds))
    assert lab.storage.prepare(lab.schema) == []
    assert lab.storage.check() == []
