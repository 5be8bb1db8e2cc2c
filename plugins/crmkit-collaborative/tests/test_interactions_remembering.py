"""What one colleague writes down shows to the next, until somebody has seen to it."""

import json
from datetime import UTC, datetime
from types import ModuleType

import pytest
from crmkit_collaborative.interactions.fields import DONE_AT, INTERNAL, REMEMBER, TEAM
from crmkit_collaborative.interactions.remembering import notes
from crmkit_collaborative.kinds import Branch, Member, Membership, Team
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import CRM, Config, Customer, Interaction, Manifest, Restriction, hookimpl, where

LONG = "매주 금요일 18시 이후에는 문자로만 연락해 주세요. 전화는 받지 않으며, 계약 관련 문의는 반드시 담당 변호사와 함께 진행하기를 원함"


def desk():
    """A plugin by which the desk sees no notes, and intern no contacts of the phone and nobody's name."""
    module = ModuleType("desk")
    module.manifest = Manifest(name="desk")

    @hookimpl
    def crm_restrict(actor, kind):
        if actor.id == "desk" and kind == "interaction":
            return Restriction(masked={REMEMBER})
        if actor.id == "intern" and kind == "interaction":
            return Restriction([where.channel != "phone"])
        if actor.id == "intern" and kind == "member":
            return Restriction([where.actor != "kim"])
        return Restriction(masked={"owner"}) if actor.id == "guest" and kind == "customer" else None

    module.crm_restrict = crm_restrict
    return module


@pytest.fixture
def crm_plugins():
    return ["collaborative", desk()]


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


@pytest.fixture
def kim(crm):
    with crm.transaction() as tx:
        branch = tx.add(Branch(name="부산", timezone="Asia/Seoul"))
        hours = {"mon": ["09:00-18:00"]}
        member = tx.add(
            Member(actor="kim", name="김서연", branch_id=branch.id, working_hours=hours)
        )
        team = tx.add(Team(name="1차 상담"))
        tx.add(Membership(member_id=member.id, team_id=team.id))
        return tx.add(Customer(name="한빛전자", owner="kim"))


@pytest.fixture
def log(crm_cli, kim):
    def log(channel="phone", **options):
        given = [f"--{name}={value}" for name, value in options.items()]
        return answer(crm_cli, "interaction", "log", "--customer", kim.id, "--channel", channel, *given)["id"]  # fmt: skip

    return log


def profile(run, kim, *more):
    return {
        each["name"]: each for each in answer(run, "customer", "show", kim.id, *more)["sections"]
    }


# Notes ----------------------------------------------------------------------------------------------------------


def test_notes_show_at_the_next_contact_newest_first_each_with_its_interaction(crm_cli, kim, log):
    first = log(at="2026-02-01T10:00")
    second = log("email", at="2026-02-02T10:00")
    log(at="2026-02-03T10:00")
    crm_cli("interaction", "note", first, "SMS를 선호")
    crm_cli("interaction", "note", second, "견적서는 PDF로")

    rows = profile(crm_cli, kim)["remember"]["rows"]

    assert rows == [
        {"label": f"2026-02-02 {second}", "value": "견적서는 PDF로"},
        {"label": f"2026-02-01 {first}", "value": "SMS를 선호"},
    ]


def test_a_note_can_be_left_when_the_contact_is_logged(crm_cli, crm, kim):
    crm_cli("interaction", "log", "--customer", kim.id, "--channel", "phone", "--outcome", "resolved", "--set", f"{REMEMBER}=prefers SMS after 18:00")  # fmt: skip

    assert [each["text"] for each in answer(crm_cli, "interaction", "notes", kim.id)] == [
        "prefers SMS after 18:00"
    ]
    assert [each.id for each in crm.search("SMS after")] == [next(crm.find(Interaction)).id]


def test_what_was_seen_to_shows_no_more_but_is_kept(crm_cli, crm, kim, log, clock):
    contact = log()
    crm_cli("interaction", "note", contact, "다시 전화")
    done = answer(crm_cli, "interaction", "done", contact)
    clock.tick()
    again = answer(crm_cli, "interaction", "done", contact)

    assert done[DONE_AT] == again[DONE_AT]
    assert "remember" not in profile(crm_cli, kim)
    assert answer(crm_cli, "interaction", "notes", kim.id) == []
    assert [each["text"] for each in answer(crm_cli, "interaction", "notes", kim.id, "--all")] == ["다시 전화"]  # fmt: skip
    crm_cli("interaction", "note", contact, "정말로 다시 전화")
    assert [each["text"] for each in answer(crm_cli, "interaction", "notes", kim.id)] == ["정말로 다시 전화"]  # fmt: skip


