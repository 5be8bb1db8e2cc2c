"""Several processes give out one queue: each ticket is claimed once, and nobody is ever over capacity."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from crmkit_operational.routing.kinds import Agent, RoutingDecision
from crmkit_operational.routing.staff import ACTIVE
from crmkit_operational.service.kinds import Ticket

from crmkit import where

CAPACITY = 3
RACING = str(Path(__file__).parent / "racing.py")


def race(url, tasks):
    """Run tasks in processes that begin together, to their end; none has anything to complain about."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = [
        subprocess.Popen([sys.executable, RACING, task, url, actor], text=True, **pipes)
        for task, actor in tasks
    ]
    try:
        for each in running:
            first = each.stdout.readline()
            assert first == "ready\n", each.communicate()[1]
        for each in running:
            each.stdin.write("go\n")
            each.stdin.flush()
        for each in running:
            complaints = each.communicate(timeout=120)[1]
            assert (each.returncode, complaints) == (0, "")
    finally:
        for each in running:
            each.kill()
            each.communicate()


def replay(crm):
    """How often each ticket was given to somebody, and the most that each agent ever had, by the journal."""
    holder, state, given, most = {}, {}, Counter(), Counter()
    for change in crm.changes(kinds=[Ticket]):
        delta = change.delta or {}
        before = holder.get(change.id)
        holder[change.id] = delta.get("assignee", (None, before))[1]
        state[change.id] = delta.get("state", (None, state.get(change.id, "new")))[1]
        if holder[change.id] != before:
            given[change.id] += 1
        held = Counter(actor for id, actor in holder.items() if actor and state[id] in ACTIVE)
        most |= held
    return given, most


def play(open_crm, request, tmp_path, tickets, agents, tasks):
    crm = open_crm()
    if "processes" not in crm.storage.capabilities:
        pytest.skip("one process has it for itself")
    is_server = request.node.callspec.params["open_crm"] == "postgres"
    url = (
        request.getfixturevalue("postgres_with")() if is_server else f"sqlite:///{tmp_path}/crm.db"
    )
    now = crm.clock()
    with crm.transaction() as tx:
        tx.add_all(Agent(actor=a, name=a, status="online", capacity=CAPACITY) for a in agents)
        made = tx.add_all(Ticket(subject="x", opened_at=now, queued_at=now) for _ in range(tickets))

    race(url, tasks)

    given, most = replay(crm)
    assert given == {each.id: 1 for each in made}
    assert max(most.values()) <= CAPACITY
    assert set(most) <= set(agents)
    decided = Counter(
        each.ticket_id for each in crm.find(RoutingDecision, where.outcome == "assigned")
    )
    assert decided == given
    return crm


TASKS = [("take", "a0"), ("take", "a1"), ("route", "r0"), ("solve", "a")]


def test_each_ticket_is_claimed_once_and_nobody_is_over_capacity(open_crm, request, tmp_path):
    play(open_crm, request, tmp_path, 40, ("a0", "a1", "a2", "a3"), TASKS)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_long_race_ends_as_well(open_crm, request, tmp_path):
    many = [
        *TASKS,
        ("take", "a2"),
        ("take", "a3"),
        ("route", "r1"),
        ("route", "r2"),
        ("solve", "a"),
    ]
    play(open_crm, request, tmp_path, 600, tuple(f"a{n}" for n in range(8)), many)
