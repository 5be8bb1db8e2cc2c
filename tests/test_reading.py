from datetime import datetime, timedelta

import pytest

from crmkit import (
    MASKED,
    Customer,
    Identity,
    Interaction,
    Money,
    NotFound,
    QueryError,
    Record,
    RestrictedError,
    UnsupportedError,
    any_of,
    field,
    kind,
    linked,
    where,
)
from crmkit.manifest import Restriction


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def change(crm, record, **values):
    with crm.transaction() as tx:
        return tx.update(tx.get(record.__kind__, record.id).evolve(**values))


# The past --------------------------------------------------------------------------------------------------------


def test_a_record_as_it_was(app, clock):
    [customer] = add(app, Customer(name="one"))
    first = clock()
    clock.tick(days=1)
    change(app, customer, name="two")
    second = clock()
    clock.tick(days=1)
    with app.transaction() as tx:
        tx.delete(tx.get(Customer, customer.id))

    assert app.get(Customer, customer.id, as_of=first) == customer
    then = app.get(Customer, customer.id, as_of=second)
    assert (then.name, then.version, then.updated_at) == ("two", 2, second)
    for moment in (first - timedelta(seconds=1), clock()):
        with pytest.raises(NotFound):
            app.get(Customer, customer.id, as_of=moment)


def test_find_page_and_count_as_of_equal_what_they_were_then(app, clock):
    customers = add(app, *(Customer(name=f"c{n}", owner="ab"[n % 2]) for n in range(9)))
    moments = []
    for number, customer in enumerate(customers):
        moments.append(
            (
                clock(),
                list(app.find(Customer, where.owner == "a", order="-name")),
                app.count(Customer, where.name > "c3"),
                app.page(Customer, order="name", limit=4),
            )
        )
        clock.tick(hours=1)
        if number % 3 == 0:
            with app.transaction() as tx:
                tx.delete(tx.get(Customer, customer.id))
        else:
            change(app, customer, owner="b" if customer.owner == "a" else "a")

    for moment, found, count, page in moments:
        assert list(app.find(Customer, where.owner == "a", order="-name", as_of=moment)) == found
        assert app.count(Customer, where.name > "c3", as_of=moment) == count
        then = app.page(Customer, order="name", limit=4, as_of=moment)
        assert then == page
        rest = app.page(Customer, order="name", limit=50, after=then.after, as_of=moment)
        names = [each.name for each in (*then, *rest)]
        assert names == sorted(names)


def test_conditions_on_other_records_lead_to_what_those_were(app, clock):
    [customer] = add(app, Customer(name="Kim", owner="lee"))
    add(app, Interaction(customer_id=customer.id, channel="phone", happened_at=clock()))
    then = clock()
    clock.tick(days=1)
    change(app, customer, owner="park")

    assert app.count(Interaction, where.customer_id.owner == "lee") == 0
    assert app.count(Interaction, where.customer_id.owner == "lee", as_of=then) == 1
    has_phone = linked(Interaction, "customer_id", where.channel == "phone")
    assert app.count(Customer, has_phone, where.owner == "lee", as_of=then) == 1


def test_search_and_totals_are_of_the_present(app, clock):
    with pytest.raises(UnsupportedError, match="of the present"):
        app.search("x", as_of=clock())
    with pytest.raises(UnsupportedError, match="of the present"):
        app.totals(Customer, as_of=clock())


def test_the_past_needs_a_zone(app, clock):
    with pytest.raises(ValueError, match="time zone"):
        app.get(Customer, "x", as_of=clock().replace(tzinfo=None))


# The timeline ----------------------------------------------------------------------------------------------------


@kind("visit", timeline="at", title="reason")
class Visit(Record):
    customer_id: str = field(refers_to=Customer)
    at: datetime | None = field(default=None)
    reason: str = field(default="")


@kind("sale")
class Sale(Record):
    by: str = field()
    amount: Money = field()


def test_a_timeline_merges_kinds_by_time_and_pages_without_gaps(open_crm, plugin, clock):
    crm = open_crm(plugin("visits", crm_kinds=lambda: [Visit]))
    [customer] = add(crm, Customer(name="Kim"))
    start = clock()
    add(
        crm,
        *(
            Interaction(
                customer_id=customer.id, channel="x", happened_at=start + timedelta(hours=n % 7)
            )
            for n in range(20)
        ),
        *(Visit(customer_id=customer.id, at=start + timedelta(hours=n % 5)) for n in range(15)),
        Visit(customer_id=customer.id, at=None),
    )

    def time(record):
        return record.at if record.__kind__ == "visit" else record.happened_at

    seen, after = [], None
    while True:
        page = crm.timeline(customer.id, limit=6, after=after)
        seen += page
        after = page.after
        if after is None:
            break
    whole = list(crm.timeline(customer.id, limit=100))
    assert seen == whole
    assert len({record.id for record in seen}) == 35
    assert [time(r) for r in seen] == sorted(map(time, seen), reverse=True)
    assert {r.__kind__ for r in crm.timeline(customer.id, [Visit])} == {"visit"}
    with pytest.raises(QueryError, match="another query"):
        crm.timeline(customer.id, [Visit], after=crm.timeline(customer.id, limit=1).after)


