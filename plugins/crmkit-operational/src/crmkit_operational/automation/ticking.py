"""The worker that follows the clock: rules at a time of day or every so often, and on times that are reached."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from crmkit import Record, where
from crmkit.values import format_time, parse_time
from crmkit_operational.automation.following import key_of_moment, since_of
from crmkit_operational.automation.ready import Ready, enabled_rules
from crmkit_operational.automation.retrying import retry_due
from crmkit_operational.automation.running import Occasion, run
from crmkit_operational.automation.triggers import At, Every, Reached

__all__ = ["key_of_time", "tick"]


def tick(tx: Any, now: datetime) -> None:
    """Run the rules whose time has come, and try again what failed."""
    zone = ZoneInfo(tx.company.timezone)
    for rule in enabled_rules(tx):
        if isinstance(rule, Ready):
            if isinstance(rule.trigger, Every | At):
                _if_due(tx, rule, rule.trigger.last(now, zone), now)
            elif isinstance(rule.trigger, Reached):
                _reach(tx, rule, rule.trigger, now, zone)
    retry_due(tx, now)


def _if_due(tx: Any, rule: Ready, due: datetime, now: datetime) -> None:
    """Once for each record that fulfils the conditions; a time that was missed is made up for by the next look."""
    looked = _looked(tx, rule)
    if due < since_of(rule.rule) or (looked is not None and due <= looked):
        return
    for record in list(tx.find(rule.kind.name, *rule.conditions)):
        run(tx, rule, Occasion(record, key_of_time(due, record), now))
    _look(tx, rule, due)


def _reach(tx: Any, rule: Ready, trigger: Reached, now: datetime, zone: tzinfo) -> None:
    """Only what was reached since the last look: the range goes down to the database."""
    is_date = rule.kind.field(trigger.field).type.name == "date"
    looked, since = _looked(tx, rule), since_of(rule.rule)
    path, until = where[trigger.field], trigger.bound(now, is_date, zone)
    if looked is not None and looked >= since:
        begun = path > trigger.bound(looked, is_date, zone)
    else:
        begun = path >= trigger.bound(since, is_date, zone)
    found = tx.find(rule.kind.name, *rule.conditions, begun, path <= until, order=trigger.field)
    for record in list(found):
        moment = trigger.moment(record, zone)
        if moment is not None and since <= moment <= now:
            run(tx, rule, Occasion(record, key_of_moment(trigger, record), now))
    _look(tx, rule, now)


def _looked(tx: Any, rule: Ready) -> datetime | None:
    kept = tx.state(_key(rule))
    return None if kept is None else parse_time(kept)


def _look(tx: Any, rule: Ready, moment: datetime) -> None:
    tx.set_state(_key(rule), format_time(moment))


def _key(rule: Ready) -> str:
    return f"automation/looked/{rule.rule.id}"


def key_of_time(due: datetime, record: Record) -> str:
    """What tells a time of a rule on a record from all others."""
    return f"time/{record.__kind__}/{record.id}/{format_time(due)}"
