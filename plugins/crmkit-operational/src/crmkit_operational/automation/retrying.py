"""Trying failed runs again: by itself after growing pauses, and whenever people ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmkit import CRM, CrmError, NotFound, Reader, where
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import ready
from crmkit_operational.automation.running import again

__all__ = ["retry", "retry_due"]

AT_ONCE = 100
"""How many runs one look at the clock tries again; the others wait for the next."""


def retry(crm: CRM, reader: Reader, rule: Rule) -> list[RuleRun]:
    """Try each failed run of a rule that the reader may see once more, oldest first, each in a transaction of its own.

    The record is seen as the rule saw it, and changed as it is now; whoever is quicker does it, nobody does it twice.
    Returns the runs with what came of them; one whose record is gone stays as it is. Raises a `CrmError` if the rule
    cannot run.
    """
    failed = reader.find(RuleRun, where.rule_id == rule.id, where.outcome == "failed", order="at")
    found = [_retry(crm, each.id) for each in list(failed)]
    return [each for each in found if each is not None]


def _retry(crm: CRM, id: str) -> RuleRun | None:
    with crm.transaction() as tx:
        tx.lock(f"automation/run/{id}")
        run = tx.get(RuleRun, id)
        return _once_more(tx, run) if run.outcome == "failed" else None


def _once_more(tx: Any, run: RuleRun) -> RuleRun:
    try:
        record = tx.at_version(run.subject_kind, run.subject_id, run.seen_version)
    except NotFound:
        return run
    return again(tx, ready(tx, tx.get(Rule, run.rule_id)), run, record)


def retry_due(tx: Any, now: datetime) -> None:
    """Try the runs again whose time for that has come; those of rules that cannot run any more are left to people."""
    due = (where.outcome == "failed", where.again_at <= now)
    for found in list(tx.find(RuleRun, *due, order="again_at", limit=AT_ONCE)):
        tx.lock(f"automation/run/{found.id}")
        run = tx.get(RuleRun, found.id)
        if run.outcome != "failed" or run.again_at is None:
            continue  # people were quicker
        if not _is_tried(tx, run):
            tx.update(run.evolve(again_at=None))


def _is_tried(tx: Any, run: RuleRun) -> bool:
    """Try a run again, if its rule is on and can run, and its record is still there."""
    if not tx.get(Rule, run.rule_id).enabled:
        return False
    try:
        return _once_more(tx, run).attempts > run.attempts
    except CrmError:  # of a rule that is broken by now, which `crm doctor` says
        return False
