"""The contract of actions, as tests that a vendor inherits.

```python
import pytest
from crmkit_operational.automation.testing import ActionContract

import crmkit_escalation


class TestEscalate(ActionContract):
    name = "escalate"
    parameters = {"to": "lee"}

    @pytest.fixture
    def crm_plugins(self):
        return ["service", "automation", crmkit_escalation]
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from crmkit import CRM, Customer, Record
from crmkit.worker import run_workers
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import objections
from crmkit_operational.automation.registry import Brought, actions

__all__ = ["ActionContract"]

FAILING = {"do": "add", "kind": "interaction", "values": {"channel": "x", "happened_at": "{id}"}}
"""An action that can be written, and fails when it is done."""


class ActionContract:
    """What every action must do.

    Set `name`, and `parameters` with which it succeeds on the record of the fixture `subject`: a new customer, unless
    you override it. Override the fixture `crm_plugins` with automation and the plugin that brings the action.
    """

    name: ClassVar[str]
    parameters: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def brought(self, crm: CRM) -> Brought:
        """The action, as the plugins bring it."""
        return actions(crm.plugins)[self.name]

    @pytest.fixture
    def subject(self) -> Record:
        """A record, not yet written, on which the action is done."""
        return Customer(name="김지원")

    def rule(self, subject: Record, *more: Mapping[str, Any]) -> Rule:
        """A rule that does it when such a record is created."""
        done = ({"do": self.name, **self.parameters}, *more)
        trigger = {"type": "created"}
        return Rule(name="r", on=subject.__kind__, trigger=trigger, actions=done, enabled=True)

    def written(self, crm: CRM, subject: Record, *more: Mapping[str, Any]) -> RuleRun:
        """The run of such a rule."""
        with crm.transaction() as tx:
            tx.add(self.rule(subject, *more))
        with crm.transaction() as tx:
            tx.add(subject)
        run_workers(crm, once=True)
        [run] = crm.find(RuleRun)
        return run

    def test_it_has_a_name_and_a_summary(self, brought: Brought) -> None:
        """Its name is a plain word, as people write it in rules; its summary says what it does."""
        assert brought.action.name == self.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", self.name), "name it as in 'my_action'"
        assert brought.action.summary.strip(), "say what it does"

    def test_a_rule_with_it_can_be_written(self, crm: CRM, subject: Record) -> None:
        """Nothing is wrong with a rule that does it with these parameters."""
        assert list(objections(crm, self.rule(subject))) == []

    def test_an_unknown_parameter_is_refused_in_a_sentence(
        self, crm: CRM, brought: Brought, subject: Record
    ) -> None:
        """A misspelt parameter is found when the rule is written."""
        kind = crm.schema[subject.__kind__]
        [text] = brought.problems(crm.schema, kind, {**self.parameters, "no_such": 1})
        assert "no_such" in text

    def test_it_is_done_as_the_rule(self, crm: CRM, subject: Record) -> None:
        """It succeeds, and what it writes is the rule's doing, under the transaction that the run names."""
        run = self.written(crm, subject)
        assert (run.outcome, run.error) == ("done", None)
        own = [each for each in crm.changes() if each.transaction == run.transaction]
        assert {each.actor.id for each in own} <= {"rule:r"}

    def test_it_leaves_nothing_behind_where_the_rule_fails(self, crm: CRM, subject: Record) -> None:
        """All its effects are in the transaction: they are undone when a later action of the rule fails."""
        run = self.written(crm, subject, FAILING)
        assert run.outcome == "failed"
        assert not [each for each in crm.changes() if each.actor.id == "rule:r"]
        assert crm.get(subject.__kind__, subject.id).version == 1