def test_the_profile_of_an_earlier_time_has_the_notes_of_that_time(crm_cli, kim, log, clock):
    contact = log()
    clock.tick(days=1)
    crm_cli("interaction", "note", contact, "다시 전화")
    clock.tick(days=1)
    crm_cli("interaction", "done", contact)

    def shown(day):
        return "remember" in profile(crm_cli, kim, "--as-of", f"2026-03-{day:02}T20:00")

    assert [shown(day) for day in (1, 2, 3)] == [False, True, False]


def test_a_long_note_is_shown_whole(crm_cli, kim, log):
    crm_cli("interaction", "note", log(), LONG)

    assert LONG in crm_cli("customer", "show", kim.id).stdout
    assert LONG in crm_cli("interaction", "notes", kim.id).stdout


def test_more_notes_than_a_profile_shows_say_where_the_others_are(crm_cli, crm, kim):
    with crm.transaction() as tx:
        for number in range(21):
            made = Interaction(customer_id=kim.id, channel="phone", happened_at=crm.now())
            tx.add(made.set(REMEMBER, str(number)))

    rows = profile(crm_cli, kim)["remember"]["rows"]

    assert len(rows) == 21
    assert rows[-1]["value"] == f"crm interaction notes {kim.id}"
    page = crm_cli("interaction", "notes", kim.id, "--limit", "20", "--lang", "en")
    cursor = page.stderr.split("--after ")[1].strip()
    assert len(answer(crm_cli, "interaction", "notes", kim.id, "--after", cursor)) == 1


def test_a_note_is_erased_with_the_person(crm, kim):
    assert crm.schema["interaction"].field(REMEMBER).options.personal
    with crm.transaction() as tx:
        made = Interaction(customer_id=kim.id, channel="phone", happened_at=crm.now())
        made = tx.add(made.set(REMEMBER, "비밀"))
    with crm.transaction() as tx:
        tx.redact(Interaction, [made.id])

    assert crm.get(Interaction, made.id)[REMEMBER] is None
    assert len(notes(crm, kim.id)) == 0


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (["note", "{}", " "], "a note says something", 1),
        (["done", "{}"], "has no note", 1),
        (["note", "gone", "x"], "there is no interaction 'gone'", 3),
        (["notes", "gone"], "there is no customer 'gone'", 3),
        (["thread", "gone"], "there is no interaction 'gone'", 3),
    ],
)
def test_bad_input_gets_one_sentence(crm_cli, log, arguments, told, code):
    contact = log()

    found = crm_cli("interaction", *(each.format(contact) for each in arguments), code=code)

    assert told in found.stderr


steps = st.lists(st.tuples(st.sampled_from(["note", "done"]), st.integers(0, 2)), max_size=8)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_waiting_are_the_notes_that_nobody_has_seen_to_since(taken):
    from crmkit_collaborative.interactions.remembering import mark_done, remember

    with CRM.open("memory://", plugins=["collaborative"], config=Config()) as crm:
        with crm.transaction() as tx:
            kim = tx.add(Customer(name="Kim"))
            made = [Interaction(customer_id=kim.id, channel="x", happened_at=datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2, 3)]  # fmt: skip
            made = tx.add_all(made)
        waiting, noted = set(), set()
        for what, which in taken:
            with crm.transaction() as tx:
                if what == "note":
                    remember(tx, made[which].id, "x")
                    waiting.add(which)
                    noted.add(which)
                elif which in noted:
                    mark_done(tx, made[which].id, crm.now())
                    waiting.discard(which)

        def found(**options):
            return [each.id for each in notes(crm, kim.id, **options)]

        assert found() == [made[which].id for which in (2, 1, 0) if which in waiting]
        assert found(done=True) == [made[which].id for which in (2, 1, 0) if which in noted]


# Who looks after the customer -----------------------------------------------------------------------------------


def test_the_profile_says_who_looks_after_the_customer(crm_cli, kim, clock):
    clock.set(datetime(2026, 3, 1, 12, tzinfo=UTC))  # a Sunday

    rows = {each["label"]: each["value"] for each in profile(crm_cli, kim)["care"]["rows"]}

    assert rows == {
        "Owner": "김서연",
        "Teams": ["1차 상담"],
        "Branch": "부산",
        "At work": False,
        "Back at": "2026-03-02T00:00:00.000000+00:00",
    }


