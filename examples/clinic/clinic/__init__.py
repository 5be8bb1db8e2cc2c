"""A clinic's CRM: visits, chart numbers, and receptionists who see their own branch only.

This module is what crmkit imports: the manifest, and one short function for each hook. It is the table of contents;
each rule has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from clinic import charts, checks, diary, profile, staff
from clinic.kinds import FIELDS, Visit
from clinic.settings import Settings
from crmkit import (
    Actor,
    Check,
    CommandSpec,
    Customer,
    FieldSpec,
    GuardView,
    Handle,
    Manifest,
    Problem,
    Reader,
    Record,
    Restriction,
    Section,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit.changes import Patch

manifest = Manifest("clinic", config=Settings)


# What the plugin brings.


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Visits."""
    return [Visit]


@hookimpl
def crm_fields() -> tuple[FieldSpec, ...]:
    """What the clinic knows of a patient besides the name."""
    return FIELDS


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """The day's list, and a day to try it on."""
    return [
        CommandSpec("visits", "The visits of a day.", "clinic.cli:visits"),
        CommandSpec("clinic-sample", "Book a day of visits to try things on.", "clinic.cli:sample"),
    ]


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """A clock that notices who did not come, and a follower that has them called."""
    return [
        WorkerSpec("missed-visits", "clinic.work:mark_missed", every=timedelta(minutes=5)),
        WorkerSpec("visit-follow-ups", "clinic.work:follow_up", kinds=[Visit]),
    ]


@hookimpl
def crm_checks() -> list[Check]:
    """What `crm doctor` looks at."""
    return [
        Check("overdue-visits", checks.overdue_visits, "Past visits are done or missed."),
        Check("visiting-staff", checks.unknown_staff, "Visits to come have a doctor."),
    ]


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Section:
    """The visits of a patient in four lines."""
    return profile.visits(crm, customer, as_of)


# The guards of a write.


@hookimpl
def crm_prepare(
    tx: GuardView, kind: str, writes: Sequence[Write], actor: Actor
) -> Iterator[Patch | Record]:
    """Chart numbers, branches and fees that nobody filled in."""
    if kind == "customer":
        yield from charts.numbered(tx, writes)
        yield from staff.registered(tx, writes, actor)
    if kind == "visit":
        yield from diary.filled(tx, writes, actor)


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """One chart for one number; one patient at a time for one doctor, while the clinic is open."""
    if kind == "customer":
        yield from charts.duplicates(tx, writes)
    if kind == "visit":
        yield from diary.misfits(tx, writes)
        yield from diary.clashes(tx, writes)


@hookimpl
def crm_authorize(
    tx: GuardView, kind: str, writes: Sequence[Write], actor: Actor
) -> Iterator[Problem]:
    """Receptionists keep to their branch and delete nothing."""
    return staff.denials(tx, kind, writes, actor)


@hookimpl
def crm_restrict(crm: Reader, actor: Actor, kind: str) -> Restriction | None:
    """Receptionists see their branch, and no medical reasons."""
    return staff.restriction(crm, actor, kind)
