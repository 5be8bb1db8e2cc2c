"""Conditions as values, resolving them, and cursors."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import QueryError
from crmkit.query import AnyOf, Linked, Order, Query, Where, any_of, holds, linked, ordered, where
from crmkit.resolve import MAX_CONDITIONS, check_totals, cursor_behind, read_cursor, resolve
from crmkit.storage import Measure
from crmkit.testing.kinds import Colour, Slip, Specimen, zoo
from crmkit.testing.strategies import conditions, queries, records, values_of
from crmkit.values import INT64, Money

ZOO = zoo()
KINDS = ("customer", "specimen", "slip")
SPECIMEN = ZOO["specimen"]


def asked(*found, **options):
    return resolve(ZOO, Query("specimen", found, **options))


def test_where_builds_conditions():
    assert (where.stage == "won") == Where("stage", "eq", "won")
    assert (where.customer_id.owner != 1) == Where("customer_id.owner", "ne", 1)
    assert (where["custom.tier"] < 1) == Where("custom.tier", "lt", 1)
    assert where["prefix"].prefix("a") == Where("prefix", "prefix", "a")
    assert where.a.in_(iter([1, 2])) == Where("a", "in", (1, 2))
    assert where.a.missing() == Where("a", "present", False)


def test_or_makes_any_of():
    either = (where.a == 1) | (where.b == 2) | any_of(where.c == 3)
    assert either == AnyOf((Where("a", "eq", 1), Where("b", "eq", 2), Where("c", "eq", 3)))
    assert linked(Slip, "specimen_id") == Linked("slip", "specimen_id")


def test_conditions_have_no_truth():
    for condition in (where.a == 1, any_of(), linked("slip", "specimen_id"), where.a):
        with pytest.raises(QueryError):
            bool(condition)
    with pytest.raises(QueryError):
        assert 1 < where.x < 5


@pytest.mark.parametrize(("path", "meant"), [("nam", "name"), ("custom.teir", "custom.tier")])
def test_an_unknown_path_names_the_nearest(path, meant):
    for attempt in (
        lambda: asked(where[path] == 1),
        lambda: asked(order=(Order(path),)),
        lambda: check_totals(ZOO, Query("specimen"), [path], []),
    ):
        with pytest.raises(QueryError, match=f"did you mean '{meant}'"):
            attempt()


def test_an_unknown_path_behind_a_reference_names_the_nearest():
    with pytest.raises(QueryError, match=r"customer has no field 'onwer'; did you mean 'owner'"):
        asked(where.customer_id.onwer == "kim")


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(QueryError, match="did you mean 'specimen'"):
        resolve(ZOO, Query("specimem"))


@pytest.mark.parametrize(
    "condition",
    [
        where.name == 5,
        where.number == "5",
        where.number == True,  # noqa: E712
        where.flag == 1,
        where.price == 1.5,
        where.colour == "purple",
        where.seen_at == datetime(2026, 1, 1),
        where.worth == 5,
        where.number < None,
        where.number.prefix("1"),
        where.name.has("a"),
        where.labels == ("a",),
        where.labels.has(None),
        where.details == {},
        where.name.prefix(None),
        Where("name", "in", "abc"),
        Where("name", "present", 1),
        Where("name", "like", "x"),
        Where("name", "in", (1,)),
        linked(Slip, "text"),
        linked("customer", "organization_id"),
        AnyOf((AnyOf(()),)),
        "name = 1",
        None,
        Where(5, "eq", 1),
        where.name,
    ],
    ids=lambda each: repr(each).partition(" at 0x")[0],
)
def test_what_does_not_fit_is_refused(condition):
    with pytest.raises(QueryError):
        asked(condition)


def test_values_get_the_type_of_their_field():
    query = asked(
        where.weight == 1,
        where.price == 5,
        where.colour.in_(["red", None]),
        where.seen_at > datetime(2026, 1, 1, tzinfo=UTC),
    )
    values = [condition.value for condition in query.conditions]
    assert values[:3] == [1.0, Decimal("5.00"), (Colour.RED, None)]
    assert type(values[0]) is float


@pytest.mark.parametrize("limit", [-1, 1.5, True, "1", 10**9])
def test_limits_are_whole_numbers(limit):
    with pytest.raises(QueryError):
        asked(limit=limit)


def test_there_are_not_too_many_conditions():
    asked(*[where.number == 1] * MAX_CONDITIONS)
    with pytest.raises(QueryError, match="in_"):
        asked(*[where.number == 1] * (MAX_CONDITIONS + 1))


@given(st.text(), st.text(), st.text())
def test_hostile_queries_are_query_errors(path, op, value):
    for query in (
        Query("specimen", (Where(path, op, value),)),
        Query("specimen", (Where("name", op, value),)),
        Query("specimen", order=(Order(path),)),
        Query("specimen", after=value),
        Query(path),
        Query("specimen", (Linked(path, op),)),
        Query("specimen", (Linked("slip", op),)),
    ):
        with suppress(QueryError):
            resolve(ZOO, query)


@given(st.one_of(st.none(), st.binary(), st.floats(), st.lists(st.text()), st.text()))
def test_hostile_values_are_query_errors(value):
    for path in ("name", "number", "weight", "price", "seen_at", "worth", "labels", "custom.vip"):
        for op in ("eq", "lt", "in", "has", "prefix", "present"):
            with suppress(QueryError):
                asked(Where(path, op, value))


@given(queries(ZOO, KINDS))
def test_resolving_again_changes_nothing(query):
    resolved = resolve(ZOO, query)
    assert resolve(ZOO, resolved) == resolved


@given(records(SPECIMEN), st.data())
def test_cursors_come_back(record, data):
    paths = [name for name, field in SPECIMEN.fields.items() if "lt" in field.type.ops]
    orders = tuple(Order(each) for each in data.draw(st.lists(st.sampled_from(paths), max_size=3)))
    query = Query("specimen", order=orders)
    after = cursor_behind(ZOO, query, record, None)
    values, id = read_cursor(ZOO, attrs.evolve(query, after=after))
    assert id == record.id
    assert values == tuple(record[each.path] for each in orders)
    other = attrs.evolve(query, order=(*orders, Order("name")), after=after)
    with pytest.raises(QueryError, match="another query"):
        read_cursor(ZOO, other)


@given(records(SPECIMEN), st.data())
def test_ne_is_not_eq_and_in_is_any_eq(record, data):
    path = data.draw(st.sampled_from(["name", "number", "price", "worth", "flag", "custom.score"]))
    values = [data.draw(st.one_of(st.none(), values_of(SPECIMEN.field(path).type))) for _ in "ab"]
    equal = [holds(record, Where(path, "eq", each)) for each in values]
    assert [holds(record, Where(path, "ne", each)) for each in values] == [not e for e in equal]
    assert holds(record, Where(path, "in", tuple(values))) == any(equal)
    assert holds(record, Where(path, "present", True)) == (record[path] is not None)
    wanted = next((each for each in values if each is not None), None)
    if wanted is not None:
        less, more = (holds(record, Where(path, op, wanted)) for op in ("lt", "ge"))
        assert not (less and more)


@given(conditions(ZOO, SPECIMEN), records(SPECIMEN))
def test_any_of_one_is_that_one(condition, record):
    (resolved,) = asked(condition).conditions
    if not isinstance(resolved, AnyOf):
        assert holds(record, AnyOf((resolved,))) == holds(record, resolved)


def test_money_is_ordered_within_a_currency():
    record = Specimen(worth=Money(5, "EUR"))
    assert holds(record, Where("worth", "lt", Money(6, "EUR")))
    assert not holds(record, Where("worth", "lt", Money(INT64, "KRW")))


def test_orders_as_people_write_them():
    assert ordered("-amount") == (Order("amount", descending=True),)
    assert ordered(("owner", Order("x"))) == (Order("owner"), Order("x"))
    assert ordered(None) == ()


@pytest.mark.parametrize(
    ("by", "measures"),
    [
        (["labels"], []),
        ([], [Measure("sum", "name")]),
        ([], [Measure("sum", "seen_at")]),
        ([], [Measure("min", "details")]),
    ],
)
def test_totals_of_what_has_none_are_refused(by, measures):
    with pytest.raises(QueryError):
        check_totals(ZOO, Query("specimen"), by, measures)


def test_conditions_that_are_nested_without_end_are_refused_with_a_sentence():
    condition = where.name == "x"
    for _ in range(5_000):
        condition = Linked("customer", "organization_id", (condition,))
    with pytest.raises(QueryError, match="at most 200 conditions"):
        resolve(zoo(), Query("specimen", (condition,)))
