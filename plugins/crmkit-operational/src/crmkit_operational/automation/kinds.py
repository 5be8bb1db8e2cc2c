"""The kinds of automation: rules as data, and what each run did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from crmkit import Customer, Record, field, kind

__all__ = ["Rule", "RuleRun"]


@kind("rule", title="name", unique=(("name",),), indexes=(("enabled", "position", "name"),))
class Rule(Record):
    """When something happens to a record of kind `on`, and conditions hold, do something.

    `trigger` says when: `{"type": "created"}`, `{"type": "changed", "fields": [...], "from": ..., "to": ...}`,
    `{"type": "time", "every": minutes}` or `"at": "09:00"`, `{"type": "reached", "field": ..., "after": minutes}`.
    `conditions` are those of a query in plain form, `actions` a list of `{"do": NAME, ...}`. Nothing happens while it
    is not `enabled`, and nothing for what was before `since`, when it was enabled last.
    """

    name: str = field(search=True)
    on: str = field(label="Kind")
    enabled: bool = field(default=False)
    position: int = field(default=100)
    trigger: Mapping[str, Any] = field(factory=dict)
    conditions: tuple[Any, ...] = field(default=())
    actions: tuple[Any, ...] = field(default=())
    minutes_saved: int = field(default=0, label="Minutes saved by a run")
    since: datetime | None = field(default=None, label="Enabled since")


@kind(
    "rule_run",
    label="Rule run",
    title="outcome",
    unique=(("rule_id", "cause_key"),),
    indexes=(
        ("rule_id", "at"),
        ("outcome", "at"),
        ("outcome", "again_at"),
        ("subject_kind", "subject_id", "at"),
        ("root", "rule_id", "subject_id"),
    ),
)
class RuleRun(Record):
    """What one rule did for one record and one cause: `cause_key` makes it happen once.

    `customer_id` is the customer whose record it was, so that whoever may not see them does not see this. `seen_version` is
    that of the record when the rule looked at it, `root` the transaction that began the chain of causes,
    `transaction` the one under which the journal has the effects. `actions` are the rule's, not yet filled in: no
    value of the record is copied here. `fields` are those of the record that it changed. A run that failed is tried
    again at `again_at`, None if it is left to people; `attempts` is how often it was tried.
    """

    rule_id: str = field(refers_to=Rule, on_delete="cascade", label="Rule")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    subject_kind: str = field(label="Of")
    subject_id: str = field(label="Record")
    seen_version: int = field(default=0, label="Version seen")
    cause_key: str = field(label="Cause")
    root: str = field(label="Began with")
    transaction: str | None = field(default=None)
    at: datetime = field()
    outcome: Literal["done", "failed", "loop"] = field()
    actions: tuple[Any, ...] = field(default=())
    fields: tuple[str, ...] = field(default=(), label="Changed fields")
    error: str | None = field(default=None, personal=True)
    attempts: int = field(default=1)
    again_at: datetime | None = field(default=None, label="Tried again at")
