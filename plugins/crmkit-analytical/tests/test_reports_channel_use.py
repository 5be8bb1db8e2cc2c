"""Where customers are met and where they answer: against a plain recomputation, restricted, refreshed, by days."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from types import ModuleType

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.statistics.intervals import wilson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    Direction,
    Interaction,
    Manifest,
    RestrictedError,
    Restriction,
    hookimpl,
    where,
)

contacts = pytest.importorskip(
    "crmkit_collaborative.preference.contacts", reason="crmkit-collaborative is not installed"
)
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LIVE = ("meeting", "phone")
WEEK = timedelta(days=7)


@hookimpl
def crm_restrict(crm, actor, kind):
    if actor.id == "kim" and kind == "customer":
        return Restriction(conditions=[where.country == "KR"])
    if actor.id == "lee" and kind == "interaction":
        return Restriction(masked=["channel"])
    return None


SHY = ModuleType("shy")
SHY.manifest = Manifest(name="shy")
SHY.crm_restrict = crm_restrict


def contact(customer, channel, way, hours, *, thread=None, outcome=None, **marks):
    made = Interaction(
        customer_id=customer and customer.id,
        channel=channel,
        direction=Direction(way),
        happened_at=NOW - timedelta(hours=hours),
        thread=thread,
        outcome=outcome,
    )
    for name, value in marks.items():
        made = made.set(name.replace("__", "."), value)
    return made


# The same, contact by contact -----------------------------------------------------------------------------------


def counts(each):
    return (
        each.customer_id is not None
        and each.happened_at <= NOW
        and each["collaborative.internal"] is not True
        and each["operational.automatic"] is not True
    )


def plainly(crm, by="type", since=None, until=None, within=WEEK):
    """The figures of each group and channel."""
    every = [each for each in crm.find(Interaction) if counts(each)]
    every.sort(key=lambda each: (each.happened_at, each.id))
    whose = {each.id: each for each in crm.find(Customer)}
    rows = defaultdict(lambda: defaultdict(list))
    for place, each in enumerate(every):
        if (since and each.happened_at < since) or (until and each.happened_at >= until):
            continue
        key = (each.customer_id, each.channel, each.thread)
        rest = [e for e in every[place + 1 :] if (e.customer_id, e.channel, e.thread) == key]
        value = each.direction.value if by == "direction" else whose[each.customer_id][by]
        row = rows[value or "not known", each.channel]
        row["all"].append(each)
        judge(row, each, rest, within)
    return rows


def judge(row, each, rest, within):
    age = NOW - each.happened_at
    is_in = each.direction is Direction.IN
    if each.channel in LIVE:
        row["asked" if is_in else "tried"].append(each)
        if each.outcome not in contacts.UNANSWERED:
            row["seen_to" if is_in else "replied"].append(each)
        return
    if is_in:
        ours = [e for e in rest if e.direction is Direction.OUT]
        if age >= within:
            row["asked"].append(each)
            if ours and ours[0].happened_at - each.happened_at <= within:
                row["seen_to"].append(each)
        return
    took = rest and rest[0].direction is Direction.IN and rest[0].happened_at - each.happened_at
    is_answered = (
        took is not False
        and took != []
        and took <= within
        and each.outcome not in contacts.UNANSWERED
    )
    row["times"].append((took, True) if is_answered else (min(age, within), False))
    if age >= within:
        row["tried"].append(each)
        if is_answered:
            row["replied"].append(each)


def waited(times, share):
    """The first time at which that share of the answers that ever come has come, by the product-limit estimate."""
    steps, chance = [], Fraction(1)
    for at in sorted({time for time, is_answer in times if is_answer}):
        risk = sum(time >= at for time, _ in times)
        chance *= 1 - Fraction(sum(time == at and is_answer for time, is_answer in times), risk)
        steps.append((at, 1 - chance))
    return next((at for at, reached in steps if reached >= share * steps[-1][1]), None)


def check(answer, rows):
    assert {(row["group"], row["channel"]) for row in answer.rows} == rows.keys()
    total = sum(len(row["all"]) for row in rows.values())
    assert answer.explained.total == total
    for found in answer.rows:
        row = rows[found["group"], found["channel"]]
        ids = sorted(each.id for each in row["all"])
        assert list(answer.explained.ids[f"{found['group']}, {found['channel']}"]) == ids
        came = sum(each.direction is Direction.IN for each in row["all"])
        assert (found["incoming"], found["outgoing"]) == (came, len(ids) - came)
        assert found["customers"] == len({each.customer_id for each in row["all"]})
        assert found["share"] == len(ids) / total
        for share, hits, of in (("replied", "replied", "tried"), ("seen_to", "seen_to", "asked")):
            many = len(row[of])
            assert found[share] == (len(row[hits]) / many if many else None)
        if row["tried"]:
            bounds = wilson(len(row["replied"]), len(row["tried"]))
            assert (found["low"], found["high"]) == bounds
        assert found["median"] == waited(row["times"], Fraction(1, 2))
        assert found["most"] == waited(row["times"], Fraction(9, 10))


@pytest.fixture(scope="module")
def memory():
    with CRM.open(
        "memory://", plugins=["analytical", "collaborative"], config=Config(), clock=lambda: NOW
    ) as crm:
        yield crm


@pytest.fixture
def people(memory):
    with memory.transaction() as tx:
        tx.delete_all(list(tx.find(Interaction)))
        tx.delete_all(list(tx.find(Customer)))
        return tx.add_all(
            [
                Customer(name="한빛", type="organization", country="KR"),
                Customer(name="김지원", country="KR"),
                Customer(name="Ada"),
            ]
        )


MADE = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 2, None]),
        st.sampled_from(["email", "email", "phone"]),
        st.sampled_from(["in", "out"]),
        st.sampled_from([-5, 0, 1, 20, 100, 167, 168, 169, 300, 335, 336, 337, 400]),
        st.sampled_from([None, None, "a"]),
        st.sampled_from([None, None, "busy", "reached"]),
        st.sampled_from([None, None, True]),
    ),
    min_size=4,
    max_size=16,
)


@settings(
    max_examples=10,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    made=MADE,
    by=st.sampled_from(["type", "country", "direction"]),
    days=st.sampled_from([(None, None), (400, 100), (300, None)]),
)
def test_it_is_what_one_counts_contact_by_contact(memory, people, made, by, days):
    with memory.transaction() as tx:
        tx.delete_all(list(tx.find(Interaction)))
        tx.add_all(
            contact(
                None if whose is None else people[whose],
                *what,
                thread=thread,
                outcome=outcome,
                collaborative__internal=internal,
            )
            for whose, *what, thread, outcome, internal in made
        )
    since, until = (None if each is None else NOW - timedelta(hours=each) for each in days)

    answer = ask(memory, "channel-use", by=by, since=since, until=until)

    check(answer, plainly(memory, by, since, until))


def test_what_is_answered_is_what_the_preference_of_a_customer_is_made_of(memory, people):
    steps = [
        ("out", 700, None), ("out", 690, None), ("in", 680, None), ("in", 670, None), ("out", 500, "bounced"),
        ("in", 490, None), ("out", 480, None), ("in", 300, None), ("out", 250, None), ("out", 200, "reached"),
    ]  # fmt: skip
    with memory.transaction() as tx:
        for channel in ("email", "phone"):
            tx.add_all(contact(people[1], channel, *step[:2], outcome=step[2]) for step in steps)
    judged = list(contacts.used(map(contacts.contact_of, memory.find(Interaction)), ["phone"], NOW))

    answer = ask(memory, "channel-use")

    for row in answer.rows:
        tried = [
            e for e in judged if e.contact.channel == row["channel"] and not e.contact.incoming
        ]
        assert row["attempts"] == len(tried) == 6
        assert row["replies"] == sum(each.value for each in tried)
    assert {row["channel"]: row["replies"] for row in answer.rows} == {"email": 1, "phone": 5}


def test_a_reply_on_the_last_moment_is_one_and_a_later_one_is_not(memory, people):
    with memory.transaction() as tx:
        tx.add_all(contact(each, "email", "out", 400) for each in people[:2])
        tx.add(contact(people[0], "email", "in", 400 - 168))
        tx.add(contact(people[1], "email", "in", 400 - 169))

    replied = {row["group"]: row["replied"] for row in ask(memory, "channel-use").rows}
    longer = ask(memory, "channel-use", days=8.0)

    assert replied == {"organization": 1, "person": 0}
    assert {row["replied"] for row in longer.rows} == {1}


# Everywhere, and as somebody ------------------------------------------------------------------------------------


def test_it_is_the_same_on_every_storage_and_after_changes(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        one = tx.add(Customer(name="한빛", type="organization"))
        two = tx.add(Customer(name="Ada"))
        sent = tx.add(contact(one, "email", "out", 500))
        tx.add(contact(one, "email", "in", 480))
        tx.add(contact(two, "phone", "out", 400, outcome="부재중"))
        tx.add(contact(two, "email", "out", 2))
        tx.add(contact(two, "email", "out", 1, operational__automatic=True))
        tx.add(contact(None, "email", "in", 3))

    first = ask(crm, "channel-use", least=3)
    check(first, plainly(crm))
    with crm.transaction() as tx:
        tx.update(sent.evolve(outcome="bounced"))
        tx.add(contact(two, "email", "in", 1))
        tx.delete(tx.find(Interaction, where.channel == "phone").__next__())
    second = ask(crm, "channel-use", least=3)

    check(second, plainly(crm))
    assert first.rows[0]["replied"] == 1
    assert {row["group"]: row["replied"] for row in second.rows} == {
        "organization": 0,
        "person": None,
    }
    left = {each.reason: each.count for each in second.explained.excluded}
    assert left == {
        "contacts with nobody who is known": 1,
        "what programs wrote": 1,
        "messages of ours of the last 7 days: in the numbers, not in the shares": 1,
    }
    assert "Of 4 contacts with 2 customers until 2026-03-01" in second.sentence


def test_hidden_customers_are_in_no_figure_and_a_masked_field_is_refused():
    own = ["analytical", "collaborative", SHY]
    with CRM.open("memory://", plugins=own, config=Config(), clock=lambda: NOW) as crm:
        sees_no_hidden_customer(crm)


def sees_no_hidden_customer(crm):
    with crm.transaction() as tx:
        seen, hidden = (tx.add(Customer(name="x", country=each)) for each in ("KR", "GB"))
        mine = tx.add(contact(seen, "email", "out", 500))
        tx.add(contact(hidden, "email", "in", 499))
        tx.add(contact(hidden, "phone", "in", 3, collaborative__internal=True))

    answer = ask(crm, "channel-use", reader=crm.acting("kim"), least=1)

    assert answer.explained.ids == {"person, email": (mine.id,)}
    assert answer.explained.total == answer.rows[0]["customers"] == 1
    assert answer.explained.excluded == ()
    assert ask(crm, "channel-use", least=1).explained.total == 2
    with pytest.raises(RestrictedError, match="channel"):
        ask(crm, "channel-use", reader=crm.acting("lee"))


def test_days_are_those_of_the_company_and_too_little_says_nothing(memory, people):
    midnight = datetime(2026, 2, 9, 15, tzinfo=UTC)  # of the 10th in Seoul
    with memory.transaction() as tx:
        for moment in (midnight - timedelta(seconds=1), midnight, midnight + timedelta(days=1)):
            tx.add(contact(people[0], "email", "in", 0).evolve(happened_at=moment))

    answer = ask(memory, "channel-use", since=date(2026, 2, 10), until=date(2026, 2, 10))

    assert answer.explained.total == 1
    assert not answer.is_enough
    assert answer.sentence == (
        "Only 1 contacts from 2026-02-10 to 2026-02-10; from 30 on this says where customers are met."
    )
