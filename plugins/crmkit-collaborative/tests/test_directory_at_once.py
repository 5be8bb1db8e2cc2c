"""Two people at once: what each alone may do, both together may not."""

import threading
from datetime import date

import pytest
from crmkit_collaborative.kinds import Department, Member, Membership, Team

from crmkit import BusyError, ConflictError, InvalidRecords

PEOPLE = 4


@pytest.fixture
def crm(open_crm):
    return open_crm()


def at_once(*tasks):
    """Run tasks in threads that begin together; what each raised."""
    start, raised = threading.Barrier(len(tasks)), [None] * len(tasks)

    def run(place, task):
        start.wait()
        try:
            task()
        except (InvalidRecords, BusyError, ConflictError) as error:
            raised[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(tasks)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return raised


def test_only_one_of_several_puts_a_member_into_a_team(crm):
    with crm.transaction() as tx:
        kim, team = tx.add_all([Member(actor="kim", name="Kim"), Team(name="A")])

    def join():
        with crm.transaction() as tx:
            made = Membership(member_id=kim.id, team_id=team.id, since=date(2026, 3, 1))
            tx.count(Membership)  # it has looked before the others were done
            tx.add(made)

    raised = at_once(*[join] * PEOPLE)

    assert crm.count(Membership) == 1
    assert raised.count(None) == 1


def test_two_who_move_departments_into_each_other_make_no_circle(crm):
    for turn in range(5):
        with crm.transaction() as tx:
            one, two = tx.add_all([Department(name=f"{name}{turn}") for name in "ab"])

        def move(which, into):
            with crm.transaction() as tx:
                tx.update(tx.get(Department, which.id).evolve(parent_id=into.id))

        at_once(lambda: move(one, two), lambda: move(two, one))  # noqa: B023  (over within the turn)

        parents = [crm.get(Department, each.id).parent_id for each in (one, two)]
        assert parents.count(None) == 1
