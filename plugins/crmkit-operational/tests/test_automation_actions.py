"""The actions that automation brings keep the contract that vendors' must keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.automation.ready import objections
from crmkit_operational.automation.testing import ActionContract
from crmkit_operational.service.kinds import Ticket

from crmkit import Interaction, new_id
from crmkit.testing import KindContract
from crmkit.worker import run_workers

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


class TestSet(ActionContract):
    name = "set"
    parameters = {"values": {"owner": "lee", "country": "{owner}"}}  # noqa: RUF012


class TestAdd(ActionContract):
    name = "add"
    parameters = {  # noqa: RUF012
        "kind": "ticket",
        "values": {"subject": "{name}", "customer_id": "{id}", "opened_at": "{now+1d}"},
    }


class TestAssign(ActionContract):
    name = "assign"
    parameters = {"to": "lee"}  # noqa: RUF012

    @pytest.fixture
    def subject(self):
        return Ticket(subject="x", opened_at=NOW)


class TestTag(ActionContract):
    name = "tag"
    parameters = {"tag": "vip"}  # noqa: RUF012


class TestUntag(ActionContract):
    name = "untag"
    parameters = {"tag": "vip"}  # noqa: RUF012


class TestLog(ActionContract):
    name = "log"
    parameters = {"text": "{name} ist da", "body": "{today}"}  # noqa: RUF012


class TestTicket(ActionContract):
    name = "ticket"
    parameters = {"values": {"priority": "high", "skills": "로고,인쇄"}}  # noqa: RUF012

    @pytest.fixture
    def subject(self):
        # A contact with a thread, so that it stays as it is: one without gets its own.
        return Interaction(
            channel="email", happened_at=NOW, subject="로고", body="시안", thread="m1"
        )

    def test_the_ticket_has_what_was_said_and_the_thread_has_one_ticket(self, crm, subject):
        self.written(crm, subject)
        again = subject.evolve(
            id=new_id(), happened_at=NOW + timedelta(hours=1), subject="Re: 로고"
        )
        with crm.transaction() as tx:
            tx.add(again)
        run_workers(crm, once=True)

        [ticket] = crm.find(Ticket)
        assert (ticket.subject, ticket.body, ticket.channel) == ("로고", "시안", "email")
        assert (ticket.priority, ticket.skills) == ("high", ("로고", "인쇄"))
        assert (ticket.opened_at, ticket.asked_at) == (NOW, again.happened_at)

    def test_what_comes_after_a_closed_ticket_is_a_case_of_its_own(self, crm, subject):
        self.written(crm, subject)
        [first] = crm.find(Ticket)
        with crm.transaction() as tx:
            tx.update(first.evolve(state="closed"))
        with crm.transaction() as tx:
            tx.add(subject.evolve(id=new_id(), subject="", body="  다시\n여쭙니다 "))
        run_workers(crm, once=True)
        assert [each.subject for each in crm.find(Ticket, order="created_at")] == [
            "로고",
            "다시 여쭙니다",
        ]

    def test_it_is_for_rules_on_contacts(self, crm):
        rule = self.rule(Ticket(subject="x", opened_at=NOW))
        assert "about an interaction" in str(list(objections(crm, rule)))


class TestRule(KindContract):
    @pytest.fixture
    def record(self):
        action = {"do": "set", "values": {"owner": "lee"}}
        return Rule(name="r", on="customer", trigger={"type": "created"}, actions=(action,))
