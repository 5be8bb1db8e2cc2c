"""A day in the life of the studio, typed as its people type it. Every figure that is asserted was computed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from crmkit_collaborative.kinds import Handover
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.sales.kinds import Deal, SalesOrder
from crmkit_operational.service.kinds import MetricEvent, Ticket
from studio.kinds import Project, State

from crmkit import CRM, Customer, Interaction, where
from crmkit.testing.fixtures import FakeClock

HERE = Path(__file__).parents[1]
KST = timezone(timedelta(hours=9))


def kst(hour: int, minute: int = 0, day: int = 3) -> datetime:
    """A time in Seoul. 3 March 2026 was a Tuesday; the Monday was a holiday, since 1 March fell on the Sunday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=KST)


class Studio:
    """The commands and the clock, what is kept, and what the reports say."""

    def __init__(self, run: Callable[..., Result], crm: CRM, clock: FakeClock) -> None:
        self.run, self.crm, self.clock = run, crm, clock

    def at(self, hour: int, minute: int = 0, day: int = 3) -> None:
        self.clock.set(kst(hour, minute, day))

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--format", "json").stdout)

    def one(self, kind: type[Any], *conditions: Any) -> Any:
        [found] = self.crm.find(kind, *conditions)
        return found

    def reports(self) -> dict[str, Any]:
        """The answers of the reports that a day changes, by name: all but one, as long as no deal is lost."""
        names = [each["report"] for each in self.json("report", "list")]
        return {name: self.json("report", name) for name in names if name != "lost-reasons"}


@pytest.fixture
def studio(crm_cli: Callable[..., Result], crm: CRM, clock: FakeClock) -> Studio:
    """The studio at ten to ten, set up, with the customers and orders that it had."""
    made = Studio(crm_cli, crm, clock)
    made.at(9, 50)
    samples = HERE / "samples"
    crm_cli("studio-setup")
    crm_cli("rule", "load", str(HERE / "rules.toml"))
    crm_cli("import", str(samples / "customers.csv"))
    columns = (
        "주문번호=external_id",
        "고객번호=customer@customers",
        "주문일=placed_at",
        "금액=total",
    )
    maps = [word for each in columns for word in ("--map", each)]
    crm_cli("import", str(samples / "orders.csv"), "--kind", "order", *maps)
    return made


def test_a_day(studio: Studio) -> None:
    before = studio.reports()

    ticket = mail_becomes_a_ticket_of_who_can_take_it(studio)
    it_is_handed_over_with_what_was_asked_and_promised(studio, ticket)
    it_is_solved_in_time(studio, ticket)
    deal = a_stranger_becomes_a_deal_that_is_won(studio)
    project = won_means_an_order_and_a_project(studio, deal)

    after = studio.reports()
    assert before.keys() == after.keys() >= {"lifetime-value", "pipeline", "projects"}
    projects_change(before["projects"], after["projects"], project)
    the_pipeline_changes(before["pipeline"], after["pipeline"], deal)
    customers_are_worth_more(before["lifetime-value"], after["lifetime-value"], deal)
    others_change(before, after, ticket)


# Service ---------------------------------------------------------------------------------------------------------


def mail_becomes_a_ticket_of_who_can_take_it(studio: Studio) -> Ticket:
    """소라 is the first who is there and has room for one; then 하나 has the skill and room, and 민준 lacks the skill."""
    studio.run("agent", "online", "sora")
    studio.run(
        "ticket", "open", "로고 파일을 잃어버렸어요", "--customer", "바다서점", "--skill", "로고"
    )
    studio.run("work", "--once")
    studio.run("agent", "online", "hana")
    studio.run("agent", "online", "minjun")
    studio.at(10, 30)
    studio.run("import", str(HERE / "samples" / "logo.eml"))
    studio.run("work", "--once")

    cafe = studio.one(Customer, where.name == "한빛카페")
    mail = studio.one(Interaction, where.external_id == "20260303-logo@hanbit.example")
    assert mail.customer_id == cafe.id
    ticket: Ticket = studio.one(Ticket, where.customer_id == cafe.id)
    assert (ticket.subject, ticket.body, ticket.thread) == (mail.subject, mail.body, mail.thread)
    assert (ticket.priority, ticket.skills, ticket.opened_at) == ("high", ("로고",), kst(10, 5))
    assert ticket.assignee == "hana"
    # An hour, and eight, of a day that is open from ten to seven.
    assert (ticket.first_response_due, ticket.resolution_due) == (kst(11, 5), kst(18, 5))
    decided = studio.one(RoutingDecision, where.ticket_id == ticket.id)
    why = {each["agent"]: each["why"] for each in decided.candidates}
    assert (why["sora"], why["minjun"], why["jiwoo"]) == ("full", "skills", "offline")
    return ticket


