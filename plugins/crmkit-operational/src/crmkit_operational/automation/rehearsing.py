"""Trying a rule on the past: for what happened since, what it would have done; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from crmkit import Change, Reader, Record, ValueRefused, holds, where
from crmkit_operational.automation.action import nobodys
from crmkit_operational.automation.following import key_of_change, key_of_moment
from crmkit_operational.automation.ready import Ready
from crmkit_operational.automation.then import Then, as_left
from crmkit_operational.automation.ticking import key_of_time
from crmkit_operational.automation.triggers import At, Changed, Created, Every, Reached
from crmkit_operational.words import _

__all__ = ["Tried", "rehearse"]

MOST_TIMES = 1_000
"""How many times of a rule at most are gone through: each looks at all records as they were."""


@attrs.frozen
class Tried:
    """What a rule would have done for one cause.

    `held` says for each condition whether it did; `actions` are the parameters, filled in, if all did. `trouble` says
    why one of them would have failed, as far as that can be known without doing it; empty if nothing is known.
    """

    at: datetime
    record: Record
    key: str
    held: tuple[bool, ...]
    actions: tuple[dict[str, Any], ...] = ()
    trouble: str = ""

    @property
    def would_run(self) -> bool:
        """Whether all conditions held."""
        return all(self.held)


def rehearse(reader: Reader, rule: Ready, since: datetime, until: datetime) -> Iterator[Tried]:
    """What would have set the rule off from one time to another, as far as the reader may see it, in order.

    Records that are gone by now are left out. What the rule itself would have changed is not seen: rules that lead on
    from their own effects, or others', are tried on what really happened. Raises `RestrictedError` where the rule asks
    for a field that the reader may not see, `TrimmedError` for a time that is not known any more.
    """
    _ask(reader, rule)
    if isinstance(rule.trigger, Created | Changed):
        yield from _changes(reader, rule, since, until)
    elif isinstance(rule.trigger, Reached):
        found = _reached(reader, rule, rule.trigger, since, until)
        yield from sorted(found, key=lambda each: (each.at, each.record.id))
    else:
        yield from _times(reader, rule, rule.trigger, since, until)


def _ask(reader: Reader, rule: Ready) -> None:
    """Ask what the rule asks, so that it is refused where asking it is."""
    paths = getattr(rule.trigger, "fields", ())
    if isinstance(rule.trigger, Reached):
        paths = (rule.trigger.field,)
    asked = (where[path].present() for path in paths)
    reader.page(rule.kind.name, *rule.conditions, *asked, limit=1)


def _tried(reader: Reader, rule: Ready, record: Record, key: str, at: datetime) -> Tried:
    follow = Then(reader, at)
    held = tuple(holds(record, each, follow) for each in rule.conditions)
    filled = rule.filled(reader, record, at) if all(held) else ()
    names = (step.brought.action.name for step in rule.steps)
    actions = tuple({"do": name, **each} for name, each in zip(names, filled, strict=False))
    trouble = next(_troubles(reader, rule, record, filled), "")
    return Tried(at, record, key, held, actions, trouble)


def _troubles(
    reader: Reader, rule: Ready, record: Record, filled: Sequence[dict[str, Any]]
) -> Iterator[str]:
    for step, plain in zip(rule.steps, filled, strict=False):
        if step.brought.action.of_customer and rule.customer_of(record) is None:
            yield nobodys(record)
        yield from step.brought.problems(reader.schema, rule.kind, plain)


def _changes(reader: Reader, rule: Ready, since: datetime, until: datetime) -> Iterator[Tried]:
    assert isinstance(rule.trigger, Created | Changed)
    for change in reader.changes(0, [rule.kind.name], since=since):
        if change.at <= until and rule.trigger.matches(change):
            record = as_left(reader, change)
            if record is not None:
                yield _tried(reader, rule, record, key_of_change(change), change.at)


def _times(
    reader: Reader, rule: Ready, trigger: Every | At, since: datetime, until: datetime
) -> Iterator[Tried]:
    zone = ZoneInfo(reader.company.timezone)
    due = trigger.next(trigger.last(since, zone), zone)
    for count in range(MOST_TIMES + 1):
        if due > until:
            return
        if count == MOST_TIMES:
            text = _("it would have been due more than {count} times; try it since a later time")
            raise ValueRefused(text.format(count=MOST_TIMES))
        for record in list(reader.find(rule.kind.name, *rule.conditions, as_of=due)):
            yield _tried(reader, rule, record, key_of_time(due, record), due)
        due = trigger.next(due, zone)


def _reached(
    reader: Reader, rule: Ready, trigger: Reached, since: datetime, until: datetime
) -> Iterator[Tried]:
    zone = ZoneInfo(reader.company.timezone)
    for record in list(reader.find(rule.kind.name)):
        seen: set[str] = set()
        for version, begun, end in _versions(reader, record, since, until):
            moment = trigger.moment(version, zone)
            if moment is None or not since <= moment <= until:
                continue
            at, key = max(moment, begun), key_of_moment(trigger, version)
            if at < end and key not in seen:
                tried = _tried(reader, rule, version, key, at)
                if tried.would_run:
                    seen.add(key)
                yield tried


def _versions(
    reader: Reader, record: Record, since: datetime, until: datetime
) -> Iterator[tuple[Record, datetime, datetime]]:
    """What a record was, from when to when, as far as that reaches into the time."""
    beyond = until + datetime.resolution
    if record.updated_at <= since:
        yield record, record.updated_at, beyond
        return
    history = reader.history(record.__kind__, record.id)
    last = Change(**{**attrs.asdict(history[-1], recurse=False), "at": beyond})
    for change, following in pairwise([*history, last]):
        if following.at > since and change.action in {"insert", "update"}:
            version = as_left(reader, change)
            if version is not None:
                yield version, change.at, following.at
