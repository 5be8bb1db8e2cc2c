"""Planning an import: all of it is done, looked at, and undone; so that a plan is what applying it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from crmkit import CRM, Actor, CrmError, Handle, Transaction
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.outcome import Counts, Outcome
from crmkit_exchange.importing.runs import acting, begun, ended
from crmkit_exchange.importing.settling import batches, settled
from crmkit_exchange.kinds import ImportRun

__all__ = ["Plan", "PlanChanged", "Told", "applied", "as_planned", "planned"]

Told: TypeAlias = Callable[[Table, Sequence[Outcome]], None]
"""Is told what became of some rows of a file."""


class PlanChanged(CrmError):
    """The file or the records are not those of the plan any more."""


@attrs.frozen
class Plan:
    """What an import would do: `token` names it, `counts` are the sums of each file."""

    token: str
    counts: tuple[Counts, ...]


class _Undo(Exception):
    """Leaves a transaction without its writes."""


def planned(handle: Handle, tables: Sequence[Table], said: Any, told: Told) -> Plan:
    """What importing these files would do, row by row. Nothing is written; others who write wait meanwhile."""
    with suppress(_Undo), handle.transaction() as tx:
        plan = _brought(tx, tables, said, told)
        raise _Undo
    return plan


def applied(
    crm: CRM, actor: Actor, tables: Sequence[Table], said: Any, token: str, told: Told
) -> list[tuple[ImportRun, Counts]]:
    """Import these files in one transaction if that does just what the plan said; raises `PlanChanged` if not.

    Not for histories, whose rows are written as of many times: `crmkit_exchange.importing.running.run_planned`.
    """
    runs = [begun(each, said) for each in tables]
    runs = [each.evolve(through=runs[0].id) for each in runs]
    with acting(crm, actor, runs[0]).transaction() as tx:
        plan = _brought(tx, tables, said, told)
        _compare(token, plan.token)
        pairs = zip(runs, plan.counts, strict=True)
        return [(tx.add(ended(run, counts, tx.now())), counts) for run, counts in pairs]


def as_planned(handle: Handle, tables: Sequence[Table], said: Any, token: str) -> None:
    """Raise `PlanChanged` unless importing these files does just what the plan said."""
    _compare(token, planned(handle, tables, said, lambda _, __: None).token)


def _compare(wanted: str, found: str) -> None:
    if wanted.partition("-")[0] != found.partition("-")[0]:
        raise PlanChanged(
            f"plan {wanted} is of another file, or of other options than these; make a new one with --plan"
        )
    if wanted != found:
        raise PlanChanged(
            f"records that plan {wanted} is about have changed since; nothing was imported, make a new one with --plan"
        )


def _brought(tx: Transaction, tables: Sequence[Table], said: Any, told: Told) -> Plan:
    """Bring all rows of all files in, within one transaction."""
    files = hashlib.sha256(_canonical([said, *(each.digest for each in tables)]))
    rows = hashlib.sha256()
    counts = []
    times: dict[tuple[str, int], datetime] = {}
    for table in tables:
        layout = attrs.evolve(table.layout, times=times)
        sums = Counts()
        for batch in batches(table.drafts()):
            outcomes = settled(tx, layout, batch)
            for each in outcomes:
                rows.update(_canonical(_mark(each)))
                sums = sums.plus(each)
            told(table, outcomes)
        counts.append(sums)
    return Plan(f"{files.hexdigest()[:8]}-{rows.hexdigest()[:12]}", tuple(counts))


def _mark(outcome: Outcome) -> list[Any]:
    """What a row's part of a plan depends on: what the row says, and the record that it meets."""
    draft = outcome.draft
    own = [draft.item.number, outcome.action, outcome.version, draft.digest, len(outcome.twins)]
    return own + [[each.action, each.version] for each in outcome.parts]


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