def it_is_handed_over_with_what_was_asked_and_promised(studio: Studio, ticket: Ticket) -> None:
    studio.at(10, 40)
    said = ("--summary", "간판 색이 시안보다 어두움", "--promise", "오늘 안에 색 번호")
    to = ("--of", "ticket", "--to", "minjun", "--actor", "hana")
    shown = studio.run("handover", "give", ticket.id, *to, *said).stdout

    packet = studio.one(Handover)
    assert (packet.subject_id, packet.from_actor, packet.to_actor) == (ticket.id, "hana", "minjun")
    assert packet.promises == ("오늘 안에 색 번호",)
    assert "Unanswered  2026-03-03 email: 간판에서 로고 색이 달라요" in shown
    brief = studio.run("ticket", "brief", ticket.id, "--actor", "minjun").stdout
    assert "간판 색이 시안보다 어두움, 오늘 안에 색 번호" in brief
    assert "first response, 2026-03-03 11:05" in brief


def it_is_solved_in_time(studio: Studio, ticket: Ticket) -> None:
    studio.at(10, 50)
    studio.run("ticket", "reply", ticket.id, "팬톤 151 C입니다.", "--actor", "minjun")
    studio.at(12, 35)
    studio.run("ticket", "solve", ticket.id, "--actor", "minjun")
    studio.at(19)  # after all that was due
    studio.run("work", "--once")

    events = list(studio.crm.find(MetricEvent, where.ticket_id == ticket.id))
    ended = {each.metric: each.at for each in events if each.type == "fulfill"}
    assert ended["first_response"] == kst(10, 50)
    assert ended["resolution"] == kst(12, 35)
    assert not [each for each in events if each.type == "breach"]
    report = {each["metric"]: each for each in studio.json("ticket", "report")}
    assert (report["resolution"]["kept"], report["resolution"]["broken"]) == (1, 0)
    assert (report["first_response"]["done"], report["first_response"]["open"]) == (1, 1)
    assert ticket.id in studio.run("ticket", "report", "--explain").stdout


# Sales -----------------------------------------------------------------------------------------------------------


def a_stranger_becomes_a_deal_that_is_won(studio: Studio) -> Deal:
    """The mail came on Tuesday at 10:20; it is imported in the evening and won on Thursday."""
    studio.run("import", str(HERE / "samples" / "quote.eml"), "--new-customers")
    studio.run("agent", "online", "jiwoo")
    studio.run("work", "--once")
    erin = studio.one(Customer, where.name == "Erin Cole")
    asked = studio.one(Ticket, where.customer_id == erin.id)
    assert (asked.topic, asked.assignee, asked.opened_at) == ("견적", "jiwoo", kst(10, 20))

    studio.run("deal", "add", "하버 하우스 브랜드", "--customer", "Erin Cole", "--actor", "jiwoo")
    deal = studio.one(Deal)
    studio.at(11, 0, day=4)
    studio.run("deal", "move", deal.id, "상담", "--actor", "jiwoo")
    studio.at(15, 0, day=4)
    refused = studio.run("deal", "move", deal.id, "견적", "--actor", "jiwoo", code=1)
    assert "amount" in refused.stderr
    studio.run("deal", "move", deal.id, "견적", "--set", "amount=6500000", "--actor", "jiwoo")
    studio.at(19, 0, day=5)
    studio.run("deal", "win", deal.id, "--order", "--actor", "jiwoo")
    won: Deal = studio.crm.get(Deal, deal.id)
    assert won.closed_at == kst(19, 0, day=5)
    return won


def won_means_an_order_and_a_project(studio: Studio, deal: Deal) -> Project:
    studio.run("work", "--once")
    order = studio.one(SalesOrder, where.deal_id == deal.id)
    project = studio.one(Project)
    assert studio.json("order", "show", order.id)["total"] == {"minor": 6500000, "currency": "KRW"}
    assert (project.title, project.lead, project.deal_id) == (deal.title, "jiwoo", deal.id)
    assert project.state == State.PLANNED
    return project


