"""A process of a company: writes customers, edits them, works, follows; run by tests, which kill it at any moment.

    python -m tests.company write|edit|work|mix|follow URL [POSITION]

It prints a line for each thing that it knows to be committed, a follower one for each change that it sees.
"""

import random
import sys
import time
from types import ModuleType

from crmkit import (
    CRM,
    BusyError,
    Config,
    ConflictError,
    Customer,
    Identity,
    Interaction,
    InvalidRecords,
    Manifest,
    MissingReference,
    NotFound,
    ReferencedError,
    WorkerSpec,
    hookimpl,
)
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


def storage_of(url: str) -> str:
    """The plugin that opens a URL."""
    return "sqlite" if url.startswith("sqlite:") else "sql"


def open_company(url: str) -> CRM:
    return CRM.open(url, plugins=[storage_of(url), greeter()], config=Config())


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
    run_workers(crm, once=False)


REFUSALS = (ConflictError, InvalidRecords, MissingReference, NotFound, ReferencedError)
"""What may come of it if several write at once; then nothing of the transaction is kept."""


def mix(crm: CRM) -> None:
    """All kinds of writes to the same few records, each transaction told when it is committed."""
    deeds = [add] * 4 + [change] * 8 + [move, merge, delete]
    while True:
        known = list(crm.find(Customer, order="-id", limit=40))
        for deed in random.choices(deeds, k=10):
            chosen = random.sample(known, min(2, len(known)))
            try:
                with crm.transaction() as tx:
                    deed(tx, *chosen)
                    id = tx.id
            except REFUSALS:
                continue
            if tx.touched:
                say("committed", id)


def add(tx, *known: Customer) -> None:
    """Two records that only make sense together."""
    customer = tx.add(Customer(name=f"고객 {random.random()}"))
    tx.add(Identity(customer_id=customer.id, channel="email", value=f"{customer.id}@a.example"))


def change(tx, *known: Customer) -> None:
    """A field of a record that others change too, as it was read before: fields are merged, or clash."""
    for customer in known[:1]:
        field = random.choice(("owner", "country", "language"))
        tx.update(customer.evolve(**{field: f"v{random.random()}"}))


def move(tx, *known: Customer) -> None:
    """An interaction, which refers to a customer that others may be deleting."""
    for customer in known[:1]:
        happened = customer.updated_at
        tx.add(Interaction(customer_id=customer.id, channel="mail", happened_at=happened))


def merge(tx, *known: Customer) -> None:
    if len(known) == 2:
        tx.merge(*known)


def delete(tx, *known: Customer) -> None:
    for customer in known[:1]:
        tx.delete(customer)


def follow(crm: CRM) -> None:
    """Every change behind a position, in the order in which they come."""
    position = int(sys.argv[3])
    while True:
        changes = crm.changes(after=position, limit=200)
        for each in changes:
            say("saw", each.position, each.transaction, each.kind, each.id, each.version)
            position = each.position
        if not changes:
            time.sleep(0.005)


TASKS = {"write": write, "edit": edit, "work": work, "mix": mix, "follow": follow}

if __name__ == "__main__":
    with open_company(sys.argv[2]) as company:
        say("ready")
        while True:
            try:
                TASKS[sys.argv[1]](company)
            except BusyError:
                continue