def test_an_owner_who_is_no_member_is_among_the_fields_already(crm_cli, crm):
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="Kim", owner="somebody"))
        nobodys = tx.add(Customer(name="Lee"))

    assert profile(crm_cli, customer) == {}
    assert profile(crm_cli, nobodys) == {}


def test_as_of_an_earlier_time_it_is_the_teams_of_then(crm_cli, crm, kim, clock):
    before = clock().isoformat()
    clock.tick(days=40)
    with crm.transaction() as tx:
        membership = next(tx.find(Membership))
        tx.update(membership.evolve(until=datetime(2026, 4, 1).date()))

    def labels(*more):
        return [each["label"] for each in profile(crm_cli, kim, *more)["care"]["rows"]]

    assert "Teams" not in labels()
    assert "Teams" in labels("--as-of", before)


# Restriction ----------------------------------------------------------------------------------------------------


def test_who_may_not_see_notes_gets_no_section_and_no_list(crm_cli, kim, log):
    contact = log()
    crm_cli("interaction", "note", contact, "비밀 메모")

    shown = crm_cli("customer", "show", kim.id, "--actor", "desk").stdout
    listed = crm_cli("interaction", "notes", kim.id, "--actor", "desk", code=1)

    assert "비밀" not in shown
    assert "failed" not in shown
    assert "may not see interaction.collaborative.remember" in listed.stderr
    assert crm_cli("interaction", "note", contact, "x", "--actor", "desk", code=1)


def test_notes_of_contacts_that_may_not_be_read_do_not_show(crm_cli, kim, log):
    contact = log()
    crm_cli("interaction", "note", contact, "비밀 메모")

    assert "remember" not in profile(crm_cli, kim, "--actor", "intern")
    assert answer(crm_cli, "interaction", "notes", kim.id, "--actor", "intern") == []
    crm_cli("interaction", "done", contact, "--actor", "intern", code=3)


def test_a_member_that_may_not_be_read_is_not_named(crm_cli, kim):
    assert "care" in profile(crm_cli, kim)
    for actor in ("intern", "guest"):  # one does not see the member, one does not see the owner
        assert profile(crm_cli, kim, "--actor", actor) == {}


# Threads --------------------------------------------------------------------------------------------------------


def test_a_thread_is_the_whole_conversation_and_where_a_reply_goes(crm_cli, crm, kim, log):
    made = crm_cli("record", "identity", "add", "--customer", kim.id, "--channel", "email", "--value", "kim@hanbit.example", "--format", "json")  # fmt: skip
    address = json.loads(made.stdout)["id"]
    later = log("email", at="2026-02-03T10:00", thread="t", direction="out")
    first = log("email", at="2026-02-02T10:00", thread="t", identity=address)
    log("email", at="2026-02-02T10:00", thread="u")

    found = answer(crm_cli, "interaction", "thread", later)

    assert [each["id"] for each in found["interactions"]] == [first, later]
    assert found["reply_to"]["value"] == "kim@hanbit.example"
    told = crm_cli("interaction", "thread", later, "--lang", "en")
    assert "a reply goes to kim@hanbit.example" in told.stderr
    assert answer(crm_cli, "interaction", "thread", log())["reply_to"] is None


def test_what_was_said_is_shown_whole(crm_cli, log):
    contact = log("email", body=LONG)

    assert LONG in crm_cli("interaction", "thread", contact).stdout
    rows = crm_cli("interaction", "thread", contact, "--format", "csv").stdout.splitlines()
    assert rows[0] == "happened_at,channel,direction,subject,body,id"


# Korean ---------------------------------------------------------------------------------------------------------


def test_every_command_speaks_korean(crm_cli, log, kim):
    contact = log()
    for arguments, words in [
        (["note", contact, "다시 전화"], ["번호", "고객", "채널", "다시 전화"]),
        (["notes", kim.id], ["시각", "채널", "다시 전화"]),
        (["done", contact], ["번호", "상담 시각"]),
        (["thread", contact], ["상담 시각", "채널", "방향", "제목", "번호"]),
    ]:
        shown = crm_cli("interaction", *arguments, "--lang", "ko").stdout
        assert [each for each in words if each not in shown] == []
        assert "사용법" in crm_cli("interaction", arguments[0], "--help", "--lang", "ko").output
    assert "담당자" in crm_cli("customer", "show", kim.id, "--lang", "ko").stdout


def test_the_fields_are_the_plugins(crm):
    names = {REMEMBER, DONE_AT, INTERNAL, TEAM}

    assert names < crm.schema["interaction"].fields.keys()
    assert crm.schema["interaction"].field(TEAM).refers_to == "team"
