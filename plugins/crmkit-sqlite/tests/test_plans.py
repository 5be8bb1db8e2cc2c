"""Which indexes answer a query: what SQLite says it will do."""

from __future__ import annotations

import pytest

from crmkit.kinds import Customer
from crmkit.query import linked, where
from crmkit.testing.kinds import Specimen
from crmkit.values import Money


@pytest.fixture
def plan(lab, connection):
    """What SQLite does for the next page of a query, and for the page after a cursor."""

    def plan_(kind, *conditions, after=True, **options):
        link, found = connection(lab.storage), []
        query = lab.query(kind, *conditions, limit=1, **options)
        page = lab.storage.page(query)
        queries = [query]
        if after:
            assert page.after is not None
            queries.append(lab.query(kind, *conditions, limit=1, after=page.after, **options))
        for each in queries:
            traced: list[str] = []
            link.set_trace_callback(traced.append)
            lab.storage.page(each)
            link.set_trace_callback(None)
            for statement in traced:
                if statement.startswith("SELECT"):
                    rows = link.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
                    found.append([row[3] for row in rows])
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


def is_fast(plans: list[list[str]], index: str) -> bool:
    steps = [step for each in plans for step in each]
    return (
        bool(plans)
        and all(any(index in step for step in each) for each in plans)
        and not any(step.startswith("SCAN") and "INDEX" not in step for step in steps)
        and not any("TEMP B-TREE" in step for step in steps)
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


def test_one_of_many_values(plan):
    found = plan("specimen", where.name.in_(["a1", "a2"]), order="name")
    assert is_fast(found, "specimen__by__name")


def test_a_prefix(plan):
    assert is_fast(plan("specimen", where.name.prefix("a"), order="name"), "specimen__by__name")


def test_a_range_and_its_order(plan):
    found = plan("specimen", where.shelf == "s", where.number > 0, order="number")
    assert is_fast(found, "specimen__by__shelf__number")


def test_money(plan):
    found = plan("specimen", where.worth > Money(0, "EUR"), order="worth")
    assert is_fast(found, "specimen__by__worth")


def test_a_field_of_a_plugin(plan):
    assert is_fast(plan("specimen", where["clinic.chart"] == "1"), "specimen__by__clinic__chart")


def test_all_of_a_kind_by_id(plan):
    assert is_fast(plan("specimen"), "sqlite_autoindex_specimen_1")


def test_a_path_through_a_reference_starts_where_the_condition_is(plan):
    found = plan("specimen", where.customer_id.owner == "lee", where.customer_id.name == "kim")
    steps = [step for each in found for step in each]
    assert not any(step.startswith("SCAN") and "INDEX" not in step for step in steps)


def test_what_is_linked_is_looked_up(plan):
    found = plan("customer", linked("specimen", "customer_id"), after=False)
    assert any("specimen__by__customer_id" in step for each in found for step in each)


def test_a_custom_field_with_an_index(lab, connection):
    from crmkit.declarations import custom_field, read_kind
    from crmkit.kinds import CORE_KINDS, CustomField
    from crmkit.schema import Schema

    tier = custom_field(CustomField(on="customer", name="tier", index=True))
    kinds = [read_kind(each, added=[tier] if each is Customer else ()) for each in CORE_KINDS]
    lab.schema = Schema.of(kinds)
    lab.storage.prepare(lab.schema)
    lab.add(Customer(name="a", added={"custom.tier": "gold"}))
    traced: list[str] = []
    link = connection(lab.storage)
    link.set_trace_callback(traced.append)
    assert len(lab.find(where["custom.tier"] == "gold", kind="customer")) == 1
    link.set_trace_callback(None)
    rows = link.execute(f"EXPLAIN QUERY PLAN {traced[-1]}").fetchall()
    assert "customer__by__custom__tier" in rows[0][3]
