"""Who may see and change what: doctors everything, receptionists the patients and visits of their branch.

A receptionist is an actor `name@branch`. Whoever is neither that nor one of the doctors of the settings sees nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clinic.kinds import BRANCH, Visit
from clinic.settings import Settings
from crmkit import (
    Actor,
    Customer,
    GuardView,
    Problem,
    Reader,
    Record,
    Restriction,
    Write,
    any_of,
    linked,
    where,
)
from crmkit.changes import Patch


def branch_of(actor: Actor, settings: Settings) -> str | None:
    """The branch that an actor is confined to; None for doctors, and for what is no person: workers, the system.

    Strangers are confined to the branch "", which nothing belongs to.
    """
    if actor.type != "person" or actor.id in settings.doctors:
        return None
    branch = actor.id.partition("@")[2]
    return branch if branch in settings.branches else ""


def registered(tx: GuardView, writes: Sequence[Write], actor: Actor) -> Iterator[Patch]:
    """New patients belong to the branch of the receptionist who adds them."""
    branch = branch_of(actor, tx.settings(Settings))
    for write in writes:
        if branch and write.action == "insert" and write.record[BRANCH] is None:
            yield write.patch({BRANCH: branch})


def restriction(crm: Reader, actor: Actor, kind: str) -> Restriction | None:
    """What an actor may read of a kind, of other plugins' kinds too: whatever belongs to a patient of the branch."""
    branch = branch_of(actor, crm.settings(Settings))
    if branch is None:
        return None
    if kind == "visit":
        return Restriction([where.branch == branch], masked={"reason"})
    if kind == "customer":
        comes_here = linked(Visit, "customer_id", where.branch == branch)
        return Restriction([any_of(where[BRANCH] == branch, comes_here)])
    patient = crm.schema[kind].customer
    return Restriction([where[f"{patient}.{BRANCH}"] == branch]) if patient else None


def denials(tx: GuardView, kind: str, writes: Sequence[Write], actor: Actor) -> Iterator[Problem]:
    """The writes that are not a receptionist's: deletes, and whatever belongs to another branch."""
    own = branch_of(actor, tx.settings(Settings))
    if own is None:
        return
    before = _branches(tx, kind, [write.previous or write.record for write in writes])
    after = _branches(tx, kind, [write.record for write in writes])
    for write, *branches in zip(writes, before, after, strict=True):
        if not own:
            yield write.denial("the clinic does not know you; act as a doctor or as name@branch")
        elif write.action in {"delete", "redact"}:
            yield write.denial("the reception deletes nothing; ask a doctor")
        elif others := {*branches} - {own, None}:
            yield write.denial(f"it belongs to the branch {others.pop()}; ask there")


def _branches(tx: GuardView, kind: str, records: Sequence[Record]) -> list[str | None]:
    """The branch of each record: its own, or its patient's; None for what belongs to none."""
    if kind == "visit":
        return [record["branch"] for record in records]
    if kind == "customer":
        return [record[BRANCH] for record in records]
    patient = tx.schema[kind].customer
    if patient is None:
        return [None] * len(records)
    ids = {record[patient] for record in records} - {None}
    patients = {each.id: each for each in tx.get_many(Customer, [*ids]) if each}
    found = (patients.get(record[patient]) for record in records)
    return [each[BRANCH] if each else None for each in found]
