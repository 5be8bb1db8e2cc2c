"""The worker that follows the journal: rules on what is created and changed, and on times that a change finds reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from crmkit import Change, Record, where
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.automation.ready import Ready, enabled_rules
from crmkit_operational.automation.running import Occasion, run
from crmkit_operational.automation.then import all_hold, as_left
from crmkit_operational.automation.triggers import At, Changed, Created, Every, Reached

__all__ = ["follow", "key_of_change", "key_of_moment", "since_of"]

# A batch of changes is given to the worker chain by chain: its rules are looked up once, not for each. The key is the
# transaction, which goes with the batch.
_looked_up: WeakKeyDictionary[Any, dict[str, list[Ready]]] = WeakKeyDictionary()


def follow(tx: Any, changes: Sequence[Change]) -> None:
    """Run the rules that a batch of changes of one chain of causes sets off, change by change, in the rules' order."""
    rules = _looked_up.get(tx)
    if rules is None:
        rules = _looked_up[tx] = _by_kind(tx)
    if not rules:
        return
    root, by = tx.cause.root, tx.cause.by[:-1]
    for change in changes:
        for rule in rules.get(change.kind, ()):
            _consider(tx, rule, change, root, by)


def _by_kind(tx: Any) -> dict[str, list[Ready]]:
    found: dict[str, list[Ready]] = {}
    for each in enabled_rules(tx):
        if isinstance(each, Ready) and not isinstance(each.trigger, Every | At):
            found.setdefault(each.kind.name, []).append(each)
    return found


def _consider(tx: Any, rule: Ready, change: Change, root: str, by: tuple[str, ...]) -> None:
    if change.at < since_of(rule.rule):
        return
    if isinstance(rule.trigger, Reached):
        if change.action in {"insert", "update"}:
            _if_reached(tx, rule, change, root, by)
    elif isinstance(rule.trigger, Created | Changed) and rule.trigger.matches(change):
        record = as_left(tx, change)
        if record is not None and all_hold(tx, record, rule.conditions, change.at):
            run(tx, rule, Occasion(record, key_of_change(change), change.at, root, by))


def _if_reached(tx: Any, rule: Ready, change: Change, root: str, by: tuple[str, ...]) -> None:
    """A change may make conditions hold for a time that has passed the clock's look already."""
    assert isinstance(rule.trigger, Reached)
    now, zone = tx.now(), ZoneInfo(tx.company.timezone)
    record = next(iter(tx.find(change.kind, where.id == change.id)), None)
    moment = record and rule.trigger.moment(record, zone)
    if record is None or moment is None or not since_of(rule.rule) <= moment <= now:
        return
    if all_hold(tx, record, rule.conditions, now):
        key = key_of_moment(rule.trigger, record)
        run(tx, rule, Occasion(record, key, now, root, by))


def since_of(rule: Rule) -> Any:
    """From when on a rule counts."""
    return rule.since or rule.updated_at


def key_of_change(change: Change) -> str:
    """What tells a change from all others, in every copy of the database: it has no position in it."""
    return f"{change.transaction}/{change.kind}/{change.id}/{change.version}"


def key_of_moment(trigger: Reached, record: Record) -> str:
    """What tells a time that is reached from all others: the record and the value of its field."""
    value = record[trigger.field]
    return f"reached/{record.__kind__}/{record.id}/{trigger.field}/{value.isoformat()}"
