"""Running an import in batches, each a transaction that also keeps how far it came: a killed one goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

from crmkit import CRM, Actor, CrmError, Transaction, where
from crmkit_exchange.importing.invalid import InvalidFile
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.outcome import Counts
from crmkit_exchange.importing.planning import Told, as_planned
from crmkit_exchange.importing.runs import acting, begun, ended, progress_key
from crmkit_exchange.importing.settling import batches, settled
from crmkit_exchange.kinds import ImportRun

__all__ = ["LOCK", "Brought", "Overtaken", "run_import", "run_planned"]

LOCK = "exchange/import"
"""What imports hold while they write: whether a row is there already is a rule over several records."""

Brought: TypeAlias = dict[tuple[str, str], str]
"""(source, object) -> through what it was imported. A history goes through what brought its records, so that they are
undone together: alone it could not be where a rule lets nothing back, as with tickets that were closed."""


class Overtaken(CrmError):
    """Another process goes on with this import."""


@attrs.frozen
class _Progress:
    """How far an import came, as it is kept: rows, sums, and the size of the file of invalid rows."""

    counts: Counts = attrs.field(factory=Counts)
    invalid: str = ""
    size: int = 0

    @classmethod
    def of(cls, kept: Any) -> _Progress:
        return cls(Counts(**kept["counts"]), kept["invalid"], kept["size"])

    def kept(self) -> dict[str, Any]:
        return {"counts": attrs.asdict(self.counts), "invalid": self.invalid, "size": self.size}


def run_import(
    crm: CRM,
    actor: Actor,
    table: Table,
    said: Any,
    invalid: InvalidFile,
    told: Told,
    brought: Brought | None = None,
) -> tuple[ImportRun, Counts]:
    """Import a file; goes on with one of the same file and options that was broken off. Returns its record and sums.

    `brought` is what was imported before it in the same command, and is added to. Raises `Overtaken` if another process
    goes on with it meanwhile; no row is imported twice then either.
    """
    brought = {} if brought is None else brought
    run, progress = _entered(crm, actor, table, said, invalid, _through(table, brought))
    brought |= dict.fromkeys(_places(table), run.through)
    handle = acting(crm, actor, run)
    for batch in batches(table.drafts(after=progress.counts.read)):
        with handle.transaction(effective=batch[0].effective) as tx:
            tx.lock(LOCK)
            outcomes = settled(tx, table.layout, batch)
            invalid.add(outcomes)
            counts = progress.counts
            for each in outcomes:
                counts = counts.plus(each)
            reached = _Progress(counts, str(invalid.path), invalid.size)
            _keep(tx, run, progress, reached.kept())
        progress = reached
        told(table, outcomes)
    with handle.transaction() as tx:
        _keep(tx, run, progress, None)
        run = tx.update(ended(tx.get(ImportRun, run.id), progress.counts, tx.now()))
    return run, progress.counts


def run_planned(
    crm: CRM,
    actor: Actor,
    files: Sequence[tuple[Table, InvalidFile]],
    said: Any,
    token: str,
    told: Told,
) -> list[tuple[ImportRun, Counts]]:
    """Import files with histories if that does what the plan said; raises `PlanChanged` if not.

    A transaction is of one time, and a history of many: so the plan is compared first, and then each file is imported
    as without a plan. One that is killed meanwhile goes on when it is imported without a plan.
    """
    as_planned(crm.acting(actor), [table for table, _ in files], said, token)
    brought: Brought = {}
    return [run_import(crm, actor, table, said, invalid, told, brought) for table, invalid in files]


def _through(table: Table, brought: Brought) -> str:
    """Through what a history is imported: as its records were, if those came with the same command."""
    preset = table.layout.preset
    of = preset.history.of if preset.history else None
    return brought.get((preset.source, of), "") if of is not None else ""


def _places(table: Table) -> list[tuple[str, str]]:
    """What a file brings, and whose history it is: all that is still to come of the command is undone with it."""
    preset = table.layout.preset
    if preset.only_update:
        return []
    of = preset.history.of if preset.history else None
    return [(preset.source, each) for each in (preset.object, of) if each is not None]


def _entered(
    crm: CRM, actor: Actor, table: Table, said: Any, invalid: InvalidFile, through: str
) -> tuple[ImportRun, _Progress]:
    """The import of this file that was broken off and how far it came, or a new one."""
    fresh = begun(table, said, through)
    with acting(crm, actor, fresh).transaction() as tx:
        tx.lock(LOCK)
        for run in tx.find(ImportRun, where.status == "running"):
            kept = tx.state(progress_key(run))
            if kept and (run.digest, dict(run.options)) == (table.digest, said):
                progress = _Progress.of(kept)
                if progress.size:
                    invalid.go_on(progress.invalid, progress.size)
                return run, progress
        run = tx.add(fresh)
        progress = _Progress(invalid=str(invalid.path))
        tx.set_state(progress_key(run), progress.kept())
    return run, progress


def _keep(tx: Transaction, run: ImportRun, before: _Progress, now: Any) -> None:
    """Keep how far it came, if nobody else has gone on since."""
    if not tx.set_state(progress_key(run), now, before.kept()):
        raise Overtaken(
            f"another process goes on with the import of {run.file}; wait for it: `crm imports show {run.id}`"
        )
