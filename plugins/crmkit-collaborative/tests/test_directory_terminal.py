"""`crm directory`, as people and scripts type it, in English and in Korean, and under restriction."""

import json
from datetime import UTC, datetime
from types import ModuleType

import pytest
from crmkit_collaborative.kinds import Member, Membership

from crmkit import Manifest, Restriction, hookimpl, where


def desk():
    """A plugin by which the desk sees neither Lee nor the secret team, a guest no leads and no branches."""
    module = ModuleType("desk")
    module.manifest = Manifest(name="desk")

    @hookimpl
    def crm_restrict(actor, kind):
        if actor.id == "guest" and kind == "membership":
            return Restriction([where.role != "lead"])
        if actor.id == "guest" and kind == "branch":
            return Restriction([where.country == "none"])
        if actor.id != "desk":
            return None
        if kind == "member":
            return Restriction([where.actor != "lee"], masked={"timezone"})
        return Restriction([where.name != "비밀"]) if kind == "team" else None

    module.crm_restrict = crm_restrict
    return module


@pytest.fixture
def crm_plugins():
    return ["collaborative", desk()]


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


@pytest.fixture
def company(crm_cli):
    """A company of three people; the clock shows 2026-03-01 18:00 in Seoul, a Sunday."""
    run = crm_cli
    run("directory", "add", "department", "고객지원")
    run("directory", "add", "department", "국내", "--parent", "고객지원")
    run("directory", "add", "branch", "부산", "--timezone", "Asia/Seoul", "--country", "KR")
    run("directory", "add", "branch", "Berlin", "--timezone", "Europe/Berlin")
    run("directory", "add", "team", "1차 상담", "--department", "국내", "--branch", "부산")
    run("directory", "add", "team", "비밀", "--department", "고객지원")
    hours = ["--hours", "mon-fri 09:00-18:00", "--language", "ko"]
    run("directory", "add", "member", "김서연", "--as", "kim", "--branch", "부산", "--skill", "환불", *hours)  # fmt: skip
    run("directory", "add", "member", "Lee", "--as", "lee", "--branch", "Berlin", "--hours", "sun 09:00-18:00", "--skill", "환불", "--language", "de")  # fmt: skip
    run("directory", "add", "member", "박준호", "--as", "park")
    run("directory", "join", "kim", "1차 상담", "--role", "lead", "--since", "2026-01-01")
    run("directory", "join", "Lee", "비밀", "--since", "2026-01-01")
    return run


def test_the_directory_is_a_tree_of_departments_teams_and_members(company):
    rows = answer(company, "directory", "show")

    assert [(each["level"], each["kind"], each["name"]) for each in rows] == [
        (0, "department", "고객지원"),
        (1, "team", "비밀"),
        (2, "member", "Lee"),
        (1, "department", "국내"),
        (2, "team", "1차 상담"),
        (3, "member", "김서연"),
        (0, "member", "박준호"),
    ]
    assert (rows[5]["role"], rows[5]["branch"], rows[5]["since"]) == ("lead", "부산", "2026-01-01")


def test_people_get_an_aligned_tree(company):
    lines = company("directory", "show", "--lang", "en").stdout.splitlines()

    assert lines[0].split()[:3] == ["Name", "Kind", "Role"]
    assert lines[2].startswith("  비밀")
    assert lines[6].startswith("      김서연")


def test_spreadsheets_get_the_depth_as_a_number(company):
    lines = company("directory", "show", "--format", "csv").stdout.splitlines()

    assert lines[0].startswith("level,name,kind")
    assert lines[2].startswith("1,비밀,team")


def test_who_was_in_what_on_a_day(company):
    company("directory", "leave", "김서연", "1차 상담", "--on", "2026-02-01")
    company("directory", "join", "김서연", "비밀", "--since", "2026-02-01")

    def teams_of_kim(day):
        rows = answer(company, "directory", "show", "--on", day)
        names = [each["name"] for each in rows]
        place = names.index("김서연")
        return None if rows[place]["level"] == 0 else next(each["name"] for each in rows[place::-1] if each["kind"] == "team")  # fmt: skip

    assert teams_of_kim("2025-12-31") is None
    assert teams_of_kim("2026-01-31") == "1차 상담"
    assert teams_of_kim("2026-02-01") == "비밀"


def test_leaving_ends_the_membership_and_keeps_it(company, crm):
    left = answer(company, "directory", "leave", "kim", "1차 상담")

    assert left["until"] == "2026-03-01"
    assert crm.count(Membership) == 2
    company("directory", "join", "kim", "1차 상담")
    assert crm.count(Membership) == 3


def test_leaving_a_team_that_one_is_not_in_says_so(company):
    told = company("directory", "leave", "박준호", "1차 상담", code=3)

    assert "crm directory show" in told.stderr


def test_joining_twice_is_refused_in_one_sentence(company):
    told = company("directory", "join", "kim", "1차 상담", code=1)

    assert "is in this team" in told.stderr


# Who works ------------------------------------------------------------------------------------------------------


def test_who_works_goes_by_each_ones_clock(company):
    sunday = answer(company, "directory", "who")
    monday = answer(company, "directory", "who", "--at", "2026-03-02T09:00")

    assert [each["name"] for each in sunday] == ["Lee"]  # 10:00 in Berlin
    assert sunday[0]["local"] == "2026-03-01T10:00:00+01:00"
    assert [each["name"] for each in monday] == ["김서연"]
    assert monday[0]["teams"] == ["1차 상담"]


