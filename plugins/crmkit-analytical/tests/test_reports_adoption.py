"""Who works with the CRM, of those who should: against a plain recomputation, restricted, refreshed, by days."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.registry import reports
from crmkit_analytical.statistics.intervals import wilson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Actor,
    Config,
    Customer,
    Manifest,
    RestrictedError,
    Restriction,
    hookimpl,
    where,
)
from crmkit.testing.fixtures import FakeClock

kinds = pytest.importorskip(
    "crmkit_collaborative.kinds", reason="crmkit-collaborative is not installed"
)
SEOUL = ZoneInfo("Asia/Seoul")
BEGIN = datetime(2026, 3, 2, tzinfo=SEOUL)
NAMES = ("kim", "lee", "park", "ada")


@hookimpl
def crm_restrict(crm, actor, kind):
    if actor.id == "kim" and kind == "member":
        return Restriction(conditions=[where.actor.in_(["kim", "lee"])])
    if actor.id == "park" and kind == "member":
        return Restriction(masked=["actor"])
    return None


SHY = ModuleType("shy")
SHY.manifest = Manifest(name="shy")
SHY.crm_restrict = crm_restrict


def build(crm):
    """Two departments, one within the other, a team in each; Ada is in none, Choi in none any more."""
    with crm.transaction() as tx:
        sales = tx.add(kinds.Department(name="영업"))
        retail = tx.add(kinds.Department(name="소매", parent_id=sales.id))
        teams = [
            tx.add(kinds.Team(name=name, department_id=of.id))
            for name, of in (("하나", sales), ("둘", retail))
        ]
        found = {name: tx.add(kinds.Member(actor=name, name=name.title())) for name in NAMES}
        gone = tx.add(kinds.Member(actor="choi", name="Choi"))
        for name, team in (("kim", 0), ("lee", 1), ("park", 1), ("park", 0)):
            tx.add(kinds.Membership(member_id=found[name].id, team_id=teams[team].id))
        ended = {"since": date(2025, 1, 1), "until": date(2026, 1, 1)}
        tx.add(kinds.Membership(member_id=gone.id, team_id=teams[0].id, **ended))
    return found


def act(crm, name, many=1, *, type="person", via="cli"):
    """One transaction of somebody, of so many records."""
    with crm.acting(Actor(name, type, via)).transaction() as tx:
        tx.add_all(Customer(name="x") for _ in range(many))


# The same, change by change -------------------------------------------------------------------------------------

WHILE = timedelta(seconds=1)
TEAMS = {"영업": {"kim", "lee", "park"}, "소매": {"lee", "park"}, "in none": {"ada"}}


def plainly(crm, since, until, least=5, days=3):
    """Of each group who was active, and how many actions there were."""
    done = defaultdict(set)
    for change in crm.storage.changes(0, None, 100_000):
        is_meant = change.action in ("insert", "update") and change.actor.type == "person"
        if since <= change.at < until and is_meant and not change.actor.via.startswith("import:"):
            done[change.actor.id].add((change.transaction, change.at.astimezone(SEOUL).date()))
    active = {
        name
        for name, did in done.items()
        if len(did) >= least and len({day for _, day in did}) >= days
    }
    return {
        group: (active & those, sum(len(done[each]) for each in those))
        for group, those in TEAMS.items()
    }


def check(answer, members, plain, before=None):
    assert {row["group"] for row in answer.rows} == plain.keys()
    for row in answer.rows:
        active, actions = plain[row["group"]]
        those = TEAMS[row["group"]]
        assert (row["expected"], row["active"]) == (len(those), len(active))
        assert row["adoption"] == len(active) / len(those)
        assert (row["low"], row["high"]) == wilson(len(active), len(those))
        assert row["actions"] == actions / len(those)
        ids = answer.explained.ids
        assert {*ids[row["group"]]} == {members[each].id for each in those}
        assert {*ids[f"{row['group']}: active"]} == {members[each].id for each in active}
        if before is not None:
            assert row["before"] == len(before[row["group"]][0]) / len(those)
            assert row["change"] == row["adoption"] - row["before"]


MADE = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "nobody"]),
        st.sampled_from([0, 1, 2, 3, 4, 7, 8, 9, 13]),
        st.sampled_from([0, 1, 12, 23]),
        st.sampled_from([("person", "cli"), ("person", "cli"), ("person", "import:x"), ("bot", "api")]),
    ),
    min_size=8,
    max_size=30,
)  # fmt: skip


@settings(
    max_examples=6,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(made=MADE, least=st.integers(1, 3), days=st.integers(1, 3))
def test_it_is_what_one_counts_change_by_change(made, least, days):
    clock = FakeClock(BEGIN - timedelta(days=30))
    with CRM.open(
        "memory://", plugins=["analytical", "collaborative"], config=Config(), clock=clock
    ) as crm:
        members = build(crm)
        for place, (name, day, hour, how) in enumerate(sorted(made, key=lambda each: each[1:3])):
            clock.set(BEGIN + timedelta(days=day, hours=hour, seconds=place))
            act(crm, name, 1 + place % 2, type=how[0], via=how[1])
        clock.set(BEGIN + timedelta(days=14))
        middle = BEGIN + timedelta(days=7)

        answer = ask(
            crm, "adoption", since=middle, until=clock(), actions=least, on_days=days, least=1
        )

        now = plainly(crm, middle, clock(), least, days)
        check(answer, members, now, plainly(crm, BEGIN, middle, least, days))


# Everywhere, and as somebody ------------------------------------------------------------------------------------


def test_it_is_the_same_on_every_storage_and_after_changes(open_crm, clock):
    crm = open_crm()
    clock.set(BEGIN - timedelta(days=60))
    members = build(crm)
    for day in range(3):
        clock.set(BEGIN + timedelta(days=day, hours=1))
        act(crm, "kim", 40)
        clock.tick()
        act(crm, "kim")
        act(crm, "nobody")
        act(crm, "worker", type="system")
        act(crm, "lee", via="import:crm")

    first = ask(crm, "adoption", least=4)
    check(first, members, plainly(crm, BEGIN - timedelta(days=26), crm.now() + WHILE))
    clock.tick(hours=1)
    act(crm, "lee")
    second = ask(crm, "adoption", actions=1, on_days=1, least=4)

    check(second, members, plainly(crm, BEGIN - timedelta(days=26), crm.now() + WHILE, 1, 1))
    assert first.sentence == (
        "Of 4 people in the directory, 1 (25.0%, 95 % interval 4.6% to 69.9%) worked with the CRM from 2026-02-05 to "
        "2026-03-04: at least 5 actions on 3 days or more; 2 never did anything. In the time before it was 0.0%."
    )
    left = {each.reason: each.count for each in first.explained.excluded}
    assert left == {
        "members who are in no team any more, or not yet": 1,
        "people who acted and are not in the directory": 1,
        "changes by programs": 3,
        "changes by imports": 3,
    }


@pytest.fixture
def in_memory(clock):
    """Opens the app in memory, with more plugins if one likes."""
    with ExitStack() as stack:

        def open(*plugins):
            own = ["analytical", "collaborative", *plugins]
            crm = CRM.open("memory://", plugins=own, config=Config(), clock=clock)
            return stack.enter_context(crm)

        yield open


def test_who_never_did_anything_is_named(in_memory, clock):
    crm = in_memory(SHY)
    build(crm)
    clock.tick(days=10)
    act(crm, "lee", via="import:crm")

    everybody = ask(crm, "adoption", never=True)
    kim = ask(crm, "adoption", never=True, reader=crm.acting("kim"))

    assert [row["actor"] for row in everybody.rows] == ["ada", "kim", "park"]
    assert [(row["name"], row["groups"]) for row in kim.rows] == [("Kim", "영업")]
    assert kim.rows[0]["days"] == 10
    assert kim.sentence == "Of 2 people in the directory, 1 never did anything here."


def test_hidden_members_are_in_no_figure_and_a_masked_actor_is_refused(in_memory, clock):
    crm = in_memory(SHY)
    members = build(crm)
    clock.tick(days=1)
    for name in ("kim", "park", "stranger"):
        act(crm, name)

    answer = ask(crm, "adoption", by="team", actions=1, on_days=1, reader=crm.acting("kim"))

    assert {row["group"]: (row["expected"], row["active"]) for row in answer.rows} == {
        "하나": (1, 1),
        "둘": (1, 0),
    }
    shown = {id for ids in answer.explained.ids.values() for id in ids}
    assert shown == {members["kim"].id, members["lee"].id}
    strangers = answer.explained.excluded[0]
    assert (strangers.reason, strangers.count, strangers.ids) == (
        "people who acted and are not in the directory",
        1,
        (),
    )
    with pytest.raises(RestrictedError, match="actor"):
        ask(crm, "adoption", reader=crm.acting("park"))


def test_days_are_those_of_the_company_and_too_few_people_say_nothing(in_memory, clock):
    clock.set(BEGIN - timedelta(days=2))
    crm = in_memory()
    build(crm)
    for moment in (BEGIN - WHILE, BEGIN, BEGIN + timedelta(days=1)):
        clock.set(moment)
        act(crm, "kim")

    answer = ask(crm, "adoption", since=date(2026, 3, 2), until=date(2026, 3, 2), on_days=1)

    assert answer.rows[0]["actions"] == pytest.approx(1 / 3)
    assert not answer.is_enough
    assert answer.sentence.startswith("Only 4 people are in the directory; from 10 on")


def test_who_came_later_was_not_expected_before(in_memory, clock):
    clock.set(BEGIN)
    crm = in_memory()
    build(crm)
    until = clock.tick(days=3)
    clock.tick(days=3)
    with crm.transaction() as tx:
        tx.add(kinds.Member(actor="new", name="New"))

    assert ask(crm, "adoption", until=until).explained.total == 4
    assert ask(crm, "adoption").explained.total == 5


def test_without_a_directory_it_is_not_there():
    with CRM.open("memory://", plugins=["analytical"], config=Config()) as crm:
        assert "adoption" not in reports(crm)
        assert "channel-use" in reports(crm)
