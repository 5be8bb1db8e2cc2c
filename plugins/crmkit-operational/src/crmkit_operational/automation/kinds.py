"""The kinds of automation: rules as data, and what each run did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from crmkit import Record, field, kind

__all__ = ["Rule", "RuleRun"]


@kind("rule", title="name", unique=(("name",),), indexes=(("on",),))
class Rule(Record):
    """When something happens to a record of kind `on`, and conditions hold, do something.

    `trigger` says when: `{"type": "created"}`, `{"type": "changed", "fields": [...]}`, `{"type": "time", "every":
    minutes}`, `{"type": "reached", "field": ..., "after": minutes}`. `conditions` are those of a query in plain form,
    `actions` a list of `{"do": NAME, ...}`. Nothing happens while it is not `enabled`.
    """

    name: str = field(search=True)
    on: str = field(label="Kind")
    enabled: bool = field(default=False)
    position: int = field(default=100)
    trigger: Mapping[str, Any] = field(factory=dict)
    conditions: tuple[Any, ...] = field(default=())
    actions: tuple[Any, ...] = field(default=())
    minutes_saved: int = field(default=0, label="Minutes saved by a run")


@kind(
    "rule_run",
    label="Rule run",
    title="outcome",
    unique=(("rule_id", "cause_key"),),
    indexes=(("rule_id", "at"), ("subject_kind", "subject_id", "at")),
)
class RuleRun(Record):
    """What one rule did for one record and one cause: `cause_key` makes it happen once."""

    rule_id: str = field(refers_to=Rule, on_delete="cascade", label="Rule")
    subject_kind: str = field(label="Of")
    subject_id: str = field(label="Record")
    cause_key: str = field(label="Cause")
    at: datetime = field()
    outcome: Literal["done", "failed", "loop"] = field()
    actions: tuple[Any, ...] = field(default=())
    error: str | None = field(default=None)
