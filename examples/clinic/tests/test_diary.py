"""When a visit can be, what is filled in, and that two patients never get one time."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from clinic.kinds import BRANCH, Visit, VisitStatus

from crmkit import CRM, Customer, Handle, InvalidRecords, Money

At = Callable[..., datetime]


def problems(handle: Handle, *visits: Visit) -> list[tuple[str | None, str]]:
    with pytest.raises(InvalidRecords) as refused, handle.transaction() as tx:
        tx.add_all(visits)
    return [(problem.field, problem.text) for problem in refused.value.problems]


@pytest.fixture
def visit(patient: Customer, at: At) -> Callable[..., Visit]:
    def make(*time: int, **values: Any) -> Visit:
        defaults = {"customer_id": patient.id, "doctor": "김서연", "at": at(*time)}
        return Visit(**{**defaults, **values})

    return make


def test_a_new_visit_gets_the_usual_fee_and_the_branch_of_the_desk(
    desk: Handle, visit: Callable[..., Visit]
) -> None:
    with desk.transaction() as tx:
        booked = tx.add(visit(9))

    assert (booked.fee, booked.branch) == (Money.of(15_000, "KRW"), "강남")
    assert booked.status is VisitStatus.BOOKED


def test_a_visit_that_a_doctor_books_is_at_the_branch_of_the_patient(
    crm: CRM, doctor: Handle, at: At
) -> None:
    with doctor.transaction() as tx:
        patient = tx.add(Customer(name="이준호").set(BRANCH, "판교"))
        booked = tx.add(Visit(customer_id=patient.id, doctor="김서연", at=at(9)))

    assert booked.branch == "판교"


def test_what_was_filled_in_by_hand_stays(desk: Handle, visit: Callable[..., Visit]) -> None:
    with desk.transaction() as tx:
        booked = tx.add(visit(9, fee=Money.of(0, "KRW")))

    assert booked.fee == Money.of(0, "KRW")


def test_a_fee_is_not_negative(desk: Handle, visit: Callable[..., Visit]) -> None:
    [(field, text)] = problems(desk, visit(9, fee=Money(-1, "KRW")))

    assert (field, text) == ("fee", "a fee is not negative; give 0 for a free visit")


@pytest.mark.parametrize("time", [(8, 59), (17, 41), (23, 50), (9, 0, 6)])
def test_a_visit_is_within_opening_hours_from_beginning_to_end(
    desk: Handle, visit: Callable[..., Visit], time: tuple[int, ...]
) -> None:
    [(field, text)] = problems(desk, visit(*time))

    assert field == "at"
    assert "09:00 to 18:00, never on a sunday" in text


def test_a_visit_may_end_when_the_clinic_closes(desk: Handle, visit: Callable[..., Visit]) -> None:
    with desk.transaction() as tx:
        assert tx.add(visit(17, 40)).version == 1


def test_doctor_and_branch_are_of_the_clinic(doctor: Handle, visit: Callable[..., Visit]) -> None:
    found = problems(doctor, visit(9, doctor="Who", branch="부산"))

    assert found == [
        ("branch", "is one of 강남, 판교"),
        ("doctor", "is one of 김서연, 이도윤, 박지우"),
    ]


def test_an_old_visit_outside_of_todays_hours_can_still_be_changed(
    crm: CRM, desk: Handle, visit: Callable[..., Visit], at: At
) -> None:
    with desk.transaction() as tx:
        booked = tx.add(visit(9))

    with desk.transaction() as tx:
        done = tx.update(booked.evolve(status=VisitStatus.DONE))

    assert done.version == 2


# One patient at a time -----------------------------------------------------------------------------------------


def test_a_doctor_has_one_patient_at_a_time(desk: Handle, visit: Callable[..., Visit]) -> None:
    with desk.transaction() as tx:
        tx.add(visit(9))

    [(field, text)] = problems(desk, visit(9, 19))

    assert field == "at"
    assert text == "김서연 sees another patient at 2026-03-02 09:00; find another time"


def test_visits_of_one_batch_are_compared_with_each_other(
    desk: Handle, visit: Callable[..., Visit]
) -> None:
    found = problems(desk, visit(9), visit(9, 40), visit(9, 50))

    assert [field for field, _ in found] == ["at", "at"]


def test_visits_one_after_the_other_and_with_another_doctor_are_fine(
    desk: Handle, visit: Callable[..., Visit]
) -> None:
    with desk.transaction() as tx:
        tx.add_all([visit(9), visit(9, 20), visit(9, doctor="이도윤")])

    assert desk.count(Visit) == 3


def test_a_missed_visit_gives_its_time_free_until_it_is_booked_again(
    desk: Handle, visit: Callable[..., Visit]
) -> None:
    with desk.transaction() as tx:
        first = tx.add(visit(9))
        missed = tx.update(first.evolve(status=VisitStatus.MISSED))
        tx.add(visit(9, 10))

    with pytest.raises(InvalidRecords, match="sees another patient"), desk.transaction() as tx:
        tx.update(missed.evolve(status=VisitStatus.BOOKED))


def test_a_batch_may_swap_two_visits(desk: Handle, visit: Callable[..., Visit], at: At) -> None:
    with desk.transaction() as tx:
        early, late = tx.add_all([visit(9), visit(9, 20)])

    with desk.transaction() as tx:
        tx.update_all([early.evolve(at=late.at), late.evolve(at=early.at)])

    assert [each.id for each in desk.find(Visit, order="at")] == [late.id, early.id]


def test_of_two_who_book_one_time_at_once_one_gets_it(
    crm: CRM, patient: Customer, visit: Callable[..., Visit]
) -> None:
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def book(name: str) -> None:
        start.wait()
        try:
            with crm.acting(name).transaction() as tx:
                tx.add(visit(10))
            outcomes.append("booked")
        except InvalidRecords:
            outcomes.append("refused")

    for _ in range(10):
        outcomes.clear()
        threads = [
            threading.Thread(target=book, args=[name], daemon=True) for name in ("김서연", "이도윤")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["booked", "refused"]
        [only] = crm.find(Visit)
        with crm.transaction() as tx:
            tx.delete(only)
