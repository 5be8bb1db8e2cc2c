"""Incidents of ServiceNow: what the README of the data says of them, from the journal of the tickets they became."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

import attrs
import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ExternalId, ImportRun
from crmkit_operational.service.kinds import MetricEvent, Ticket
from crmkit_operational.service.reporting import measure
from crmkit_operational.service.survival import median_with_open
from importing import KIM, Importer

from crmkit import CRM, Change, Config, Customer, where

FILE = "04_tickets/uci_incident_first5998.csv"
HEADING = "number,incident_state,opened_at,sys_updated_at,resolved_at,assigned_to,sys_mod_count,priority,caller_id"
ROWS = [
    "INC1,New,29-02-2016 01:16,29-02-2016 01:23,29-02-2016 11:29,?,0,3 - Moderate,Caller 7",
    "INC1,Active,29-02-2016 01:16,29-02-2016 08:53,29-02-2016 11:29,Resolver 4,1,2 - High,Caller 7",
    "INC1,Active,29-02-2016 01:16,29-02-2016 08:53,29-02-2016 11:29,?,2,3 - Moderate,Caller 7",
    "INC1,Resolved,29-02-2016 01:16,29-02-2016 11:29,29-02-2016 11:29,Resolver 5,3,3 - Moderate,Caller 7",
    "INC2,New,29-02-2016 02:00,29-02-2016 02:30,?,?,0,4 - Low,Caller 8",
    "INC1,Closed,29-02-2016 01:16,05-03-2016 12:00,29-02-2016 11:29,Resolver 5,4,3 - Moderate,Caller 7",
]
SOLVED = ("solved", "closed")


@attrs.frozen
class Incident:
    """What the journal has of one incident: its ticket, and the changes of the ticket and of what the source said."""

    ticket: Ticket
    changes: list[Change]
    said: list[Mapping[str, Any]]

    @property
    def states(self) -> list[tuple[datetime, str]]:
        """Since when it was in which state."""
        found = [
            (each.effective, each.delta["state"][1])
            for each in self.changes[1:]
            if "state" in (each.delta or {})
        ]
        first = self.changes[0].effective, _first(self.changes, "state", self.ticket.state)
        return [first, *found]


def _first(changes: list[Change], name: str, now: Any) -> Any:
    """What a field was in the beginning: before its first change."""
    return next((each.delta[name][0] for each in changes[1:] if name in (each.delta or {})), now)


def incidents(crm: CRM) -> Iterator[Incident]:
    for external in list(crm.find(ExternalId, where["kind"] == "incident")):
        ticket = crm.get(Ticket, external.record_id)
        history = crm.history("external_id", external.id)
        said = [dict(crm.at_version("external_id", external.id, history[-1].version).details)]
        yield Incident(ticket, list(crm.history("ticket", ticket.id)), said)


@attrs.frozen
class Truths:
    """What is true of the first rows of the log, counted from the rows themselves."""

    rows: int
    tickets: int
    took: list[float]
    never: int
    reopened: int
    made_sla: float
    middle: float

    @classmethod
    def of(cls, rows: list[dict[str, str]]) -> Truths:
        """Count them."""
        logs: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            logs.setdefault(row["number"], []).append(row)
        took, ends = [], []
        for log in logs.values():
            opened, resolved = time(log[-1]["opened_at"]), log[-1]["resolved_at"]
            if resolved != "?":
                took.append(hours(opened, time(resolved)))
            end = resolved if resolved != "?" else log[-1]["sys_updated_at"]
            ends.append((time(end) - opened, resolved != "?"))
        middle = median_with_open(ends)
        assert middle is not None
        return cls(
            rows=len(rows),
            tickets=len(logs),
            took=took,
            never=len(logs) - len(took),
            reopened=sum(map(was_reopened, logs.values())),
            made_sla=sum(log[-1]["made_sla"] == "TRUE" for log in logs.values()) / len(logs),
            middle=middle / timedelta(hours=1),
        )


def time(text: str) -> datetime:
    return datetime.strptime(text, "%d-%m-%Y %H:%M").replace(tzinfo=UTC)


def hours(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() / 3600


def was_reopened(log: list[dict[str, str]]) -> bool:
    ended = [row["incident_state"] in {"Resolved", "Closed"} for row in log]
    return any(a and not b for a, b in pairwise(ended))


@pytest.fixture(scope="module")
def whole_log() -> list[dict[str, str]]:
    path = Path(__file__).parents[4] / "shared" / "data" / FILE
    if not path.exists():
        pytest.skip("../shared/data is not there")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_of_the_whole_log_that_is_true_which_is_said_of_it(whole_log: list[dict[str, str]]):
    truths = Truths.of(whole_log)
    assert (truths.rows, truths.tickets, truths.never, truths.reopened) == (5998, 890, 29, 10)
    assert len(truths.took) == 861
    assert truths.made_sla == pytest.approx(0.5562, abs=5e-5)
    assert median(truths.took) == pytest.approx(54.47, abs=5e-3)
    assert fmean(truths.took) == pytest.approx(315.87, abs=5e-3)
    assert truths.middle == pytest.approx(60.97, abs=5e-3)


@attrs.frozen
class Brought:
    """What was imported of the log, and what is true of it."""

    crm: CRM
    truths: Truths
    incidents: list[Incident]


@pytest.fixture(scope="module", params=[200, pytest.param(890, marks=pytest.mark.long)])
def brought(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    whole_log: list[dict[str, str]],
) -> Iterator[Brought]:
    """The first incidents of the log, or all of them, imported once."""
    pytest.importorskip("crmkit_sqlite", reason="the plugin for SQLite is not installed")
    numbers = [*dict.fromkeys(row["number"] for row in whole_log)][: request.param]
    rows = [row for row in whole_log if row["number"] in {*numbers}]
    folder = tmp_path_factory.mktemp("log")
    truths, path = Truths.of(rows), folder / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    url = f"sqlite:///{folder}/crm.db?synchronous=normal"
    with CRM.open(url, plugins=["sqlite", "exchange", "service"], config=Config()) as crm:
        done = Importer(crm, folder)(path)["servicenow"]
        read, created, updated, skipped, invalid = done.sums
        assert (read, created, invalid) == (truths.rows, truths.tickets, 0)
        assert skipped <= 1  # one says that it is new after it was resolved
        assert updated == read - created - skipped
        yield Brought(crm, truths, list(incidents(crm)))


def near(hours: float) -> Any:
    return pytest.approx(hours, abs=1e-6)


def test_the_truths_of_the_log_come_out_of_the_journal(brought: Brought):
    found, truths = brought.incidents, brought.truths
    unresolved = [each for each in found if each.said[-1]["resolved_at"] == "?"]
    took = [
        hours(each.ticket.opened_at, each.ticket.solved_at)
        for each in found
        if each not in unresolved
    ]

    assert (len(found), len(unresolved)) == (truths.tickets, truths.never)
    assert sum(each.said[-1]["made_sla"] == "TRUE" for each in found) == near(
        truths.made_sla * truths.tickets
    )
    assert sorted(took) == [near(each) for each in sorted(truths.took)]


def test_as_many_were_reopened(brought: Brought):
    def reopened(each: Incident) -> bool:
        states = [state for _, state in each.states]
        return any(a in SOLVED and b not in SOLVED for a, b in pairwise(states))

    assert sum(map(reopened, brought.incidents)) == brought.truths.reopened > 0


def test_with_those_that_were_never_resolved_the_median_is_that_of_kaplan_and_meier(
    brought: Brought,
):
    ends = []
    for each in brought.incidents:
        is_resolved = each.said[-1]["resolved_at"] != "?"
        end = each.ticket.solved_at if is_resolved else each.changes[-1].effective
        ends.append((end - each.ticket.opened_at, is_resolved))

    middle = median_with_open(ends)
    assert middle / timedelta(hours=1) == near(brought.truths.middle)


def test_what_was_measured_says_the_same(brought: Brought):
    truths = brought.truths
    everything = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    [found] = (each for each in measure(brought.crm, *everything) if each.metric == "resolution")

    took = [each.wall / timedelta(hours=1) for each in found.done]
    assert (len(took), len(found.cancelled)) == (len(truths.took), truths.never)
    assert median(took) == near(median(truths.took))
    # Two incidents had a state before they were opened: what was measured began then, three hours earlier.
    assert sum(took) == pytest.approx(sum(truths.took), abs=3)
    assert found.median_with_open() / timedelta(hours=1) == near(truths.middle)


def test_what_is_closed_without_a_time_of_its_solution_was_never_solved(bring: Importer):
    row = "INC3,{},29-02-2016 03:00,29-02-2016 0{}:30,?,?,{},4 - Low,Caller 9"
    bring(
        log(
            bring,
            [
                row.format(*each)
                for each in (("Active", 4, 0), ("Resolved", 5, 1), ("Closed", 6, 2))
            ],
        )
    )

    [ticket] = bring.crm.find(Ticket)
    assert (ticket.state, ticket.unsolved, ticket.solved_at) == ("closed", True, None)
    [end] = bring.crm.find(MetricEvent, where.metric == "resolution", where["type"] != "activate")
    assert (end.type, end.at) == ("cancel", at(29, 6, 30))


def test_nothing_was_measured_at_the_time_of_the_import(brought: Brought):
    # 294 times an incident changes its state twice in one minute, which is as finely as the log tells.
    logged = datetime(2018, 1, 1, tzinfo=UTC)
    assert brought.crm.count(MetricEvent, where.at > logged) == 0
    assert brought.crm.count(MetricEvent) > brought.truths.tickets


# The laws of imports, on a few rows -----------------------------------------------------------------------------


@pytest.fixture
def bring(open_crm: Any, tmp_path: Path) -> Importer:
    return Importer(open_crm("exchange", own=["service"]), tmp_path)


def log(bring: Importer, rows: list[str], name: str = "log.csv") -> Path:
    path = bring.folder / name
    path.write_text("\n".join([HEADING, *rows, ""]))
    return path


def told(crm: CRM) -> list[tuple[datetime, str, Any, Any, Any]]:
    """Each change of the first ticket: since when, and what its state, assignee and priority became."""
    [incident] = [each for each in incidents(crm) if each.ticket.subject == "INC1"]
    found = []
    for change in incident.changes:
        then = crm.at_version("ticket", incident.ticket.id, change.version)
        found.append((change.effective, then.state, then.assignee, then.priority, then.state_since))
    return found


def at(day: int, hour: int, minute: int, month: int = 2) -> datetime:
    return datetime(2016, month, day, hour, minute, tzinfo=UTC)


HISTORY = [
    (at(29, 1, 23), "new", None, "normal", at(29, 1, 23)),
    (at(29, 8, 53), "open", "Resolver 4", "high", at(29, 8, 53)),
    (at(29, 8, 53), "open", None, "normal", at(29, 8, 53)),
    (at(29, 11, 29), "solved", "Resolver 5", "normal", at(29, 11, 29)),
    (at(5, 12, 0, 3), "closed", "Resolver 5", "normal", at(5, 12, 0, 3)),
]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 1, 2, 0], [1, 2, 0, 5, 3, 4]])
def test_each_row_is_a_change_at_its_time_whatever_order_they_stand_in(
    bring: Importer, order: list[int]
):
    path = log(bring, [ROWS[each] for each in order])

    assert bring(path)["servicenow"].sums == (6, 2, 4, 0, 0)
    assert told(bring.crm) == HISTORY


def test_a_state_that_lasted_no_time_ended_when_it_began(bring: Importer):
    row = "INC3,{},29-02-2016 03:00,29-02-2016 03:30,29-02-2016 03:30,?,{},4 - Low,Caller 9"
    bring(log(bring, [row.format("Active", 0), row.format("Resolved", 1)]))

    [ticket] = bring.crm.find(Ticket)
    assert (ticket.state, ticket.state_since, ticket.solved_at) == ("solved", *[at(29, 3, 30)] * 2)
    ends = bring.crm.find(MetricEvent, where["type"] == "fulfill")
    assert {each.at for each in ends} == {at(29, 3, 30)}


def test_a_second_import_changes_nothing_and_a_longer_log_adds_what_is_new(bring: Importer):
    bring(log(bring, ROWS[:3]))
    before = bring.crm.changes()[-1].position

    assert bring(log(bring, ROWS[:3], "again.csv"))["servicenow"].sums == (3, 0, 0, 3, 0)
    assert [each.kind for each in bring.crm.changes(before)] == ["import_run", "import_run"]
    assert bring(log(bring, ROWS, "longer.csv"))["servicenow"].sums == (6, 1, 2, 3, 0)
    assert told(bring.crm) == HISTORY


def test_what_people_changed_stays_unless_the_log_changes_it_too(bring: Importer):
    bring(log(bring, ROWS[:3]))
    [ticket] = bring.crm.find(Ticket)
    with bring.crm.transaction() as tx:
        tx.update(ticket.evolve(priority="urgent", team="Group 1"))
    bring(log(bring, ROWS, "longer.csv"))

    [after] = bring.crm.find(Ticket, where.subject == "INC1")
    assert (after.priority, after.team, after.state) == ("urgent", "Group 1", "closed")


def test_an_import_does_what_its_plan_said(bring: Importer):
    path = log(bring, ROWS)
    token, [planned], outcomes = bring.plan(path)
    assert bring.crm.count(Ticket) == 0

    assert bring.apply(token, path) == [planned]
    assert told(bring.crm) == HISTORY
    assert Counter(each.action for each in outcomes) == {"create": 2, "update": 4}


def test_a_killed_import_goes_on_where_it_was(bring: Importer):
    path = log(bring, ROWS)
    with pytest.raises(KeyboardInterrupt):
        bring(path, stop_after=3)

    assert bring(path)["servicenow"].sums == (6, 2, 4, 0, 0)
    assert told(bring.crm) == HISTORY
    assert bring.crm.count(ImportRun) == 1


def test_undoing_leaves_nothing(bring: Importer):
    done = bring(log(bring, ROWS))["servicenow"]
    undone = undo(bring.crm, KIM, done.run)

    assert undone.kept == []
    for kind in (Ticket, MetricEvent, ExternalId):
        assert bring.crm.count(kind) == 0


def test_undoing_the_second_import_leaves_the_first(bring: Importer):
    bring(log(bring, ROWS[:3]))
    second = bring(log(bring, ROWS[:5], "longer.csv"))["servicenow"]
    assert undo(bring.crm, KIM, second.run).kept == []

    [ticket] = bring.crm.find(Ticket)
    assert (ticket.state, ticket.assignee, ticket.solved_at) == ("open", None, None)


def test_callers_become_customers_of_whom_the_tickets_are(bring: Importer):
    path = log(bring, ROWS)
    callers = bring(path, preset="servicenow-callers")["servicenow-callers"]
    bring(path)

    assert callers.sums == (6, 2, 0, 4, 0)
    [ticket] = bring.crm.find(Ticket, where.subject == "INC1")
    assert bring.crm.get(Customer, ticket.customer_id).name == "Caller 7"


def test_a_row_without_a_time_is_invalid_and_no_other(bring: Importer):
    path = log(bring, [*ROWS, ROWS[4].replace("29-02-2016 02:30", "?").replace("INC2", "INC3")])
    done = bring(path)["servicenow"]

    assert done.sums == (7, 2, 4, 0, 1)
    [bad] = [each for each in done.outcomes if each.action == "invalid"]
    assert "sys_updated_at" in bad.reason


def test_what_a_rule_does_not_let_back_stays_and_is_named(bring: Importer):
    bring(log(bring, ROWS[:3]))
    closing = bring(log(bring, ROWS, "longer.csv"))["servicenow"]
    [kept] = undo(bring.crm, KIM, closing.run).kept

    assert (kept.kind, kept.title) == ("ticket", "INC1")
    assert "a closed ticket stays closed" in kept.reason