def test_who_works_respects_daylight_saving(company):
    def works(at):
        return [each["name"] for each in answer(company, "directory", "who", "--at", at)]

    assert works("2026-03-22T07:30:00Z") == []
    assert works("2026-03-22T08:30:00Z") == ["Lee"]
    assert works("2026-03-29T07:30:00Z") == ["Lee"]  # on this day clocks went forward


def test_who_can_do_it_and_speaks_it(company):
    at = ["--at", "2026-03-02T10:00"]

    assert len(answer(company, "directory", "who", *at, "--skill", "환불", "--language", "ko")) == 1
    assert answer(company, "directory", "who", *at, "--language", "de") == []
    assert answer(company, "directory", "who", *at, "--skill", "설치") == []


def test_if_nobody_works_the_next_one_is_told(company):
    told = company("directory", "who", "--at", "2026-03-02T04:00", "--lang", "en").stderr

    assert "the next is 김서연 at 2026-03-02 09:00" in told
    assert "members without working hours, which `crm record member edit` sets: 1" in told


def test_a_time_beyond_the_calendar_is_one_sentence(company):
    told = company("directory", "who", "--at", "9999-12-31T23:00Z", code=1)

    assert told.stderr.count("\n") == 1


# Restriction ----------------------------------------------------------------------------------------------------


def test_what_the_desk_may_not_read_neither_shows_nor_matches(company):
    shown = company("directory", "show", "--actor", "desk", "--format", "json").stdout
    who = company("directory", "who", "--actor", "desk", "--lang", "en")

    assert "김서연" in shown
    for hidden in ("Lee", "비밀"):
        assert hidden not in shown
        assert hidden not in who.output
    assert company("directory", "join", "Lee", "1차 상담", "--actor", "desk", code=3)
    told = company("directory", "join", "kim", "비밀2", "--actor", "desk", code=3)
    assert "비밀'" not in told.stderr


def test_memberships_and_branches_that_may_not_be_read_place_nobody(company):
    rows = answer(company, "directory", "show", "--actor", "guest")
    who = answer(company, "directory", "who", "--at", "2026-03-02T10:00", "--actor", "guest")

    kim = next(each for each in rows if each["name"] == "김서연")
    assert (kim["level"], kim.get("role"), kim.get("branch")) == (0, None, None)
    assert all("branch" not in each for each in rows)
    assert [(each["name"], each["teams"], each["branch"]) for each in who] == [("김서연", [], None)]
    company("directory", "leave", "kim", "1차 상담", "--actor", "guest", code=3)


def test_what_is_hidden_is_not_counted(company, crm):
    with crm.transaction() as tx:
        lee = next(tx.find(Member, where.actor == "lee"))
        tx.update(lee.evolve(working_hours={}))

    told = company("directory", "who", "--actor", "desk", "--lang", "en").stderr

    assert (
        "members without working hours, which `crm record member edit` sets: 1" in told
    )  # 박준호, not Lee


def test_a_masked_time_zone_counts_as_that_of_the_branch(company):
    found = answer(company, "directory", "who", "--at", "2026-03-02T09:00", "--actor", "desk")

    assert found[0]["timezone"] == "Asia/Seoul"


# Bad input, and Korean ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "branch", "X", "--timezone", "Mars/Olympus"], "no time zone"),
        (["add", "member", "X", "--as", "x", "--hours", "always"], "mon-fri 09:00-18:00"),
        (["add", "team", "X", "--department", "없음"], "crm directory add department"),
        (["add", "department", "고객지원"], "must be unique"),
    ],
)
def test_bad_input_gets_one_sentence(company, arguments, told):
    code = 3 if "--department" in arguments else 1
    found = company("directory", *arguments, code=code)

    assert told in found.stderr
    assert "Traceback" not in found.output


def test_a_day_that_is_none_is_refused(company):
    assert "2026-03-01" in company("directory", "show", "--on", "soon", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show"], ["이름", "종류", "역할", "지점", "부서", "팀", "구성원"]),
        (["who", "--at", "2026-03-02T10:00"], ["이름", "지점", "역량", "언어"]),
        (["add", "department", "영업"], ["번호", "이름", "영업"]),
        (["add", "branch", "대구", "--timezone", "Asia/Seoul"], ["이름", "시간대", "대구"]),
        (["add", "team", "2차 상담"], ["번호", "이름", "2차 상담"]),
        (
            ["add", "member", "최", "--as", "choi", "--hours", "월 09:00-18:00"],
            ["행위자", "근무 시간"],
        ),
        (["join", "park", "1차 상담"], ["구성원", "팀", "역할", "시작"]),
        (["leave", "kim", "1차 상담"], ["구성원", "팀", "종료"]),
    ],
    ids=lambda each: " ".join(each),
)
def test_every_command_speaks_korean(company, arguments, words):
    shown = company("directory", *arguments, "--lang", "ko").stdout

    for word in words:
        assert word in shown
    assert "사용법" in company("directory", arguments[0], "--help", "--lang", "ko").output


def test_an_empty_directory_says_how_to_begin(crm_cli, clock):
    clock.set(datetime(2026, 3, 1, tzinfo=UTC))

    assert "crm directory add" in crm_cli("directory", "show", "--lang", "en").stderr
