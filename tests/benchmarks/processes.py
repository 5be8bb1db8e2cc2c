"""The rows that start whole processes, beside `python -c "import click"`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from crmkit import CRM, Config, Customer, Identity, Interaction
from crmkit.values import now
from tests.benchmarks.measuring import Row, in_turns
from tests.benchmarks.rows import Plan

PROCESSES = ("version", "show")
CRM_COMMAND = str(Path(sys.executable).with_name("crm"))


def measured_processes(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """`crm --version` and `crm customer show`, as a shell runs them."""
    url = f"sqlite:///{plan.folder / 'show.db'}"
    commands = {
        "version": [CRM_COMMAND, "--version"],
        "show": [CRM_COMMAND, "--db", url, "customer", "show", customer_in(url)],
    }
    for name in PROCESSES:
        if name in names:
            yield process(plan, name, commands[name])


def customer_in(url: str) -> str:
    """A customer with an address and a few interactions, in a database of its own."""
    with CRM.open(url, plugins=["sqlite"], config=Config()) as crm, crm.transaction() as tx:
        customer = tx.add(Customer(name="한빛전자"))
        address = "buy@hanbit.example"
        tx.add(Identity(customer_id=customer.id, channel="email", value=address))
        tx.add_all(
            Interaction(customer_id=customer.id, channel="email", happened_at=now(), subject="견적")
            for _ in range(5)
        )
        return customer.id


def process(plan: Plan, name: str, command: Sequence[str]) -> Row:
    """One command beside an interpreter that imports click."""
    # With this set, every start compiles every module again: not what users have.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def run(command: Sequence[str]) -> None:
        subprocess.run(command, env=environment, cwd=plan.folder, check=True, capture_output=True)

    def ours(batch: Sequence[int]) -> None:
        for _ in batch:
            run(command)

    def raw(batch: Sequence[int]) -> None:
        for _ in batch:
            run([sys.executable, "-c", "import click"])

    times = in_turns(ours, raw, [range(1)] * plan.times(30))
    return plan.row(name, times, 1)
