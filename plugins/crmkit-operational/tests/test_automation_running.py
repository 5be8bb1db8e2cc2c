"""Rules run once for a cause, act under their own name, fail without half effects, and end."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta
from types import ModuleType

import attrs
import pytest
from crmkit_operational.automation.action import Action
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import ready
from crmkit_operational.automation.reporting import report
from crmkit_operational.automation.retrying import retry
from crmkit_operational.automation.running import LONGEST, PAUSES, Occasion, run
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage
from crmkit_operational.service.kinds import Ticket

from crmkit import (
    CRM,
    Company,
    Config,
    Customer,
    Interaction,
    InvalidRecords,
    Manifest,
    hookimpl,
    where,
)
from crmkit.positions import worker_states
from crmkit.worker import run_workers

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
UTC_COMPANY = Config(company=Company(timezone="UTC"))
OWN = ["sales", "service", "automation"]
URGENT = {"path": "priority", "op": "eq", "value": "urgent"}
TEAM = {"do": "set", "values": {"team": "vip"}}


def plugin(name, **hooks):
    made = ModuleType(name)
    made.manifest = Manifest(name=name, api="1.0")
    for hook, function in hooks.items():
        setattr(made, hook, hookimpl(function))
    return made


def rule(crm, name="vip", on="ticket", trigger=None, conditions=(), actions=(TEAM,), **more):
    with crm.transaction() as tx:
        return tx.add(
            Rule(
                name=name,
                on=on,
                trigger=trigger or {"type": "created"},
                conditions=conditions,
                actions=actions,
                enabled=more.pop("enabled", True),
                **more,
            )
        )


def ticket(crm, actor="kim", **values):
    with crm.acting(actor).transaction() as tx:
        customer = values.pop("customer_id", None) or tx.add(Customer(name="한빛")).id
        return tx.add(
            Ticket(**{"subject": "환불", "opened_at": NOW, "customer_id": customer, **values})
        )


def change(crm, record, actor="kim", **values):
    with crm.acting(actor).transaction() as tx:
        return tx.update(tx.get(record.__kind__, record.id).evolve(**values))


def work(crm):
    run_workers(crm, once=True)
    assert [each for each in worker_states(crm) if each.aside or each.error] == []


def outcomes(crm):
    return [each.outcome for each in crm.find(RuleRun, order="at")]


def test_a_rule_does_what_it_says_where_its_conditions_hold(open_crm):
    crm = open_crm()
    rule(crm, conditions=(URGENT,), actions=(TEAM, {"do": "log", "text": "급함: {subject}"}))
    urgent, calm = ticket(crm, priority="urgent"), ticket(crm)

    work(crm)

    assert crm.get(Ticket, urgent.id).team == "vip"
    assert crm.get(Ticket, calm.id).team is None
    [note] = crm.find(Interaction)
    assert (note.subject, note.customer_id) == ("급함: 환불", urgent.customer_id)
    [run] = crm.find(RuleRun)
    assert (run.outcome, run.fields, run.subject_id) == ("done", ("team",), urgent.id)
    last = crm.history(Ticket, urgent.id)[-1]
    assert (last.actor.id, last.actor.type) == ("rule:vip", "bot")
    assert last.transaction == run.transaction
    assert last.cause.by == ("rule:vip",)


def test_nothing_happens_for_what_was_before_it_was_enabled(open_crm, clock):
    crm = open_crm()
    ticket(crm)
    clock.tick()
    made = rule(crm, enabled=False)
    ticket(crm)
    clock.tick()
    change(crm, made, enabled=True)
    late = ticket(crm)
    work(crm)
    assert [run.subject_id for run in crm.find(RuleRun)] == [late.id]


def test_going_through_the_journal_again_repeats_nothing(open_crm):
    crm = open_crm()
    rule(crm, actions=({"do": "log", "text": "왔다"},))
    ticket(crm)
    work(crm)
    with crm.storage.transaction() as tx:
        tx.set_state("crmkit/worker/rules", None)
    work(crm)
    assert crm.count(Interaction) == crm.count(RuleRun) == 1


def test_a_change_is_of_the_fields_and_values_that_the_trigger_names(open_crm):
    crm = open_crm()
    trigger = {"type": "changed", "fields": ["state"], "from": "open", "to": "solved"}
    rule(crm, trigger=trigger, actions=({"do": "tag", "tag": "served"},))
    made = ticket(crm)
    change(crm, made, priority="high")
    change(crm, made, state="open")
    work(crm)
    assert outcomes(crm) == []
    change(crm, made, state="solved")
    work(crm)
    assert crm.get(Customer, made.customer_id).tags == ("served",)


def test_conditions_are_those_of_the_record_as_the_change_left_it(open_crm):
    crm = open_crm()
    rule(crm, conditions=(URGENT,))
    made = ticket(crm, priority="urgent")
    change(crm, made, priority="low")
    work(crm)
    now = crm.get(Ticket, made.id)
    assert (now.team, now.priority) == ("vip", "low")


def test_a_failing_action_undoes_what_the_rule_did_and_lets_others_go_on(open_crm):
    crm = open_crm()
    broken = {"do": "set", "values": {"priority": "{subject}"}}
    rule(crm, "broken", actions=({"do": "log", "text": "halb"}, TEAM, broken))
    rule(crm, "fine", actions=({"do": "tag", "tag": "new"},))
    made = ticket(crm)

    work(crm)

    assert crm.get(Ticket, made.id).team is None
    assert crm.count(Interaction) == 0
    assert crm.get(Customer, made.customer_id).tags == ("new",)
    [failed] = crm.find(RuleRun, where.outcome == "failed")
    assert failed.error.startswith("ticket.priority takes one of low")


def test_a_guard_may_deny_a_rule_by_its_name(open_crm):
    def crm_authorize(kind, writes, actor):
        if actor.id == "rule:vip" and kind == "ticket":
            for write in writes:
                yield write.denial("rules leave tickets alone")

    crm = open_crm(plugin("strict", crm_authorize=crm_authorize))
    rule(crm)
    made = ticket(crm)
    work(crm)
    assert crm.get(Ticket, made.id).team is None
    [run] = crm.find(RuleRun)
    assert run.outcome == "failed"
    assert "rules leave tickets alone" in run.error


def test_a_failed_run_is_tried_again_and_only_once(open_crm):
    crm = open_crm()
    broken = {"do": "set", "values": {"priority": "{subject}"}}
    made = rule(crm, actions=({"do": "log", "text": "x"}, broken))
    one = ticket(crm)
    work(crm)
    assert [each.outcome for each in retry(crm, crm, made)] == ["failed"]
    change(crm, made, actions=({"do": "log", "text": "x"}, TEAM))
    assert [each.outcome for each in retry(crm, crm, crm.get(Rule, made.id))] == ["done"]
    assert retry(crm, crm, made) == []
    assert crm.get(Ticket, one.id).team == "vip"
    assert crm.count(Interaction) == crm.count(RuleRun) == 1


def test_what_failed_is_tried_again_after_growing_pauses_and_then_left_to_people(open_crm, clock):
    crm = open_crm()
    rule(
        crm,
        actions=({"do": "log", "text": "x"}, {"do": "set", "values": {"priority": "{subject}"}}),
    )
    ticket(crm)
    work(crm)
    tried = []
    while (run := next(crm.find(RuleRun))).again_at is not None:
        tried.append(run.again_at - crm.now())
        before = max(crm.now(), run.again_at - timedelta(minutes=1))
        clock.set(before)
        work(crm)
        assert next(crm.find(RuleRun)).attempts == len(tried)
        clock.set(before + timedelta(minutes=1))
        work(crm)

    assert tuple(tried) == PAUSES
    assert (run.attempts, run.outcome) == (len(PAUSES) + 1, "failed")
    assert crm.count(Interaction) == 0
    clock.tick(days=30)
    work(crm)
    assert next(crm.find(RuleRun)) == run


def test_a_rule_that_was_mended_does_at_the_next_try_what_it_could_not(open_crm, clock):
    crm = open_crm()
    made = rule(crm, actions=({"do": "set", "values": {"priority": "{subject}"}},))
    one = ticket(crm)
    work(crm)
    change(crm, made, actions=(TEAM,))
    clock.tick(minutes=1)

    work(crm)

    assert crm.get(Ticket, one.id).team == "vip"
    [run] = crm.find(RuleRun)
    assert (run.outcome, run.attempts, run.again_at) == ("done", 2, None)


def test_a_rule_that_was_switched_off_is_not_tried_again(open_crm, clock):
    crm = open_crm()
    made = rule(crm, actions=({"do": "set", "values": {"priority": "{subject}"}},))
    ticket(crm)
    work(crm)
    change(crm, made, enabled=False)
    clock.tick(minutes=1)

    work(crm)

    [run] = crm.find(RuleRun)
    assert (run.outcome, run.attempts, run.again_at) == ("failed", 1, None)


def test_a_rule_is_not_set_off_by_its_own_effect_on_the_record(open_crm):
    crm = open_crm()
    again = {"do": "set", "values": {"subject": "{subject}!"}}
    rule(crm, trigger={"type": "changed"}, actions=(again,))
    made = change(crm, ticket(crm), priority="high")
    work(crm)
    assert crm.get(Ticket, made.id).subject == "환불!"
    assert outcomes(crm) == ["done"]


def test_two_rules_that_set_each_other_off_end_and_are_named(open_crm):
    crm = open_crm()
    flip = {"type": "changed", "fields": ["priority"]}
    flop = {"type": "changed", "fields": ["topic"]}
    rule(crm, "flip", trigger=flip, actions=({"do": "set", "values": {"topic": "{topic}x"}},))
    rule(crm, "flop", trigger=flop, actions=({"do": "set", "values": {"priority": "low"}},))
    made = change(crm, ticket(crm), priority="high")

    work(crm)

    assert sorted(outcomes(crm)) == ["done", "done", "loop"]
    [loop] = crm.find(RuleRun, where.outcome == "loop")
    assert "flip > flop > flip" in loop.error
    [finding] = (each for each in _findings(crm) if each.severity == "error")
    assert "flip > flop > flip" in finding.text
    change(crm, made, subject="later")
    work(crm)


def _findings(crm):
    from crmkit_operational.automation.checking import findings

    return list(findings(crm))


def test_a_rule_that_adds_what_sets_it_off_ends_too(open_crm):
    crm = open_crm()
    more = {"do": "add", "kind": "ticket", "values": {"subject": "more", "opened_at": "{now}"}}
    rule(crm, actions=(more,))
    ticket(crm)
    work(crm)
    assert crm.count(Ticket) == LONGEST + 1
    [loop] = crm.find(RuleRun, where.outcome == "loop")
    assert loop.error.count("vip") == LONGEST + 1


def test_a_batch_of_one_transaction_is_no_loop(open_crm):
    crm = open_crm()
    rule(crm, trigger={"type": "changed"}, actions=({"do": "log", "text": "{priority}"},))
    made = ticket(crm)
    with crm.transaction() as tx:
        for each in ("high", "urgent"):
            tx.update(tx.get(Ticket, made.id).evolve(priority=each))
    work(crm)
    assert outcomes(crm) == ["done", "done"]


def test_rules_run_by_position_then_name_whatever_the_order_of_plugins(open_crm):
    def brought(name):
        def crm_actions():
            return [Action(f"append_{name}", "Append.", _append, Letter)]

        return plugin(name, crm_actions=crm_actions)

    for plugins in ((brought("a"), brought("b")), (brought("b"), brought("a"))):
        crm = open_crm(*plugins, own=["service", "automation"])
        if crm.count(Rule):  # a database keeps what the first round wrote
            break
        rule(crm, "z", position=1, actions=({"do": "append_b", "letter": "z"},))
        rule(crm, "b", position=2, actions=({"do": "append_a", "letter": "b"},))
        rule(crm, "a", position=2, actions=({"do": "append_b", "letter": "a"},))
        made = ticket(crm, subject="")
        work(crm)
        assert crm.get(Ticket, made.id).subject == "zab"


@attrs.frozen
class Letter:
    letter: str


def _append(tx, record, parameters, context):
    tx.update(record.evolve(subject=record.subject + parameters.letter))


def test_a_time_that_is_reached_sets_a_rule_off_once_for_each_value(open_crm, clock):
    crm = open_crm()
    trigger = {"type": "reached", "field": "opened_at", "after": 60}
    state = {"path": "state", "op": "eq", "value": "new"}
    rule(crm, trigger=trigger, conditions=(state,), actions=({"do": "log", "text": "wartet"},))
    made = ticket(crm, opened_at=NOW)
    work(crm)
    assert outcomes(crm) == []
    for _ in range(3):
        clock.tick(minutes=60)
        work(crm)
    assert outcomes(crm) == ["done"]
    change(crm, made, opened_at=clock())
    clock.tick(minutes=61)
    work(crm)
    assert outcomes(crm) == ["done", "done"]


def test_a_condition_that_holds_only_after_the_time_was_reached_counts_too(open_crm, clock):
    crm = open_crm()
    trigger = {"type": "reached", "field": "opened_at", "after": 60}
    rule(crm, trigger=trigger, conditions=(URGENT,))
    made = ticket(crm)
    clock.tick(hours=3)
    work(crm)
    assert outcomes(crm) == []
    change(crm, made, priority="urgent")
    work(crm)
    assert outcomes(crm) == ["done"]
    assert crm.get(Ticket, made.id).team == "vip"


def test_what_was_reached_before_it_was_enabled_is_left_alone_unless_one_says_since(
    open_crm, clock
):
    crm = open_crm()
    ticket(crm, opened_at=NOW - timedelta(days=5))
    trigger = {"type": "reached", "field": "opened_at", "after": 60}
    made = rule(crm, trigger=trigger)
    work(crm)
    assert outcomes(crm) == []
    with crm.transaction() as tx:
        tx.update(tx.get(Rule, made.id).evolve(enabled=False))
    with crm.transaction() as tx:
        off = tx.get(Rule, made.id)
        tx.update(off.evolve(enabled=True, since=NOW - timedelta(days=30)))
    clock.tick(minutes=2)
    change(crm, next(crm.find(Ticket)), subject="x")
    work(crm)
    assert outcomes(crm) == ["done"]


def test_days_before_a_date(open_crm, clock):
    crm = open_crm(config=UTC_COMPANY)
    trigger = {"type": "reached", "field": "expected_close", "after": -7 * 1440}
    rule(crm, on="deal", trigger=trigger, actions=({"do": "set", "values": {"next_step": "전화"}},))
    with crm.transaction() as tx:
        pipeline = tx.add(Pipeline(name="p"))
        stage = tx.add(Stage(pipeline_id=pipeline.id, name="s", position=1))
        deal = tx.add(
            Deal(title="d", stage_id=stage.id, opened_at=NOW, expected_close=date(2026, 3, 12))
        )
    clock.set(datetime(2026, 3, 4, 23, tzinfo=UTC))
    work(crm)
    assert crm.get(Deal, deal.id).next_step == ""
    clock.set(datetime(2026, 3, 5, 0, 1, tzinfo=UTC))
    work(crm)
    assert crm.get(Deal, deal.id).next_step == "전화"


def test_a_time_of_day_comes_once_a_day(open_crm, clock):
    crm = open_crm(config=UTC_COMPANY)
    rule(
        crm,
        trigger={"type": "time", "at": "10:00"},
        conditions=(URGENT,),
        actions=({"do": "log", "text": "heute {today}"},),
    )
    ticket(crm, priority="urgent")
    ticket(crm)
    work(crm)
    assert outcomes(crm) == []
    for hours in (2, 1, 22, 2):
        clock.tick(hours=hours)
        work(crm)
    assert sorted(each.subject for each in crm.find(Interaction)) == [
        "heute 2026-03-01",
        "heute 2026-03-02",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"on": "tickt"}, "there is no kind 'tickt'; did you mean 'ticket'?"),
        ({"on": "rule_run"}, "there are no rules on rule_run"),
        ({"trigger": {"type": "create"}}, "did you mean 'created'?"),
        ({"trigger": {"type": "changed", "fields": ["stat"]}}, "did you mean 'state'?"),
        ({"trigger": {"type": "created", "of": 1}}, "takes no 'of'"),
        ({"trigger": {"type": "time", "at": "25:00"}}, "is no time of day"),
        ({"trigger": {"type": "reached", "field": "team", "after": 1}}, "is of type text"),
        ({"conditions": ({"path": "priorty", "op": "eq", "value": 1},)}, "did you mean 'priority'"),
        ({"conditions": ({**URGENT, "value": "soon"},)}, "takes one of"),
        ({"conditions": ("x",)}, "is not a condition"),
        ({"actions": ()}, "give it an action"),
        ({"actions": ({"do": "sett"},)}, "did you mean 'set'?"),
        ({"actions": ({"do": "set", "values": {"team": "{tem}"}},)}, "did you mean 'team'?"),
        ({"actions": ({"do": "set", "values": {"priority": "soon"}},)}, "takes one of"),
        ({"actions": ({"do": "set", "values": {"id": "x"}},)}, "is kept by crmkit"),
        ({"actions": ({"do": "set", "vals": {}},)}, "unknown key 'vals'; did you mean 'values'?"),
        ({"actions": ({"do": "add", "kind": "ticket"},)}, "ticket.subject needs a value"),
        ({"name": " "}, "a rule has a name"),
    ],
)
def test_a_rule_that_cannot_run_is_refused_in_one_sentence(crm, wrong, said):
    fine = {"name": "r", "on": "ticket", "trigger": {"type": "created"}, "actions": (TEAM,)}
    with pytest.raises(InvalidRecords, match=r"^rule\.") as refused, crm.transaction() as tx:
        tx.add(Rule(**fine | wrong))
    assert said in str(refused.value)
    assert crm.count(Rule) == 0


def test_a_rule_whose_plugin_is_gone_is_skipped_shown_and_can_be_switched_off(open_crm, tmp_path):
    crm = open_crm()
    if crm.storage.describe().startswith("Memory"):
        pytest.skip("it is gone with the app")
    made = rule(crm)
    crm.close()
    left = open_crm(own=["automation"])
    with left.transaction() as tx:
        tx.add(Customer(name="x"))
    work(left)
    [finding] = _findings(left)
    assert "rule vip cannot run" in finding.text
    change(left, made, enabled=False)
    assert _findings(left) == []


def test_corrections_are_a_persons_changes_of_the_same_field_soon_after(open_crm, clock):
    crm = open_crm()
    rule(crm, minutes_saved=3)
    one, two, three = (ticket(crm) for _ in range(3))
    work(crm)
    clock.tick(days=1)
    change(crm, one, team="a")
    change(crm, two, subject="y")
    clock.tick(days=10)
    change(crm, three, team="b")
    [found] = report(crm, NOW, clock() + timedelta(1), timedelta(days=7))
    assert (len(found.done), found.minutes, found.corrected) == (3, 9, 1)
    assert [each.id for each in found.corrections] == [one.id]


def test_a_look_at_the_clock_goes_only_through_what_was_reached_since_the_last(tmp_path, clock):
    """SQLite answers it by the index on the state and the time, not by looking through the tickets."""
    pytest.importorskip("crmkit_sqlite")
    url = f"sqlite:///{tmp_path}/crm.db"
    crm = CRM.open(url, plugins=["sqlite", *OWN], config=Config(), clock=clock)
    trigger = {"type": "reached", "field": "opened_at", "after": 60}
    new = {"path": "state", "op": "eq", "value": "new"}
    rule(crm, trigger=trigger, conditions=(new,))
    ticket(crm)
    work(crm)
    clock.tick(hours=2)
    asked = []
    sqlite3_connect = sqlite3.connect

    def connect(*arguments, **options):
        link = sqlite3_connect(*arguments, **options)
        link.set_trace_callback(asked.append)
        return link

    crm.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        with CRM.open(url, plugins=["sqlite", *OWN], config=Config(), clock=clock) as crm:
            run_workers(crm, once=True, names=["rules-clock"])
            assert outcomes(crm) == ["done"]
    [look] = {
        each for each in asked if each.startswith("SELECT") and "opened_at" in each and "<=" in each
    }
    plan = sqlite3_connect(tmp_path / "crm.db").execute(f"EXPLAIN QUERY PLAN {look}").fetchall()
    assert len(plan) == 1, plan
    assert "(state=? AND opened_at>? AND opened_at<?)" in plan[0][3]


def test_whoever_is_quicker_runs_a_rule_and_the_other_leaves_no_effect(open_crm):
    """The unique cause of a run undoes what a second process did for it, whatever it saw before."""
    crm = open_crm()
    made = rule(crm, actions=({"do": "log", "text": "x"},), enabled=False)
    one = ticket(crm)
    with crm.transaction() as tx:
        occasion = Occasion(one, "cause", NOW, "root")
        run(Blind(tx), ready(tx, made), occasion)
        run(Blind(tx), ready(tx, made), occasion)
    assert crm.count(RuleRun) == crm.count(Interaction) == 1


class Blind:
    """A transaction that has not seen the other's run yet."""

    def __init__(self, tx):
        vars(self).update(tx=tx)

    def __getattr__(self, name):
        return getattr(self.tx, name)

    def __setattr__(self, name, value):
        setattr(self.tx, name, value)

    def find(self, *asked, **options):
        return iter(())
