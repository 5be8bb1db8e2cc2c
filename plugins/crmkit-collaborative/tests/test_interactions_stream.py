"""The stream of a customer: filtered by the database, paged without gaps, and no more than one may read."""

import json
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from crmkit_collaborative.interactions.fields import INTERNAL, TEAM
from crmkit_collaborative.interactions.stream import Filter, stream
from crmkit_collaborative.kinds import Handover, Team
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    Interaction,
    Manifest,
    QueryError,
    Record,
    Restriction,
    field,
    hookimpl,
    kind,
    where,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


@kind("visit", timeline="at", title="reason")
class Visit(Record):
    customer_id: str = field(refers_to=Customer)
    at: datetime = field()
    reason: str = field(default="")


def visits():
    module = ModuleType("visits")
    module.manifest = Manifest(name="visits", requires=("collaborative",))

    @hookimpl
    def crm_kinds():
        return [Visit]

    @hookimpl
    def crm_restrict(actor, kind):
        if actor.id != "desk":
            return None
        if kind == "interaction":
            return Restriction([where[INTERNAL] != True], masked={"body"})  # noqa: E712  (a condition)
        if kind == "visit":
            return Restriction(masked={"reason"})
        return Restriction([where.name != "비밀"]) if kind == "team" else None

    module.crm_kinds = crm_kinds
    module.crm_restrict = crm_restrict
    return module


def interaction(customer, hour, channel="phone", team=None, internal=None):
    made = Interaction(
        customer_id=customer.id, channel=channel, happened_at=START + timedelta(hours=hour)
    )
    return made.set(TEAM, team).set(INTERNAL, internal)


# By a plain look at each record ---------------------------------------------------------------------------------


def plainly(records, wanted):
    """The records that a filter lets through, by looking at each."""
    for each in records:
        is_internal = each.__kind__ == "handover" or each["collaborative.internal"] is True
        team = each["team_id"] if each.__kind__ == "handover" else each[TEAM]
        channel = each["channel"] if each.__kind__ == "interaction" else None
        if (
            (wanted.kinds is None or each.__kind__ in wanted.kinds)
            and wanted.channel in (None, channel)
            and wanted.team_id in (None, team)
            and wanted.internal in (None, is_internal)
        ):
            yield each


