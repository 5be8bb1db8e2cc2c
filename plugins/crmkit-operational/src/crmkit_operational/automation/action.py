"""An action: something that rules can do, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import attrs

from crmkit import Kind, Record, Schema
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.words import _

__all__ = ["Action", "Context", "NoParameters", "nobodys"]


@attrs.frozen
class NoParameters:
    """The parameters of an action that takes none."""


@attrs.frozen
class Context:
    """Why an action is done: the `rule`, its cause (`key`, unique for the rule), since when it holds (`at`), whose it is.

    `customer_id` is the customer whose record it is, or the customer itself; None for records of nobody.
    """

    rule: Rule
    key: str
    at: datetime
    customer_id: str | None


@attrs.frozen
class Action:
    """What a plugin lets rules do, from `crm_actions`.

    `parameters` is an attrs class: texts, whole numbers, yes or no, and, if it has an attribute `values`, a mapping
    that takes what no other attribute does. Texts may hold `{field}` of the record, which are filled in before.
    `run` is a function, or `"module:function"`, that is given the transaction (which acts as the rule), the record as
    it is now, the parameters and the `Context`; what it raises undoes all that the rule did. `check` may object when a
    rule is written: it is given the schema, the kind and the parameters as they stand there, and yields sentences.
    `of_customer`: it fails for a record that belongs to no customer, which a trial says.
    """

    name: str
    summary: str
    run: Callable[[Any, Any, Any, Context], object] | str
    parameters: type[Any] = NoParameters
    check: Callable[[Schema, Kind, Any], Iterable[str]] | str | None = None
    of_customer: bool = False


def nobodys(record: Record) -> str:
    """The sentence that a record belongs to no customer."""
    return _("{kind} {id} belongs to no customer").format(kind=record.__kind__, id=record.id)