def test_a_timeline_keeps_to_the_conditions_of_each_kind(open_crm, plugin, clock):
    crm = open_crm(plugin("visits", crm_kinds=lambda: [Visit]))
    [customer] = add(crm, Customer(name="Kim"))
    day = timedelta(days=1)
    add(
        crm,
        *(
            Interaction(customer_id=customer.id, channel=c, happened_at=clock() + n * day)
            for n, c in enumerate("xyxyxyx")
        ),
        *(
            Visit(customer_id=customer.id, at=clock() + n * day, reason=r)
            for n, r in enumerate("ab")
        ),
    )
    asked = {"conditions": {"interaction": [where.channel == "y"]}}

    whole = list(crm.timeline(customer.id, **asked))
    first = crm.timeline(customer.id, limit=2, **asked)
    rest = crm.timeline(customer.id, limit=9, after=first.after, **asked)

    assert [each["channel"] for each in whole if each.__kind__ == "interaction"] == ["y"] * 3
    assert sum(each.__kind__ == "visit" for each in whole) == 2
    assert [*first, *rest] == whole
    assert rest.after is None


# Restrictions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def branches(open_crm, plugin):
    """People see the customers that they own, without their country; and what belongs to those."""

    def restrict(crm, actor, kind):
        assert crm.count(Customer) >= 0  # a restriction may read, in a transaction too
        if actor.id == "boss":
            return None
        if kind == "customer":
            return Restriction([where.owner == actor.id], masked={"country"})
        if kind in {"interaction", "identity"}:
            return Restriction([where.customer_id.owner == actor.id])
        return None

    return open_crm(plugin("branches", crm_restrict=restrict))


@pytest.fixture
def company(branches, clock):
    customers = add(
        branches,
        Customer(name="Kim 김", owner="a", country="KR"),
        Customer(name="Lee 김", owner="b", country="US"),
    )
    add(
        branches,
        *(
            Interaction(customer_id=each.id, channel="phone", happened_at=clock(), subject="환불")
            for each in customers
        ),
    )
    return customers


def test_what_an_actor_cannot_read_is_nowhere(branches, company):
    mine, theirs = company
    kim = branches.acting("a")

    assert [c.id for c in kim.find(Customer)] == [mine.id]
    assert kim.count(Customer) == kim.count(Interaction) == 1
    assert [t.count for t in kim.totals(Customer, by="owner")] == [1]
    assert [c.id for c in kim.search("김")] == [mine.id]
    assert [c.customer_id for c in kim.search("환불")] == [mine.id]
    assert len(kim.timeline(mine.id)) == 1
    assert len(kim.timeline(theirs.id)) == 0
    assert {c.id for c in kim.changes(kinds=[Customer])} == {mine.id}
    for read in (kim.get, kim.history):
        with pytest.raises(NotFound):
            read(Customer, theirs.id)
    assert branches.count(Customer) == branches.acting("boss").count(Customer) == 2


def test_conditions_do_not_leak_through_other_records(branches, company):
    kim = branches.acting("a")
    boss = branches.acting("boss")

    assert boss.count(Interaction, where.customer_id.name.prefix("Lee")) == 1
    assert kim.count(Interaction, where.customer_id.name.prefix("Lee")) == 0
    talked = linked(Interaction, "customer_id", where.channel == "phone")
    assert kim.count(Customer, talked) == 1
    assert kim.count(Customer, any_of(where.owner == "b", talked)) == 1


def test_what_an_actor_cannot_read_cannot_be_written(branches, company):
    _, theirs = company
    kim = branches.acting("a")
    for write in (
        lambda tx: tx.update(theirs.evolve(name="x")),
        lambda tx: tx.delete(theirs),
        lambda tx: tx.merge(theirs, company[0]),
        lambda tx: tx.redact(Customer, [theirs.id]),
    ):
        with pytest.raises(NotFound), kim.transaction() as tx:
            write(tx)


def test_a_masked_field_is_masked_and_refused(branches, company):
    mine, _ = company
    kim = branches.acting("a")

    assert kim.get(Customer, mine.id).country is MASKED
    assert {c.country for c in kim.find(Customer)} == {MASKED}
    for ask in (
        lambda: kim.count(Customer, where.country == "KR"),
        lambda: kim.page(Customer, order="country"),
        lambda: kim.totals(Customer, by="country"),
        lambda: kim.totals(Customer, min="country"),
        lambda: kim.count(Interaction, where.customer_id.country == "KR"),
        lambda: kim.count(Customer, any_of(where.country == "KR")),
    ):
        with pytest.raises(RestrictedError, match="country"):
            ask()


def test_a_masked_field_stays_as_it_is_when_the_rest_is_written(branches, company):
    mine, _ = company
    with branches.acting("a").transaction() as tx:
        tx.update(tx.get(Customer, mine.id).evolve(name="Kim, new"))
    assert (branches.get(Customer, mine.id).name, branches.get(Customer, mine.id).country) == (
        "Kim, new",
        "KR",
    )

    with pytest.raises(RestrictedError), branches.acting("a").transaction() as tx:
        tx.update(tx.get(Customer, mine.id).evolve(country="JP"))
    with pytest.raises(RestrictedError), branches.acting("a").transaction() as tx:
        tx.add(Customer(name="x", owner="a", country="JP"))


