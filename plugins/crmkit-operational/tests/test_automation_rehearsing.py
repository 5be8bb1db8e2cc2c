"""What a rule would have done is what it does: a trial on the past against the same history with the rule switched on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from crmkit_operational.automation.conditions import from_plain, to_plain
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import ready
from crmkit_operational.automation.rehearsing import rehearse
from crmkit_operational.service.kinds import Ticket
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    Denied,
    Interaction,
    Manifest,
    RestrictedError,
    Restriction,
    any_of,
    hookimpl,
    where,
)
from crmkit.query import linked
from crmkit.testing.fixtures import FakeClock
from crmkit.worker import run_workers

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LOG = {"do": "log", "text": "{subject}/{priority}/{customer_id.owner}"}
PRIORITIES = ("low", "normal", "urgent")
STATES = ("new", "open", "pending", "solved")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(PRIORITIES), st.integers(0, 1)),
        st.tuples(st.just("priority"), st.sampled_from(PRIORITIES), st.integers(0, 3)),
        st.tuples(st.just("state"), st.sampled_from(STATES), st.integers(0, 3)),
        st.tuples(st.just("owner"), st.sampled_from(("kim", "lee")), st.integers(0, 1)),
        st.tuples(st.just("opened"), st.integers(0, 90), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.integers(1, 70), st.just(0)),
    ),
    max_size=12,
)
triggers = st.sampled_from(
    [
        {"type": "created"},
        {"type": "changed"},
        {"type": "changed", "fields": ["state"], "to": "pending"},
        {"type": "changed", "fields": ["priority"], "from": "low"},
        {"type": "reached", "field": "opened_at", "after": 30},
        {"type": "reached", "field": "updated_at", "after": 20},
        {"type": "time", "every": 60},
    ]
)
conditions = st.lists(
    st.sampled_from(
        [
            {"path": "priority", "op": "in", "value": ["urgent", "normal"]},
            {"path": "customer_id.owner", "op": "eq", "value": "kim"},
            {
                "any": [
                    {"path": "state", "op": "ne", "value": "solved"},
                    {"path": "priority", "op": "eq", "value": "urgent"},
                ]
            },
        ]
    ),
    max_size=2,
    unique_by=str,
).map(tuple)


def played(crm, clock, history, live):
    """The history; where it is live, the workers look at it minute by minute as it happens."""
    with crm.transaction() as tx:
        customers = [tx.add(Customer(name=each)).id for each in "ab"]
    tickets = []
    for what, value, which in history:
        clock.tick(minutes=1)
        if what == "wait":
            for _ in range(value if live else 0):
                clock.tick(minutes=1)
                run_workers(crm, once=True)
            clock.tick(minutes=0 if live else value)
            continue
        with crm.transaction() as tx:
            if what == "add":
                made = Ticket(
                    subject=str(len(tickets)),
                    priority=value,
                    opened_at=tx.now(),
                    customer_id=customers[which],
                )
                tickets.append(tx.add(made).id)
            elif what == "owner":
                tx.update(tx.get(Customer, customers[which]).evolve(owner=value))
            elif tickets:
                found = tx.get(Ticket, tickets[which % len(tickets)])
                if what == "opened":
                    value = tx.now() - timedelta(minutes=value)
                name = "opened_at" if what == "opened" else what
                tx.update(found.evolve(**{name: value}))
        if live:
            run_workers(crm, once=True)


def seen_live(crm):
    assert crm.count(RuleRun, where.outcome != "done") == 0
    return sorted(each.subject for each in crm.find(Interaction))


@settings(max_examples=15)
@given(steps, triggers, conditions)
def test_a_trial_on_the_past_tells_what_the_rule_does_live(history, trigger, conditions):
    told = []
    for live in (True, False):
        clock = FakeClock(NOW)
        with CRM.open(
            "memory://", plugins=["service", "automation"], config=Config(), clock=clock
        ) as crm:
            with crm.transaction() as tx:
                made = tx.add(
                    Rule(
                        name="r",
                        on="ticket",
                        trigger=trigger,
                        conditions=conditions,
                        actions=(LOG,),
                        enabled=live,
                    )
                )
            begun = clock() - timedelta.resolution
            if live:  # a time that was due a moment ago is not made up for with what came since
                run_workers(crm, once=True)
            played(crm, clock, history, live)
            if live:
                told.append(seen_live(crm))
            else:
                before = crm.storage.position()
                tried = rehearse(crm, ready(crm, made), begun, clock())
                would = [each.actions[0]["text"] for each in tried if each.would_run]
                told.append(sorted(would))
                assert crm.storage.position() == before
    assert told[0] == told[1]


def test_a_record_is_seen_as_it_was(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="한빛", owner="kim"))
        made = tx.add(
            Ticket(subject="a", priority="urgent", opened_at=NOW, customer_id=customer.id)
        )
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.update(customer.evolve(owner="lee"))
        tx.update(made.evolve(priority="low", subject="b"))
    of = (
        {"path": "priority", "op": "eq", "value": "urgent"},
        {"path": "customer_id.owner", "op": "eq", "value": "kim"},
    )
    rule = Rule(name="r", on="ticket", trigger={"type": "created"}, conditions=of, actions=(LOG,))
    [tried] = rehearse(crm, ready(crm, rule), NOW - timedelta(1), clock())
    assert tried.would_run
    assert tried.actions == ({"do": "log", "text": "a/urgent/kim"},)


def test_linked_conditions_are_of_then(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="한빛"))
        made = tx.add(Ticket(subject="a", state="open", opened_at=NOW, customer_id=customer.id))
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.update(customer.evolve(owner="kim"))
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.update(made.evolve(state="solved"))
        tx.update(tx.get(Customer, customer.id).evolve(owner="lee"))
    kind = crm.schema["customer"]
    plain = to_plain(crm.schema, kind, linked(Ticket, "customer_id", where.state == "open"))
    assert from_plain(crm.schema, kind, [plain]) == (
        linked(Ticket, "customer_id", where.state == "open"),
    )
    rule = Rule(
        name="r",
        on="customer",
        trigger={"type": "changed", "fields": ["owner"]},
        conditions=(plain,),
        actions=({"do": "tag", "tag": "x"},),
    )
    tried = list(rehearse(crm, ready(crm, rule), NOW - timedelta(1), clock()))
    assert [each.would_run for each in tried] == [True, False]


@hookimpl
def crm_restrict(crm, actor, kind):
    if actor.id != "kim":
        return None
    if kind == "customer":
        return Restriction(conditions=[where.country == "KR"])
    masked = ["priority"] if kind == "ticket" else []
    return Restriction(
        masked=masked,
        conditions=[
            where[f"{field.name}.country"] == "KR"
            for field in crm.schema[kind].references
            if field.refers_to == "customer"
        ],
    )


SHY = ModuleType("shy")
SHY.manifest = Manifest(name="shy")
SHY.crm_restrict = crm_restrict


@pytest.mark.parametrize("on", ["ticket", "customer"])
def test_neither_trials_nor_runs_nor_reports_show_what_is_hidden(open_crm, clock, on):
    crm = open_crm(SHY)
    with crm.transaction() as tx:
        action = (
            {"do": "tag", "tag": "x"}
            if on == "customer"
            else {"do": "set", "values": {"team": "{subject}"}}
        )
        rule = tx.add(
            Rule(name="r", on=on, trigger={"type": "created"}, actions=(action,), enabled=True)
        )
    with crm.transaction() as tx:
        seen, hidden = (tx.add(Customer(name=c, country=c)) for c in ("KR", "GB"))
        for each in (seen, hidden):
            tx.add(Ticket(subject=each.name, opened_at=NOW, customer_id=each.id))
    run_workers(crm, once=True)
    with crm.acting("lee").transaction() as tx:
        for each in list(tx.find(Ticket)):
            tx.update(each.evolve(team="other"))
        for each in list(tx.find(Customer)):
            tx.update(each.evolve(tags=()))
    kim = crm.acting("kim")
    assert crm.count(RuleRun) == 2
    [run] = kim.find(RuleRun)
    assert run.customer_id == seen.id
    assert kim.count(RuleRun) == 1
    assert {c.id for c in kim.changes(kinds=[RuleRun])} == {run.id}
    [tried] = rehearse(kim, ready(kim, rule), NOW - timedelta(1), clock())
    assert "GB" not in str(tried)
    from crmkit_operational.automation.reporting import report

    [found] = report(kim, NOW - timedelta(1), clock() + timedelta(1), timedelta(7))
    assert (len(found.done), found.corrected) == (1, 1)


def test_a_trial_asks_for_nothing_that_is_masked(open_crm, clock):
    crm = open_crm(SHY)
    kim = crm.acting("kim")
    for trigger, of in (
        ({"type": "created"}, ({"path": "priority", "op": "eq", "value": "urgent"},)),
        ({"type": "changed", "fields": ["priority"]}, ()),
    ):
        rule = Rule(name="r", on="ticket", trigger=trigger, conditions=of, actions=(LOG,))
        with pytest.raises(RestrictedError):
            list(rehearse(kim, ready(kim, rule), NOW - timedelta(1), clock()))
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="x", country="KR"))
        tx.add(Ticket(subject="s", priority="urgent", opened_at=NOW, customer_id=customer.id))
    rule = Rule(name="r", on="ticket", trigger={"type": "created"}, actions=(LOG,))
    [tried] = rehearse(kim, ready(kim, rule), NOW - timedelta(1), clock())
    assert tried.actions == ({"do": "log", "text": "s/•••/"},)


def test_conditions_go_to_plain_form_and_back(crm):
    kind = crm.schema["ticket"]
    for condition in (
        where.opened_at < NOW,
        where.state.in_(["new", "open"]),
        where.team.missing(),
        where.skills.has("x"),
        where.subject.contains("x"),
        any_of(where.team == None, where.customer_id.name == "a"),  # noqa: E711
    ):
        plain = to_plain(crm.schema, kind, condition)
        [back] = from_plain(crm.schema, kind, [plain])
        assert to_plain(crm.schema, kind, back) == plain


def test_who_may_not_see_everything_writes_no_rules_but_switches_them_off(open_crm):
    """A rule reads as the system: `log "{priority}"` would tell its writer what is masked."""
    crm = open_crm(SHY)
    rule = Rule(name="r", on="ticket", trigger={"type": "created"}, actions=(LOG,), enabled=True)
    with pytest.raises(Denied, match="rules see all"), crm.acting("kim").transaction() as tx:
        tx.add(rule)
    with crm.acting("lee").transaction() as tx:
        kept = tx.add(rule)
    with crm.acting("kim").transaction() as tx:
        off = tx.update(kept.evolve(enabled=False))
    for change in ({"enabled": True}, {"actions": ({"do": "tag", "tag": "x"},)}):
        with pytest.raises(Denied), crm.acting("kim").transaction() as tx:
            tx.update(off.evolve(**change))