events = st.lists(
    st.tuples(
        st.sampled_from(["interaction", "handover", "visit"]),
        st.integers(0, 5),
        st.sampled_from(["phone", "email"]),
        st.sampled_from([None, 0, 1]),
        st.sampled_from([None, True, False]),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(
    events,
    st.none() | st.lists(st.sampled_from(["interaction", "handover", "visit"]), min_size=1, unique=True),
    st.sampled_from([None, "phone", "email", "fax"]),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([None, True, False]),
    st.integers(1, 5),
)  # fmt: skip
def test_pages_of_a_filter_are_what_a_look_at_each_record_finds(
    made, kinds, channel, team, internal, limit
):
    with CRM.open("memory://", plugins=["collaborative", visits()], config=Config()) as crm:
        with crm.transaction() as tx:
            kim, other = tx.add_all([Customer(name="Kim"), Customer(name="Lee")])
            teams = [each.id for each in tx.add_all([Team(name="A"), Team(name="B")])]
            tx.add(interaction(other, 1))
            for what, hour, own_channel, place, flag in made:
                of, at = None if place is None else teams[place], START + timedelta(hours=hour)
                if what == "interaction":
                    tx.add(interaction(kim, hour, own_channel, of, flag))
                elif what == "handover":
                    tx.add(Handover(customer_id=kim.id, subject_id=kim.id, at=at, team_id=of))
                else:
                    tx.add(Visit(customer_id=kim.id, at=at))
        wanted = Filter(kinds and tuple(kinds), channel, None if team is None else teams[team], internal)  # fmt: skip

        seen, after = [], None
        while True:
            page = stream(crm, kim.id, wanted, limit=limit, after=after)
            assert len(page) <= limit
            seen += page
            after = page.after
            if after is None:
                break

        everything = list(crm.timeline(kim.id, limit=100))
        assert seen == list(plainly(everything, wanted))
        assert len(everything) == len(made)


# In the terminal, on every database -----------------------------------------------------------------------------


@pytest.fixture
def crm(open_crm):
    return open_crm(visits())


@pytest.fixture
def kim(crm):
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛전자"))
        one, secret = tx.add_all([Team(name="1차 상담"), Team(name="비밀")])
        tx.add(interaction(kim, 1, "phone", one.id))
        tx.add(interaction(kim, 2, "email", secret.id))
        tx.add(interaction(kim, 3, "chat", one.id, True))
        tx.add(Handover(customer_id=kim.id, subject_id=kim.id, at=START + timedelta(hours=4), team_id=one.id, summary="환불 건"))  # fmt: skip
        tx.add(Visit(customer_id=kim.id, at=START + timedelta(hours=5), reason="점검"))
    return kim


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


@pytest.mark.parametrize(
    ("options", "hours"),
    [
        ([], [5, 4, 3, 2, 1]),
        (["--kind", "visit", "--kind", "handover"], [5, 4]),
        (["--channel", "phone"], [1]),
        (["--team", "1차 상담"], [4, 3, 1]),
        (["--team", "1차 상담", "--kind", "interaction"], [3, 1]),
        (["--internal"], [4, 3]),
        (["--shared"], [5, 2, 1]),
        (["--shared", "--channel", "chat"], []),
        (["--channel", "fax"], []),
        (["--kind", "customer"], []),
    ],
    ids=str,
)
def test_the_stream_is_filtered(crm_cli, kim, options, hours):
    rows = answer(crm_cli, "customer", "stream", kim.id, *options)

    assert [int(each["at"][11:13]) for each in rows] == hours


def test_it_goes_on_behind_a_page(crm_cli, kim):
    first = crm_cli("customer", "stream", kim.id, "--team", "1차 상담", "--limit", "2", "--lang", "en", "--format", "json")  # fmt: skip
    cursor = first.stderr.split("--after ")[1].strip()

    rest = answer(crm_cli, "customer", "stream", kim.id, "--team", "1차 상담", "--after", cursor)

    assert [each["kind"] for each in json.loads(first.stdout)] == ["handover", "interaction"]
    assert [each["kind"] for each in rest] == ["interaction"]


def test_it_can_be_read_as_it_was(crm_cli, crm, kim, clock):
    before = crm.now().isoformat()
    clock.tick(days=1)
    with crm.transaction() as tx:
        call = next(tx.find(Interaction, where.channel == "phone"))
        tx.update(call.set(INTERNAL, True))

    def hours(*options):
        rows = answer(crm_cli, "customer", "stream", kim.id, "--internal", *options)
        return [int(each["at"][11:13]) for each in rows]

    assert hours() == [4, 3, 1]
    assert hours("--as-of", before) == [4, 3]


def test_people_get_a_table(crm_cli, kim):
    lines = crm_cli("customer", "stream", kim.id, "--lang", "ko").stdout.splitlines()

    assert all(each in lines[0] for each in ("시각", "종류", "채널", "팀", "제목", "번호"))
    assert "인계" in lines[2]
    assert "환불 건" in lines[2]
    assert "1차 상담" in lines[2]
    assert "사용법" in crm_cli("customer", "stream", "--help", "--lang", "ko").output


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (["--kind", "visitt"], "there is no kind 'visitt'", 1),
        (["--team", "없음"], "there is no team '없음'", 3),
        (["--after", "x"], "this cursor belongs to another query", 1),
    ],
)
def test_bad_input_gets_one_sentence(crm_cli, kim, options, told, code):
    assert told in crm_cli("customer", "stream", kim.id, *options, code=code).stderr


def test_what_may_not_be_read_neither_shows_nor_matches_nor_is_counted(crm_cli, kim):
    rows = answer(crm_cli, "customer", "stream", kim.id, "--actor", "desk")

    assert [int(each["at"][11:13]) for each in rows] == [5, 4, 2, 1]
    assert rows[0]["title"] == "•••"
    assert rows[2]["team"] is None  # of a team that may not be read
    crm_cli("customer", "stream", kim.id, "--team", "비밀", "--actor", "desk", code=3)
    assert [each["kind"] for each in answer(crm_cli, "customer", "stream", kim.id, "--internal", "--actor", "desk")] == ["handover"]  # fmt: skip
    paged = crm_cli("customer", "stream", kim.id, "--channel", "chat", "--actor", "desk", "--limit", "1")  # fmt: skip
    assert "--after" not in paged.stderr


def test_a_cursor_of_other_kinds_is_refused(crm, kim):
    page = stream(crm, kim.id, Filter(), limit=1)

    with pytest.raises(QueryError, match="another query"):
        stream(crm, kim.id, Filter(kinds=("visit",)), after=page.after)
