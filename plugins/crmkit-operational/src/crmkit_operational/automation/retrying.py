"""Trying failed runs again."""

from __future__ import annotations

from crmkit import CRM, NotFound, Reader, where
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import ready
from crmkit_operational.automation.running import again

__all__ = ["retry"]


def retry(crm: CRM, reader: Reader, rule: Rule) -> list[RuleRun]:
    """Try each failed run of a rule that the reader may see once more, oldest first, each in a transaction of its own.

    The record is seen as the rule saw it, and changed as it is now; whoever is quicker does it, nobody does it twice.
    Returns the runs with what came of them; one whose record is gone stays as it is. Raises a `CrmError` if the rule
    cannot run.
    """
    failed = reader.find(RuleRun, where.rule_id == rule.id, where.outcome == "failed", order="at")
    found = [_retry(crm, rule, each.id) for each in list(failed)]
    return [each for each in found if each is not None]


def _retry(crm: CRM, rule: Rule, id: str) -> RuleRun | None:
    with crm.transaction() as tx:
        tx.lock(f"automation/run/{id}")
        run = tx.get(RuleRun, id)
        if run.outcome != "failed":
            return None
        try:
            record = tx.at_version(run.subject_kind, run.subject_id, run.version)
        except NotFound:
            return run
        return again(tx, ready(tx, tx.get(Rule, rule.id)), run, record)
