"""The actions that automation brings keep the contract that vendors' must keep."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.automation.testing import ActionContract
from crmkit_operational.service.kinds import Ticket

from crmkit.testing import KindContract

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


class TestRule(KindContract):
    @pytest.fixture
    def record(self):
        action = {"do": "set", "values": {"owner": "lee"}}
        return Rule(name="r", on="customer", trigger={"type": "created"}, actions=(action,))
