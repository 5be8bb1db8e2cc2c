"""A process that races others for tickets: `python racing.py TASK URL ACTOR`; see test_routing_at_once."""

import sys
import time

from crmkit_operational.routing import byhand
from crmkit_operational.routing.byhand import RoutingRefused
from crmkit_operational.routing.queue import WAITING
from crmkit_operational.routing.running import run
from crmkit_operational.routing.staff import ACTIVE, agent_named
from crmkit_operational.service.kinds import Ticket

from crmkit import CRM, Config, where

PATIENCE = 60
"""Seconds after which it gives up."""


def take(crm, actor):
    """Take tickets until there are none; solve one's own when there is no room."""
    agent = agent_named(crm, actor)
    try:
        return byhand.take(crm.acting(actor), agent) is not None
    except RoutingRefused:
        solve(crm, actor)
        return True


def route(crm, actor):
    """Give tickets to whoever has room."""
    with crm.acting(actor).transaction(unrestricted=True) as tx:
        return bool(run(tx).given)


def solve(crm, actor):
    """Solve what agents have whose names begin so."""
    mine = list(crm.find(Ticket, where.assignee.prefix(actor), where.state.in_(ACTIVE), limit=2))
    with crm.acting(actor).transaction() as tx:
        tx.update_all(each.evolve(state="solved") for each in mine)
    return bool(mine)


def main(task, url, actor):
    """Do the task until all tickets are solved."""
    scheme = "sqlite" if url.startswith("sqlite") else "sql"
    with CRM.open(url, plugins=[scheme, "service"], config=Config()) as crm:
        print("ready", flush=True)
        sys.stdin.readline()
        end = time.monotonic() + PATIENCE
        while crm.count(Ticket, where.state.in_(ACTIVE)) and time.monotonic() < end:
            if not {"take": take, "route": route, "solve": solve}[task](crm, actor):
                if not crm.count(Ticket, WAITING) and task != "solve":
                    solve(crm, actor)
                time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
