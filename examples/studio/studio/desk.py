"""Who works at the studio, when, what they promise, and how their deals go: written once by `crm studio-setup`.

Each of these can be typed, too: `crm directory add`, `crm calendar add`, `crm policy add`, `crm agent add`, `crm pipeline add`.
"""

from __future__ import annotations

from crmkit_collaborative.kinds import Branch, Department, Member, Membership, Team
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.sales.kinds import LostReason
from crmkit_operational.sales.pipelines import Step, add_pipeline, decided
from crmkit_operational.service.kinds import Policy

from crmkit import Reader, Transaction

CALENDAR = "평일"
HOURS = {day: ["10:00-19:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
HOUR = 60
"""Minutes, in which policies count."""

PEOPLE = (
    # actor, name, team, skills, languages, how many tickets at once
    ("jiwoo", "한지우", "영업팀", ("견적",), ("ko", "en"), 5),
    ("hana", "서하나", "지원팀", ("로고",), ("ko",), 3),
    ("sora", "윤소라", "지원팀", ("로고",), ("ko",), 1),
    ("minjun", "김민준", "지원팀", ("인쇄",), ("ko", "en"), 3),
)
STAGES = (
    Step("문의", 10, rot_days=7),
    Step("상담", 30, rot_days=14),
    Step("견적", 60, rot_days=14, required=("amount",)),
    *decided("성사", "실패"),
)


def is_set_up(reader: Reader) -> bool:
    """Whether there is a calendar, which is written together with everything else."""
    return reader.count(Calendar) > 0


def set_up(tx: Transaction) -> None:
    """Write all of it."""
    _directory(tx)
    _desk(tx)
    add_pipeline(tx, "디자인", STAGES)
    tx.add_all(LostReason(name=name) for name in ("가격", "일정", "다른 곳을 고름"))


def _directory(tx: Transaction) -> None:
    branch = tx.add(Branch(name="성수", timezone="Asia/Seoul", country="KR"))
    teams = {}
    for department, team in (("영업", "영업팀"), ("고객지원", "지원팀")):
        made = tx.add(Department(name=department))
        teams[team] = tx.add(Team(name=team, department_id=made.id, branch_id=branch.id))
    for actor, name, team, skills, languages, _capacity in PEOPLE:
        # Without working hours: tickets find them at night, too, so that whoever tries this then sees it work.
        member = Member(
            actor=actor, name=name, branch_id=branch.id, skills=skills, languages=languages
        )
        tx.add(Membership(member_id=tx.add(member).id, team_id=teams[team].id))


def _desk(tx: Transaction) -> None:
    calendar = tx.add(Calendar(name=CALENDAR, hours=HOURS, timezone="Asia/Seoul", country="KR"))
    for position, (name, priorities, first, solved) in enumerate(
        (("급한 문의", ("high", "urgent"), 1, 8), ("모든 문의", (), 4, 24)), 1
    ):
        tx.add(
            Policy(
                name=name,
                position=position,
                priorities=priorities,
                first_response=first * HOUR,
                resolution=solved * HOUR,
                calendar_id=calendar.id,
            )
        )
    for actor, name, _team, skills, _languages, capacity in PEOPLE:
        tx.add(Agent(actor=actor, name=name, skills=skills, capacity=capacity))