def test_what_is_masked_cannot_be_redacted(branches, company):
    mine, _ = company
    with pytest.raises(RestrictedError, match="country"), branches.acting("a").transaction() as tx:
        tx.redact(Customer, [mine.id], ["country"])
    assert branches.get(Customer, mine.id).country == "KR"


def test_what_is_written_comes_back_masked(branches, company):
    mine, _ = company
    with branches.acting("a").transaction() as tx:
        updated = tx.update(tx.get(Customer, mine.id).evolve(name="new"))
        back = tx.revert(Customer, mine.id, 1)
        old = tx.at_version(Customer, mine.id, 1)
    assert {updated.country, back.country, old.country} == {MASKED}
    assert (branches.get(Customer, mine.id).country, back.name) == ("KR", mine.name)


def test_changes_do_not_show_masked_values(branches, company):
    mine, _ = company
    change(branches, mine, country="JP", name="Kim, new")
    shown = branches.acting("a").history(Customer, mine.id)[-1].delta
    assert shown["name"] == ("Kim 김", "Kim, new")
    assert "JP" not in repr(shown)


def test_restrictions_of_several_plugins_add_up(open_crm, plugin):
    def only(**values):
        return lambda kind: (
            Restriction([where[path] == value for path, value in values.items()])
            if kind == "customer"
            else None
        )

    crm = open_crm(
        plugin("one", crm_restrict=only(owner="a")), plugin("two", crm_restrict=only(country="KR"))
    )
    add(
        crm,
        Customer(name="both", owner="a", country="KR"),
        Customer(name="owner", owner="a"),
        Customer(name="country", country="KR"),
    )
    assert [c.name for c in crm.acting("x").find(Customer)] == ["both"]


def test_a_failing_restriction_refuses_the_read(open_crm, plugin):
    crm = open_crm(plugin("broken", crm_restrict=lambda kind: 1 / 0))
    with pytest.raises(Exception, match=r"broken.*crm_restrict"):
        crm.acting("x").count(Customer)


# Loops, ids, totals ----------------------------------------------------------------------------------------------


def test_the_loop_over_find_may_write(app):
    add(app, *(Customer(name=f"{n:04}") for n in range(1200)))
    seen = 0
    for customer in app.find(Customer, order="name"):
        seen += 1
        if seen % 100 == 0:
            change(app, customer, owner="seen")
            add(app, Customer(name=f"0000{seen}"))
    assert seen == 1200
    assert app.count(Customer, where.owner == "seen") == 12


def test_totals_of_money_are_by_currency(open_crm, plugin):
    crm = open_crm(plugin("sales", crm_kinds=lambda: [Sale]))
    add(
        crm,
        Sale(by="kim", amount=Money(5, "KRW")),
        Sale(by="kim", amount=Money(7, "KRW")),
        Sale(by="kim", amount=Money(1, "EUR")),
    )
    totals = crm.totals(Sale, by="by", sum="amount", max="amount")
    assert [(t.group[0], t.count, t.measures) for t in totals] == [
        ("kim", 1, (Money(1, "EUR"), Money(1, "EUR"))),
        ("kim", 2, (Money(12, "KRW"), Money(7, "KRW"))),
    ]
    with pytest.raises(QueryError, match="no sum"):
        crm.totals(Sale, sum="by")


def test_kinds_go_by_class_or_name_and_unknown_ones_name_the_nearest(app):
    add(app, Identity(channel="email", value="x"))
    assert app.count("identity") == app.count(Identity) == 1
    for read in (app.count, app.find, lambda name: app.get(name, "x")):
        with pytest.raises(QueryError, match="did you mean 'identity'"):
            read("identty")
    with pytest.raises(QueryError, match="not a kind"):
        app.count(str)


def test_columns_are_read_without_records_and_restricted(branches, company):
    [batch] = branches.columns(Customer, ["owner", "country"])
    assert sorted(zip(*batch, strict=True)) == [("a", "KR"), ("b", "US")]
    [mine] = branches.acting("a").columns(Customer, ["owner"])
    assert mine == [["a"]]
    with pytest.raises(RestrictedError):
        branches.acting("a").columns(Customer, ["country"])


def test_changes_that_are_hidden_do_not_end_a_page(open_crm, plugin):
    shy = plugin(
        "shy",
        crm_restrict=lambda actor, kind: (
            Restriction((where.owner == "kim",))
            if kind == "customer" and actor.id == "kim"
            else None
        ),
    )
    crm = open_crm(shy)
    with crm.transaction() as tx:
        for number in range(25):
            tx.add(Customer(name=str(number), owner="kim" if number in (3, 11, 24) else "lee"))
    kim, seen, after = crm.acting("kim"), [], 0
    while found := kim.changes(after, limit=2):
        seen += [each.position for each in found]
        after = found[-1].position
    assert seen == [4, 12, 25]
    assert [each.position for each in kim.changes(limit=1)] == [4]
