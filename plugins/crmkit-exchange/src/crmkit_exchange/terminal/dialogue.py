"""Running an import for a person at the terminal: questions, progress, rows, and the three ways to do it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import click

from crmkit import CrmError
from crmkit.cli.app import App
from crmkit.cli.output import note
from crmkit_exchange.dates import AmbiguousDates
from crmkit_exchange.full.restoring import restore
from crmkit_exchange.importing.files import FullExport, Ready, RefusedFile, made_ready
from crmkit_exchange.importing.invalid import InvalidFile
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.order import in_order
from crmkit_exchange.importing.outcome import Counts, Outcome
from crmkit_exchange.importing.planning import Told, applied, planned
from crmkit_exchange.importing.running import Brought, run_import, run_planned
from crmkit_exchange.terminal.bar import bar
from crmkit_exchange.terminal.results import Result, print_results
from crmkit_exchange.terminal.rows import Printer, Report
from crmkit_exchange.words import _

__all__ = ["Dialogue"]


@attrs.frozen
class Dialogue:
    """One `crm import`: `invalid` and `report` are where its files go, None for the usual place and none."""

    app: App
    options: ImportOptions
    invalid: Path | None = None
    report: Path | None = None

    # The three ways --------------------------------------------------------------------------------------------

    def run(self, paths: Sequence[Path]) -> bool:
        """Import files, those first that others refer to; whether all could be."""
        with self._ready(paths) as ready, Report(self.report) as report:
            tables = in_order([each for each in ready if isinstance(each, Table)])
            brought: Brought = {}
            found = {id(each): self._imported(each, report, brought) for each in tables}
            found |= {
                id(each): self._restored(each) for each in ready if isinstance(each, FullExport)
            }
            results = [found.get(id(each)) or _refused(each) for each in ready]
        return print_results(self.app, results)

    def plan(self, paths: Sequence[Path]) -> bool:
        """Print what would become of each row; whether all files could be read."""
        with self._ready(paths) as ready, Report(self.report, planned=True) as report:
            tables = _plannable(ready)
            printer = Printer(self.app, len(tables))
            with _progress(tables) as shown:
                told = _each(printer, report, shown)
                plan = planned(self.app.handle, tables, self.options.said(), told)
            results = [
                _result(each, counts) for each, counts in zip(tables, plan.counts, strict=True)
            ]
            results += [_refused(each) for each in ready if isinstance(each, RefusedFile)]
        if self.app.format == "json":
            printer.end(plan.token, results)
            return not any(each.error for each in results)
        fine = print_results(self.app, results)
        if fine:
            said = _(
                "nothing was written; the same command with --apply {token} in place of --plan does it"
            )
            note(said.format(token=plan.token))
        return fine

    def apply(self, paths: Sequence[Path], token: str) -> bool:
        """Import files if that does just what the plan said."""
        with ExitStack() as stack:
            ready = stack.enter_context(self._ready(paths))
            report = stack.enter_context(Report(self.report))
            tables = _plannable(ready)
            steps = any(each.layout.preset.history for each in tables)
            files = (InvalidFile(self._invalid(each)) for each in tables)
            invalid = dict(zip(map(id, tables), map(stack.enter_context, files), strict=True))

            def keep(table: Table, outcomes: Sequence[Outcome]) -> None:
                invalid[id(table)].add(outcomes)

            actor, said = self.app.handle.actor, self.options.said()
            try:
                with _progress(tables) as shown:
                    if steps:
                        pairs = [(each, invalid[id(each)]) for each in tables]
                        told = _each(report, shown)
                        done = run_planned(self.app.crm, actor, pairs, said, token, told)
                    else:
                        told = _each(keep, report, shown)
                        done = applied(self.app.crm, actor, tables, said, token, told)
            except BaseException:
                for each in () if steps else invalid.values():
                    each.forget()
                raise
            results = [
                _result(table, counts, run=run, invalid=invalid[id(table)].written)
                for table, (run, counts) in zip(tables, done, strict=True)
            ]
            results += [_refused(each) for each in ready if isinstance(each, RefusedFile)]
        return print_results(self.app, results)

    # One file --------------------------------------------------------------------------------------------------

    def _imported(self, table: Table, report: Told, brought: Brought) -> Result:
        with InvalidFile(self._invalid(table)) as invalid, _progress([table]) as shown:
            actor, said = self.app.handle.actor, self.options.said()
            told = _each(report, shown)
            run, counts = run_import(self.app.crm, actor, table, said, invalid, told, brought)
        return _result(table, counts, run=run, invalid=invalid.written)

    def _restored(self, export: FullExport) -> Result:
        try:
            with bar() as progress:
                found = restore(self.app.crm, export.path, progress)
        except CrmError as error:
            return Result(name=export.name, error=error)
        counts = Counts(read=found.records, created=found.records)
        return Result(name=export.name, counts=counts, preset="crmkit", restored=True)

    def _invalid(self, table: Table) -> Path:
        return self.invalid or Path(f"{Path(table.name).stem or 'rows'}.invalid.csv")

    @contextmanager
    def _ready(self, paths: Sequence[Path]) -> Iterator[list[Ready]]:
        with made_ready(self.app.crm, self.app.handle, paths, self.options, _ask) as ready:
            yield ready


def _ask(error: AmbiguousDates) -> str | None:
    """Ask for the order of a column's dates where somebody is there to answer."""
    if not sys.stdin.isatty():
        return None
    note(str(error))
    orders = click.Choice([str(each) for each in error.orders])
    answer: str = click.prompt(_("The order of day, month and year"), type=orders, err=True)
    return answer


def _plannable(ready: Sequence[Ready]) -> list[Table]:
    for each in ready:
        if isinstance(each, FullExport):
            raise CrmError(
                f"{each.name} is a full export, which is restored as it is or not at all; leave out --plan and --apply"
            )
    return in_order([each for each in ready if isinstance(each, Table)])


def _result(table: Table, counts: Counts, **more: object) -> Result:
    preset = table.layout.preset
    kind = table.layout.kind.name if preset.kind is not None else ""
    return Result(
        name=table.name,
        counts=counts,
        preset=preset.name,
        kind=kind,
        left=table.left,
        **more,  # type: ignore[arg-type]
    )


def _refused(file: Ready) -> Result:
    """A file that is refused: its rows are counted as skipped."""
    assert isinstance(file, RefusedFile)
    counts = Counts(read=file.total, skipped=file.total)
    return Result(name=file.name, counts=counts, error=file.error)


def _each(*told: Told) -> Told:
    """Tells several of what became of some rows."""

    def tell(table: Table, outcomes: Sequence[Outcome]) -> None:
        for each in told:
            each(table, outcomes)

    return tell


@contextmanager
def _progress(tables: Sequence[Table]) -> Iterator[Told]:
    """A bar over the rows of these files, on a terminal."""
    total, done = sum(each.total for each in tables), 0
    with bar(total) as progress:

        def tell(table: Table, outcomes: Sequence[Outcome]) -> None:
            nonlocal done
            done += len(outcomes)
            progress(min(done, total), total)

        yield tell
