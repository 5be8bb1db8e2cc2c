"""Processes that run rules side by side and are killed at any moment: no effect is doubled, none is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.service.kinds import Ticket

from crmkit import CRM, Config, Customer, Interaction, where
from crmkit.positions import worker_states
from crmkit.worker import run_workers

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
OPEN = """
import sys, time
from datetime import UTC, datetime
from crmkit import CRM, Config, Customer
from crmkit.worker import run_workers
from crmkit_operational.service.kinds import Ticket
url, *plugins = sys.argv[1:]
crm = CRM.open(url, plugins=plugins, config=Config())
print("ready", flush=True)
"""
WORK = OPEN + "run_workers(crm, once=False)\n"
WRITE = (
    OPEN
    + """
while True:
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="x"))
        made = tx.add(Ticket(subject="s", customer_id=customer.id, opened_at=datetime(2026, 1, 1, tzinfo=UTC)))
    with crm.transaction() as tx:
        tx.update(made.evolve(priority="urgent"))
    time.sleep(0.01)
"""
)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """A URL that several processes open, and the plugins that it takes."""
    pytest.importorskip({"sqlite": "crmkit_sqlite", "postgres": "crmkit_sql"}[request.param])
    brings = {"sqlite": "sqlite", "postgres": "sql"}[request.param]
    url = (
        f"sqlite:///{tmp_path}/crm.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_with")("sql", "service", "automation")
    )
    return url, [brings, "service", "automation"]


def started(script, place):
    url, plugins = place
    command = [sys.executable, "-c", script, url, *plugins]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def ready(processes):
    for each in processes:
        assert each.stdout.readline() == "ready\n"


def killed(processes):
    for each in processes:
        each.send_signal(signal.SIGKILL)
        each.communicate()


def free_the_leases(crm):
    """What a dead process holds passes on in a minute; the test has less time."""
    with crm.storage.transaction() as tx:
        for name in ("rules", "rules-clock"):
            tx.set_state(f"crmkit/worker/{name}/lease", None)


def test_killing_the_processes_that_run_rules_doubles_nothing_and_loses_nothing(place):
    rounds_of_killing(place, 2 if place[0].startswith("sqlite") else 1)


@pytest.mark.long
def test_killing_them_many_times(place):
    rounds_of_killing(place, 50)


def rounds_of_killing(place, rounds):
    url, plugins = place
    crm = CRM.open(url, plugins=plugins, config=Config())
    note = {"do": "log", "text": "{id}"}
    urgent = ({"path": "priority", "op": "eq", "value": "urgent"},)
    trigger = {"type": "changed", "fields": ["priority"]}
    tag = {"do": "set", "values": {"team": "{team}x"}}
    with crm.transaction() as tx:
        some = {"on": "ticket", "enabled": True}
        tx.add(Rule(name="new", trigger={"type": "created"}, actions=(note,), **some))
        tx.add(Rule(name="up", trigger=trigger, conditions=urgent, actions=(tag,), **some))
    for number in range(rounds):
        free_the_leases(crm)
        processes = [started(each, place) for each in (WRITE, WORK, WORK)]
        ready(processes)
        time.sleep(random.Random(number).uniform(0.3, 0.8))
        killed(processes)
    free_the_leases(crm)
    run_workers(crm, once=True)

    tickets = {each.id: each for each in crm.find(Ticket)}
    assert tickets
    assert crm.count(Customer) == len(tickets)
    assert Counter(each.subject for each in crm.find(Interaction)) == Counter([*tickets])
    assert crm.count(RuleRun, where.outcome != "done") == 0
    risen = [each for each in tickets.values() if each.priority == "urgent"]
    assert {each.team for each in risen} <= {"x"}
    assert crm.count(RuleRun) == len(tickets) + len(risen)
    assert [each for each in worker_states(crm) if each.aside or each.error] == []
    crm.close()
