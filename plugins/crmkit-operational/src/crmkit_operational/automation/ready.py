"""A rule made ready to run: its trigger, conditions and actions read and checked against what is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from crmkit import CrmError, Kind, Reader, Record, Schema, ValueRefused, where
from crmkit.query import Condition
from crmkit_operational.automation.acting import plugins_of
from crmkit_operational.automation.conditions import from_plain
from crmkit_operational.automation.filling import Filler, places
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.registry import Brought, actions, named
from crmkit_operational.automation.then import Then
from crmkit_operational.automation.triggers import Trigger, trigger_of
from crmkit_operational.words import _

__all__ = ["Ready", "Step", "enabled_rules", "objections", "ready"]

OWN = frozenset({Rule.__kind__, RuleRun.__kind__})
"""The kinds of which there are no rules: one that answered to its own runs would never end."""


@attrs.frozen
class Step:
    """One action of a rule, and its parameters as they stand in it."""

    brought: Brought
    plain: Mapping[str, Any]

    def filled(self, filler: Filler) -> dict[str, Any]:
        """The parameters with the values of a record."""
        texts = {name for name, type_ in self.brought.types().items() if type_ in (str, str | None)}
        return {key: filler.fill(each, text=key in texts) for key, each in self.plain.items()}


@attrs.frozen(eq=False)
class Ready:
    """A rule that can run."""

    rule: Rule
    kind: Kind
    trigger: Trigger
    conditions: tuple[Condition, ...]
    steps: tuple[Step, ...]

    def filled(self, reader: Reader, record: Record, at: datetime) -> list[dict[str, Any]]:
        """The parameters of each step, with the values of a record as it was at a time."""
        zone = ZoneInfo(reader.company.timezone)
        filler = Filler(reader.schema, record, Then(reader, at), at, zone)
        return [each.filled(filler) for each in self.steps]

    def customer_of(self, record: Record) -> str | None:
        """The customer whose record it is, or the customer itself."""
        if self.kind.name == "customer":
            return record.id
        return None if self.kind.customer is None else record[self.kind.customer]


def ready(reader: Reader, rule: Rule, known: Mapping[str, Brought] | None = None) -> Ready:
    """A rule that can run. Raises a `CrmError` that says why it cannot."""
    kind = kind_of(reader.schema, rule)
    known = actions(plugins_of(reader)) if known is None else known
    return Ready(
        rule,
        kind,
        trigger_of(rule.trigger, kind),
        from_plain(reader.schema, kind, rule.conditions),
        tuple(_steps(rule, known)),
    )


def kind_of(schema: Schema, rule: Rule) -> Kind:
    """The kind of whose records the rule is. Raises a `CrmError` if there is none, or no rules of it."""
    kind = schema[rule.on]
    if kind.opaque or kind.name in OWN:
        text = (
            _("the plugin {plugin} of kind {kind} is not loaded; enable it")
            if kind.opaque
            else _("there are no rules on {kind}; choose another kind")
        )
        raise ValueRefused(text.format(kind=kind.name, plugin=kind.owner))
    return kind


def _steps(rule: Rule, known: Mapping[str, Brought]) -> Iterator[Step]:
    for each in rule.actions:
        if not isinstance(each, Mapping):
            text = _("{action} is no action; it is a table with `do` and parameters")
            raise ValueRefused(text.format(action=repr(each)[:80]))
        plain = {key: value for key, value in each.items() if key != "do"}
        yield Step(named(known, each.get("do")), plain)


def objections(reader: Reader, rule: Rule) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule: (field, sentence) pairs."""
    try:
        kind = kind_of(reader.schema, rule)
    except CrmError as error:
        yield "on", str(error)
        return
    for field, read in (
        ("trigger", lambda: trigger_of(rule.trigger, kind)),
        ("conditions", lambda: from_plain(reader.schema, kind, rule.conditions)),
    ):
        try:
            read()
        except CrmError as error:
            yield field, str(error)
    if not rule.actions:
        yield "actions", _("a rule does something; give it an action")
    try:
        steps = list(_steps(rule, actions(plugins_of(reader))))
    except CrmError as error:
        yield "actions", str(error)
        return
    for step in steps:
        for text in _step_objections(reader.schema, kind, step):
            yield "actions", text


def _step_objections(schema: Schema, kind: Kind, step: Step) -> Iterator[str]:
    try:
        for path in places(step.plain):
            schema.locate(kind, path)
        yield from step.brought.problems(schema, kind, step.plain)
    except CrmError as error:
        yield str(error)


def enabled_rules(reader: Reader) -> Iterable[Ready | tuple[Rule, CrmError]]:
    """The rules that are enabled, in their order: by position, then name; one that cannot run with the reason."""
    found = list(reader.find(Rule, where.enabled == True, order=("position", "name")))  # noqa: E712
    known = actions(plugins_of(reader)) if found else {}
    for each in found:
        try:
            yield ready(reader, each, known)
        except CrmError as error:
            yield each, error