# Reports ---------------------------------------------------------------------------------------------------------


def changed(before: Any, after: Any, *names: str) -> dict[Any, dict[str, Any]]:
    """Of each row that is new or different, known by `names`: the fields that changed, with what they are now."""
    old = {tuple(row[name] for name in names): row for row in before["rows"]}
    found = {}
    for row in after["rows"]:
        key = tuple(row.pop(name) for name in names)
        was = old.get(key, {})
        found[key if names[1:] else key[0]] = {k: v for k, v in row.items() if was.get(k) != v}
    return {key: fields for key, fields in found.items() if fields}


def projects_change(before: Any, after: Any, project: Project) -> None:
    assert after["explain"]["ids"]["planned"] == [project.id]
    assert after["sentence"] == "Of 1 projects begun, 1 are not delivered yet."
    assert changed(before, after, "state") == {"planned": {"projects": 1}}


def the_pipeline_changes(before: Any, after: Any, deal: Deal) -> None:
    """From Tuesday 19:00 to Wednesday 11:00, to 15:00, to Thursday 19:00: 16, 4 and 28 hours, two days in all."""
    ids = {name for name, found in after["explain"]["ids"].items() if found == [deal.id]}
    reached = {f"디자인, {stage}: reached" for stage in ("문의", "상담", "견적", "성사")}
    assert ids == {*reached, "디자인: won in the window", "디자인: opened in the window"}
    found = changed(before, after, "stage")
    assert found.keys() == {"문의", "상담", "견적", "성사", "All stages"}
    assert [found[stage]["reached"] for stage in ("문의", "상담", "견적", "성사")] == [1, 1, 1, 1]
    days = [found[stage]["days"] for stage in ("문의", "상담", "견적")]
    assert days == pytest.approx([16 / 24, 4 / 24, 28 / 24])
    # Wilson's interval of one of one begins at 1 / (1 + 1.959964^2).
    assert found["상담"]["low"] == pytest.approx(0.2065, abs=0.0001)
    whole = found["All stages"]
    assert (whole["won"], whole["win_rate"], whole["cycle"]) == (1, 1.0, 2.0)
    assert whole["won_value"] == [{"minor": 6_500_000, "currency": "KRW"}]


def customers_are_worth_more(before: Any, after: Any, deal: Deal) -> None:
    """Erin is the fifth who bought, so the most frequent of four is now the most frequent of five."""
    assert after["explain"]["ids"]["Erin Cole"] == [deal.customer_id]
    assert changed(before, after, "name") == {
        "Erin Cole": {
            "customers": 1,
            "purchases": 1,
            "spent": {"minor": 6_500_000, "currency": "KRW"},
            "last": "2026-03-05",
            "rfm": "515",
        },
        "한빛카페": {"rfm": "253"},
    }


def others_change(before: Any, after: Any, ticket: Ticket) -> None:
    """Reports that are there if the plugin at hand has them."""
    if "channel-use" in after:
        found = changed(before["channel-use"], after["channel-use"], "group", "channel")
        counts = {key: (row["incoming"], row["outgoing"]) for key, row in found.items()}
        assert counts == {("organization", "email"): (1, 1), ("person", "email"): (1, 0)}
    if "adoption" in after:  # of three at the desk, who has never done anything is 소라 now
        found = changed(before["adoption"], after["adoption"], "group")
        assert {name: row["never"] for name, row in found.items()} == {"고객지원": 1, "영업": 0}
    if "resolution-speed" in after:
        found = changed(before["resolution-speed"], after["resolution-speed"], "metric", "quantile")
        for metric, minutes in (("first_response", 45), ("resolution", 150)):
            row = found[metric, "median"]
            assert (row["done"], row["open"]) == (1, 2)
            assert row["business"] == row["calendar"] == minutes * 60
        assert ticket.id in str(after["resolution-speed"]["explain"]["ids"])
    if (
        "resolution-effectiveness" in after
    ):  # the other two were due on Thursday, and nobody answered
        answer = after["resolution-effectiveness"]
        found = changed(before["resolution-effectiveness"], answer, "figure")
        for figure in ("solved", "first_response_in_time", "resolution_in_time"):
            assert (found[figure]["count"], found[figure]["of"]) == (1, 3)
            assert answer["explain"]["ids"][figure] == [ticket.id]
