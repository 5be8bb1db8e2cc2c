"""A process of a company: writes customers, edits them, and works; run by tests, which kill it at any moment.

    python -m tests.company write|edit|work URL

It prints a line for each thing that it knows to be committed.
"""

import random
import sys
from types import ModuleType

from crmkit import CRM, BusyError, Config, Customer, Interaction, Manifest, WorkerSpec, hookimpl
from crmkit.worker import run_workers


def greet(tx, changes):
    for change in changes:
        if change.action == "insert":
            tx.add(
                Interaction(
                    customer_id=change.id, channel="mail", happened_at=change.at, subject="welcome"
                )
            )


def greeter() -> ModuleType:
    """A plugin whose worker greets every new customer once."""
    module = ModuleType("greeter")
    module.manifest = Manifest(name="greeter")
    module.crm_workers = hookimpl(
        lambda: [WorkerSpec("greet", "tests.company:greet", kinds=(Customer,))]
    )
    return module


def open_company(url: str) -> CRM:
    return CRM.open(url, plugins=["sqlite", greeter()], config=Config())


def say(*words: object) -> None:
    print(*words, flush=True)


def write(crm: CRM) -> None:
    for number in range(10_000):
        with crm.transaction() as tx:
            added = tx.add_all(
                Customer(name=f"고객 {number}-{n}") for n in range(random.choice((1, 1, 5)))
            )
        for customer in added:
            say("added", customer.id)


def edit(crm: CRM) -> None:
    while True:
        for customer in crm.find(Customer, limit=50):
            with crm.transaction() as tx:
                stored = tx.update(customer.evolve(owner=f"o{random.random()}"))
            say("edited", stored.id, stored.version)


def work(crm: CRM) -> None:
    while True:
        run_workers(crm, once=True)


if __name__ == "__main__":
    with open_company(sys.argv[2]) as company:
        say("ready")
        while True:
            try:
                {"write": write, "edit": edit, "work": work}[sys.argv[1]](company)
            except BusyError:
                continue
