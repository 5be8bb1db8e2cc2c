"""The doctors' diaries: when a visit can be, and what it costs unless somebody says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import attrgetter

from clinic.kinds import BRANCH, Visit, VisitStatus
from clinic.settings import Settings, local
from clinic.staff import branch_of
from crmkit import Actor, Customer, GuardView, Money, Problem, Write, where
from crmkit.changes import Patch

MISSED = VisitStatus.MISSED


def filled(tx: GuardView, writes: Sequence[Write], actor: Actor) -> Iterator[Patch]:
    """New visits get the usual fee, and the branch of whoever books them, or else that of the patient."""
    new = [write for write in writes if write.action == "insert"]
    settings = tx.settings(Settings)
    fee = Money.of(settings.fee, tx.company.currency)
    own = branch_of(actor, settings)
    patients = tx.get_many(Customer, [write.record["customer_id"] for write in new])
    for write, patient in zip(new, patients, strict=True):
        values: dict[str, object] = {}
        if write.record["fee"] is None:
            values["fee"] = fee
        if not write.record["branch"]:
            values["branch"] = own or (patient and patient[BRANCH]) or settings.branches[0]
        if values:
            yield write.patch(values)


def misfits(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with visits one by one. Only new values are looked at: opening hours change, old visits stay."""
    settings = tx.settings(Settings)
    for write in writes:
        visit = write.record
        if not isinstance(visit, Visit) or write.action == "delete":
            continue
        if visit.fee is not None and visit.fee.minor < 0:
            yield write.problem("fee", "a fee is not negative; give 0 for a free visit")
        if write.changed("branch") and visit.branch not in settings.branches:
            yield write.problem("branch", f"is one of {', '.join(settings.branches)}")
        if write.changed("doctor") and settings.doctors and visit.doctor not in settings.doctors:
            yield write.problem("doctor", f"is one of {', '.join(settings.doctors)}")
        start = local(visit.at, tx.company)
        if write.changed("at") and not settings.is_open(start):
            hours = f"{settings.opens:%H:%M} to {settings.closes:%H:%M}"
            closed = f", never on a {' or '.join(settings.closed)}" if settings.closed else ""
            text = f"{start:%Y-%m-%d %H:%M} is outside of opening hours: {hours}{closed}"
            yield write.problem("at", text)


def clashes(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    """Visits that begin before the same doctor's visit before them is over.

    A rule over several records: it holds because every transaction that could break it takes the doctors' locks
    first, and only then reads their diaries.
    """
    moved = {
        write.record.id: write
        for write in writes
        if write.action != "delete" and any(map(write.changed, ("at", "doctor", "status")))
    }
    records = [write.record for write in moved.values()]
    due = [each for each in records if isinstance(each, Visit) and each.status is not MISSED]
    if not due:
        return
    doctors = sorted({visit.doctor for visit in due})
    for doctor in doctors:  # sorted, so that two transactions never wait for each other
        tx.lock(f"clinic/diary/{doctor}")
    length = tx.settings(Settings).length
    near = tx.find(
        Visit,
        where.doctor.in_(doctors),
        where.at > min(visit.at for visit in due) - length,
        where.at < max(visit.at for visit in due) + length,
        where.status != MISSED,
    )
    diary = [*due, *(visit for visit in near if visit.id not in moved)]
    diary.sort(key=attrgetter("doctor", "at"))
    for earlier, later in pairwise(diary):
        if earlier.doctor == later.doctor and later.at - earlier.at < length:
            for visit, other in ((earlier, later), (later, earlier)):
                if visit.id in moved:
                    taken = f"{local(other.at, tx.company):%Y-%m-%d %H:%M}"
                    text = f"{visit.doctor} sees another patient at {taken}; find another time"
                    yield moved[visit.id].problem("at", text)
