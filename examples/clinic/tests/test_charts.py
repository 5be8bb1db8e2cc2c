"""Chart numbers: given in order, never twice."""

import threading

import pytest
from clinic.kinds import BRANCH, CHART_NO

from crmkit import CRM, Customer, Handle, InvalidRecords


def test_patients_get_the_next_number_and_organizations_none(desk: Handle) -> None:
    with desk.transaction() as tx:
        added = tx.add_all([Customer(name="김하늘"), Customer(name="보험사", type="organization")])
        later = tx.add(Customer(name="이준호"))

    assert [each[CHART_NO] for each in (*added, later)] == [1, None, 2]


def test_numbers_go_on_from_those_that_were_given_by_hand(desk: Handle) -> None:
    with desk.transaction() as tx:
        by_hand = Customer(name="김하늘").set(CHART_NO, 500)
        added = tx.add_all([Customer(name="이준호"), by_hand, Customer(name="박서연")])

    assert [each[CHART_NO] for each in added] == [501, 500, 502]


def test_no_two_patients_have_one_number(desk: Handle) -> None:
    with desk.transaction() as tx:
        first = tx.add(Customer(name="김하늘"))

    with (
        pytest.raises(InvalidRecords, match="chart 1 is another patient's"),
        desk.transaction() as tx,
    ):
        tx.add(Customer(name="이준호").set(CHART_NO, first[CHART_NO]))


def test_two_patients_may_change_numbers_in_one_batch(desk: Handle) -> None:
    with desk.transaction() as tx:
        one, two = tx.add_all([Customer(name="김하늘"), Customer(name="이준호")])

    with desk.transaction() as tx:
        changed = tx.update_all([one.set(CHART_NO, 2), two.set(CHART_NO, 1)])

    assert [each[CHART_NO] for each in changed] == [2, 1]


def test_numbers_given_at_once_differ(crm: CRM) -> None:
    def add(name: str) -> None:
        for number in range(5):
            with crm.acting(f"{name}@강남").transaction() as tx:
                tx.add(Customer(name=f"{name} {number}"))

    threads = [threading.Thread(target=add, args=[name], daemon=True) for name in ("민지", "수아")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = sorted(each[CHART_NO] for each in crm.find(Customer))
    assert numbers == list(range(1, 11))


def test_a_patient_belongs_to_the_branch_of_the_desk(desk: Handle) -> None:
    with desk.transaction() as tx:
        assert tx.add(Customer(name="김하늘"))[BRANCH] == "강남"
