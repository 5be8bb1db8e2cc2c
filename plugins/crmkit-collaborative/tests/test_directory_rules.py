"""What must hold of the directory, whoever writes it."""

from contextlib import suppress
from datetime import date, timedelta

import pytest
from crmkit_collaborative.directory.finding import named
from crmkit_collaborative.directory.rules import overlap
from crmkit_collaborative.directory.structure import in_force, structure
from crmkit_collaborative.kinds import Branch, Department, Member, Membership, Team
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import CRM, Config, InvalidRecords, NotFound, QueryError

DAY = date(2026, 3, 1)
days = st.none() | st.integers(0, 12).map(lambda number: DAY + timedelta(days=number))


@pytest.fixture
def crm(open_crm):
    return open_crm()


def added(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def refused(crm, *records):
    with pytest.raises(InvalidRecords) as caught, crm.transaction() as tx:
        tx.add_all(records)
    return str(caught.value)


@pytest.fixture
def kim_and_team(crm):
    return added(crm, Member(actor="kim", name="김서연"), Team(name="1차 상담"))


# Zones and hours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "zone", ["Asia/Soul", "", "../etc/passwd", "Asia", "/etc/localtime", "한국"]
)
def test_a_time_zone_that_is_not_there_is_refused(crm, zone):
    assert "no time zone" in refused(crm, Branch(name="부산", timezone=zone))
    assert "no time zone" in refused(crm, Member(actor="kim", name="Kim", timezone=zone))


def test_hours_that_cannot_be_read_are_refused_with_an_example(crm):
    told = refused(crm, Member(actor="kim", name="Kim", working_hours={"mon": ["9 to 6"]}))

    assert "member.working_hours" in told
    assert "09:00-18:00" in told


def test_a_member_without_an_actor_is_refused(crm):
    assert "is blank" in refused(crm, Member(actor=" ", name="Kim"))


# Departments ----------------------------------------------------------------------------------------------------


def test_departments_form_no_circle(crm):
    sales, korea = added(
        crm, one := Department(name="영업"), Department(name="국내", parent_id=one.id)
    )

    with pytest.raises(InvalidRecords, match="part of itself"), crm.transaction() as tx:
        tx.update(sales.evolve(parent_id=korea.id))
    with pytest.raises(InvalidRecords, match="part of itself"), crm.transaction() as tx:
        tx.update(sales.evolve(parent_id=sales.id))


def test_departments_of_one_batch_form_no_circle(crm):
    one, two = Department(name="A"), Department(name="B")
    stored = added(crm, one, two)

    pairs = [stored[0].evolve(parent_id=two.id), stored[1].evolve(parent_id=one.id)]
    with pytest.raises(InvalidRecords, match="part of itself"), crm.transaction() as tx:
        tx.update_all(pairs)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 4), st.none() | st.integers(0, 4)), max_size=8))
def test_whatever_is_moved_where_every_department_has_a_top(moves):
    with CRM.open("memory://", plugins=["collaborative"], config=Config()) as crm:
        ids = [each.id for each in added(crm, *(Department(name=str(n)) for n in range(5)))]
        for which, into in moves:
            with suppress(InvalidRecords), crm.transaction() as tx:
                found = tx.get(Department, ids[which])
                tx.update(found.evolve(parent_id=None if into is None else ids[into]))

        parents = {each.id: each.parent_id for each in crm.find(Department)}
        for id in ids:
            for _ in range(5):
                id = id and parents[id]
            assert id is None
        assert [each.record.id for each in structure(crm, DAY) if each.level == 0]
        assert len(list(structure(crm, DAY))) == 5


# Memberships ----------------------------------------------------------------------------------------------------


def covered(membership):
    far = [DAY + timedelta(days=number) for number in range(-2, 16)]
    return {
        each
        for each in far
        if (membership.since is None or membership.since <= each)
        and (membership.until is None or each < membership.until)
    }


@given(days, days, days, days)
def test_two_memberships_overlap_if_a_day_is_in_both(since, until, other_since, other_until):
    one = Membership(member_id="m", team_id="t", since=since, until=until)
    other = Membership(member_id="m", team_id="t", since=other_since, until=other_until)

    assert overlap(one, other) == bool(covered(one) & covered(other))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(days, days), max_size=5))
def test_whatever_is_written_no_day_is_in_two_memberships_of_one_team(spans):
    with CRM.open("memory://", plugins=["collaborative"], config=Config()) as crm:
        kim, team = added(crm, Member(actor="kim", name="Kim"), Team(name="A"))
        for since, until in spans:
            with suppress(InvalidRecords):
                added(crm, Membership(member_id=kim.id, team_id=team.id, since=since, until=until))

        kept = list(crm.find(Membership))
        for number in range(-2, 16):
            day = DAY + timedelta(days=number)
            on_that_day = [each for each in kept if day in covered(each)]
            assert len(on_that_day) <= 1
            assert list(crm.find(Membership, *in_force(day))) == on_that_day


def test_a_member_is_in_a_team_once_at_a_time(crm, kim_and_team):
    kim, team = kim_and_team
    first = Membership(member_id=kim.id, team_id=team.id, until=DAY)
    added(crm, first)

    added(crm, Membership(member_id=kim.id, team_id=team.id, since=DAY))
    before = Membership(member_id=kim.id, team_id=team.id, since=DAY - timedelta(days=1), until=DAY)
    told = refused(crm, before)

    assert "crm directory leave" in told
    assert first.id not in told  # which nobody who may not read it should learn


def test_two_memberships_of_one_batch_do_not_overlap(crm, kim_and_team):
    kim, team = kim_and_team

    told = refused(crm, *(Membership(member_id=kim.id, team_id=team.id) for _ in range(2)))

    assert "is in this team" in told


def test_a_membership_does_not_end_before_it_begins(crm, kim_and_team):
    kim, team = kim_and_team
    dates = {"since": DAY, "until": DAY - timedelta(days=1)}

    assert "before it begins" in refused(
        crm, Membership(member_id=kim.id, team_id=team.id, **dates)
    )


# Names ----------------------------------------------------------------------------------------------------------


def test_a_name_will_do_wherever_an_id_is_wanted(crm, kim_and_team):
    kim, team = kim_and_team

    assert named(crm, Member, kim.id) == kim
    assert named(crm, Member, "김서연") == kim
    assert named(crm, Member, "KIM") == kim
    decomposed = "\u1100\u1175\u11b7\u1109\u1165\u110b\u1167\u11ab"
    assert named(crm, Member, decomposed) == kim
    assert named(crm, Team, "1차 상담") == team


def test_a_name_that_several_have_asks_for_the_id(crm):
    one, two = added(crm, Member(actor="a", name="김지원"), Member(actor="b", name="김지원"))

    with pytest.raises(QueryError, match="2 records") as caught:
        named(crm, Member, "김지원")
    assert one.id in str(caught.value)
    assert two.id in str(caught.value)


def test_a_name_that_nobody_has_shows_the_nearest_or_what_to_do(crm):
    with pytest.raises(NotFound, match="crm directory add team"):
        named(crm, Team, "상담")
    added(crm, Team(name="Support"))
    with pytest.raises(NotFound, match="did you mean 'Support'"):
        named(crm, Team, "Suport")
