"""What a receptionist sees and may do: the branch, and no medical reasons, whichever way it is asked."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from clinic.kinds import BRANCH, Visit, VisitStatus

from crmkit import (
    CRM,
    MASKED,
    Actor,
    Customer,
    Denied,
    Handle,
    Identity,
    Interaction,
    NotFound,
    RestrictedError,
    where,
)


@attrs.frozen
class Branch:
    """A patient of one branch, with an address, an interaction and a visit there."""

    patient: Customer
    identity: Identity
    call: Interaction
    visit: Visit


@pytest.fixture
def branches(crm: CRM, at: Callable[..., datetime]) -> dict[str, Branch]:
    made = {}
    for name, doctor in (("강남", "김서연"), ("판교", "이도윤")):
        with crm.transaction() as tx:
            patient = tx.add(Customer(name=f"{name} 환자").set(BRANCH, name))
            identity = tx.add(Identity(customer_id=patient.id, channel="phone", value="010"))
            call = tx.add(
                Interaction(
                    customer_id=patient.id,
                    identity_id=identity.id,
                    channel="phone",
                    happened_at=at(8),
                    subject="환불 문의",
                )
            )
            visit = Visit(
                customer_id=patient.id,
                at=at(9),
                doctor=doctor,
                note="환불 안내",
                reason="위염 재진",
            )
            made[name] = Branch(patient, identity, call, tx.add(visit))
    return made


@pytest.fixture
def ours(branches: dict[str, Branch]) -> Branch:
    return branches["강남"]


@pytest.fixture
def theirs(branches: dict[str, Branch]) -> Branch:
    return branches["판교"]


# Reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["patient", "identity", "call", "visit"])
def test_the_desk_reads_its_own_branch_only(
    desk: Handle, ours: Branch, theirs: Branch, field: str
) -> None:
    own, other = getattr(ours, field), getattr(theirs, field)
    kind: Any = type(own)

    assert desk.get(kind, own.id).id == own.id
    with pytest.raises(NotFound):
        desk.get(kind, other.id)
    assert [each.id for each in desk.find(kind)] == [own.id]
    assert [each.id for each in desk.page(kind)] == [own.id]
    assert desk.count(kind) == 1
    assert [total.count for total in desk.totals(kind)] == [1]
    assert {change.id for change in desk.changes(kinds=[kind])} == {own.id}
    assert [change.action for change in desk.history(kind, own.id)] == ["insert"]
    with pytest.raises(NotFound):
        desk.history(kind, other.id)


def test_sums_leave_other_branches_out(desk: Handle, doctor: Handle, theirs: Branch) -> None:
    [mine] = desk.totals(Visit, sum="fee")
    [all_] = doctor.totals(Visit, sum="fee")

    assert (mine.measures[0].minor, all_.measures[0].minor) == (15_000, 30_000)


def test_search_finds_what_the_desk_may_see(desk: Handle, doctor: Handle, ours: Branch) -> None:
    assert {hit.id for hit in desk.search("환불")} == {ours.visit.id, ours.call.id}
    assert len(doctor.search("환불")) == 4


def test_a_timeline_of_another_branch_is_empty(desk: Handle, ours: Branch, theirs: Branch) -> None:
    own = [each.id for each in desk.timeline(ours.patient.id)]

    assert own == [ours.visit.id, ours.call.id]
    assert len(desk.timeline(theirs.patient.id)) == 0


def test_a_condition_does_not_reach_through_a_reference_to_another_branch(
    desk: Handle, doctor: Handle, theirs: Branch
) -> None:
    condition = where.customer_id.name == "판교 환자"

    assert (desk.count(Visit, condition), doctor.count(Visit, condition)) == (0, 1)


def test_a_patient_who_has_a_visit_here_is_seen_here(
    desk: Handle, doctor: Handle, theirs: Branch, at: Callable[..., datetime]
) -> None:
    with doctor.transaction() as tx:
        tx.add(Visit(customer_id=theirs.patient.id, at=at(15), doctor="김서연", branch="강남"))

    assert desk.get(Customer, theirs.patient.id).name == "판교 환자"
    with pytest.raises(NotFound):  # the telephone number stays with the branch of the patient
        desk.get(Identity, theirs.identity.id)


def test_the_medical_reason_is_masked_everywhere(
    desk: Handle, doctor: Handle, ours: Branch
) -> None:
    with doctor.transaction() as tx:
        tx.update(ours.visit.evolve(reason="궤양 의심"))

    assert desk.get(Visit, ours.visit.id).reason is MASKED
    assert [each.reason for each in desk.find(Visit)] == [MASKED]
    assert len(desk.search("궤양")) == 0
    assert [hit.id for hit in doctor.search("궤양")] == [ours.visit.id]
    [change] = desk.history(Visit, ours.visit.id)[1:]
    assert change.delta == {"reason": ("•••", "•••")}
    for refused in (
        lambda: list(desk.find(Visit, where.reason.contains("위염"))),
        lambda: list(desk.find(Visit, order="reason")),
        lambda: desk.totals(Visit, by="reason"),
    ):
        with pytest.raises(RestrictedError, match=r"visit\.reason"):
            refused()


def test_the_desk_saves_a_visit_without_touching_the_reason(
    desk: Handle, doctor: Handle, ours: Branch
) -> None:
    with desk.transaction() as tx:
        tx.update(tx.get(Visit, ours.visit.id).evolve(status=VisitStatus.ARRIVED))

    assert doctor.get(Visit, ours.visit.id).reason == "위염 재진"


def test_doctors_see_everything_and_strangers_nothing(crm: CRM, theirs: Branch) -> None:
    assert crm.acting("김서연").count(Visit) == 2
    for stranger in ("root", "김서연@어딘가", ""):
        assert crm.acting(stranger).count(Visit) == 0
        assert crm.acting(stranger).count(Customer) == 0


# Writing -------------------------------------------------------------------------------------------------------


def denied(handle: Handle, write: Callable[[Any], Any]) -> str:
    with pytest.raises(Denied) as refused, handle.transaction() as tx:
        write(tx)
    return refused.value.denials[0].text


def test_the_desk_deletes_nothing(desk: Handle, ours: Branch) -> None:
    text = denied(desk, lambda tx: tx.delete(tx.get(Visit, ours.visit.id)))

    assert text == "the reception deletes nothing; ask a doctor"


def test_the_desk_moves_nothing_to_another_branch(desk: Handle, ours: Branch) -> None:
    moved = ours.visit.evolve(branch="판교")
    assert "branch 판교" in denied(desk, lambda tx: tx.update(moved))

    patient = ours.patient.set(BRANCH, "판교")
    assert "branch 판교" in denied(desk, lambda tx: tx.update(patient))


def test_the_desk_changes_no_patient_of_another_branch_who_comes_here(
    desk: Handle, doctor: Handle, theirs: Branch, at: Callable[..., datetime]
) -> None:
    here = Visit(customer_id=theirs.patient.id, at=at(15), doctor="김서연", branch="강남")
    with doctor.transaction() as tx:
        tx.add(here)

    renamed = theirs.patient.evolve(name="다른 이름")
    address = Identity(customer_id=theirs.patient.id, channel="email", value="a@b.example")

    assert "branch 판교" in denied(desk, lambda tx: tx.update(renamed))
    assert "branch 판교" in denied(desk, lambda tx: tx.add(address))


def test_the_desk_books_its_own_visits(
    desk: Handle, ours: Branch, at: Callable[..., datetime]
) -> None:
    with desk.transaction() as tx:
        booked = tx.add(Visit(customer_id=ours.patient.id, at=at(11), doctor="박지우"))
        tx.update(booked.evolve(at=booked.at + timedelta(hours=1)))

    assert desk.count(Visit) == 2


@pytest.mark.parametrize("stranger", ["root", "민지@어딘가", "@", "강남"])
def test_a_stranger_writes_nothing(crm: CRM, stranger: str) -> None:
    text = denied(crm.acting(stranger), lambda tx: tx.add(Customer(name="누구")))

    assert text == "the clinic does not know you; act as a doctor or as name@branch"


def test_a_bot_is_not_confined_to_a_branch(crm: CRM, branches: dict[str, Branch]) -> None:
    assert crm.acting(Actor("importer", "bot")).count(Visit) == len(branches)
