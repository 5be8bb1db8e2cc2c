"""Who does not come is noticed and called, once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from clinic.kinds import Visit, VisitStatus

from crmkit import CRM, Customer, Interaction, Manifest, hookimpl
from crmkit.testing.fixtures import FakeClock
from crmkit.worker import run_workers


def booked(crm: CRM, patient: Customer, moment: datetime) -> Visit:
    with crm.acting("김서연").transaction() as tx:
        return tx.add(Visit(customer_id=patient.id, at=moment, doctor="김서연", branch="강남"))


def test_a_booked_visit_is_missed_an_hour_later_and_not_before(
    crm: CRM, patient: Customer, at: Callable[..., datetime], clock: FakeClock
) -> None:
    visit = booked(crm, patient, at(9))

    clock.set(at(10))
    run_workers(crm, once=True)
    assert crm.get(Visit, visit.id).status is VisitStatus.BOOKED

    clock.set(at(10, 6))
    run_workers(crm, once=True)
    assert crm.get(Visit, visit.id).status is VisitStatus.MISSED


@pytest.mark.parametrize("status", [VisitStatus.ARRIVED, VisitStatus.DONE])
def test_who_came_is_not_marked(
    crm: CRM,
    patient: Customer,
    at: Callable[..., datetime],
    clock: FakeClock,
    status: VisitStatus,
) -> None:
    visit = booked(crm, patient, at(9))
    with crm.transaction() as tx:
        tx.update(visit.evolve(status=status))

    clock.set(at(17))
    run_workers(crm, once=True)

    assert crm.get(Visit, visit.id).status is status


def test_a_missed_visit_leaves_one_note_however_often_work_runs(
    crm: CRM, patient: Customer, at: Callable[..., datetime], clock: FakeClock
) -> None:
    booked(crm, patient, at(9))
    clock.set(at(12))

    for _ in range(3):
        run_workers(crm, once=True)
        clock.tick(minutes=10)

    [note] = crm.find(Interaction)
    assert note.customer_id == patient.id
    assert note.subject.startswith("예약 시간에 오시지 않았습니다")
    assert next(iter(crm.timeline(patient.id))).id == note.id


def test_a_second_miss_after_a_correction_leaves_a_second_note(
    crm: CRM, patient: Customer, at: Callable[..., datetime], clock: FakeClock
) -> None:
    visit = booked(crm, patient, at(9))
    for hour in (12, 15):
        clock.set(at(hour))
        run_workers(crm, once=True)
        with crm.transaction() as tx:
            current = tx.get(Visit, visit.id)
            assert current.status is VisitStatus.MISSED
            tx.update(current.evolve(status=VisitStatus.BOOKED))

    assert crm.count(Interaction) == 2


def test_notes_whose_batch_fails_half_way_are_written_once_in_the_end(
    open_clinic: Callable[..., CRM], at: Callable[..., datetime], clock: FakeClock
) -> None:
    failures = ["the disk is full", "the disk is full"]
    crm = open_clinic(_plugin_that_fails(failures))
    with crm.transaction() as tx:
        patients = tx.add_all([Customer(name="김하늘"), Customer(name="이준호")])
    for hour, patient in zip((9, 10), patients, strict=True):
        booked(crm, patient, at(hour))
    clock.set(at(14))

    run_workers(crm, once=True)

    assert not failures
    called = sorted(note.customer_id or "" for note in crm.find(Interaction))
    assert called == sorted(each.id for each in patients)


def _plugin_that_fails(failures: list[str]) -> ModuleType:
    """A plugin that refuses a batch of interactions for each of the failures, after they were written down."""

    def crm_validate(kind: str, writes: Any) -> Any:
        if kind == "interaction" and failures:
            raise OSError(failures.pop())

    module = ModuleType("failing")
    module.manifest = Manifest("failing")  # type: ignore[attr-defined]
    module.crm_validate = hookimpl(crm_validate)  # type: ignore[attr-defined]
    return module


def test_the_miss_is_dated_when_it_was_noticed(
    crm: CRM, patient: Customer, at: Callable[..., datetime], clock: FakeClock
) -> None:
    booked(crm, patient, at(9))
    noticed = clock.set(at(11))
    run_workers(crm, once=True)

    [note] = crm.find(Interaction)
    assert note.happened_at == noticed
    assert note.happened_at - at(9) == timedelta(hours=2)
