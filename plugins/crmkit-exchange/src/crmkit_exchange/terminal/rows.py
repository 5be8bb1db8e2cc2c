"""Rows of an import as they are printed or written down: what becomes of each, and why."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import click

from crmkit import CrmError
from crmkit.cli.app import App
from crmkit.cli.language import Word
from crmkit.cli.output import cell, plain, write_table
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.outcome import Outcome
from crmkit_exchange.terminal.results import Result, entry
from crmkit_exchange.words import _

__all__ = ["Printer", "Report", "row_of"]

COLUMNS = ("file", "row", "line", "action", "record", "title", "reason", "changes", "notes")
ACTIONS = {
    str(each): each for each in (Word("create"), Word("update"), Word("skip"), Word("invalid"))
}


def row_of(table: Table, outcome: Outcome, *, planned: bool = False) -> dict[str, Any]:
    """What became of one row, as a row of a table; a record that is only `planned` has no id yet."""
    twins = ", ".join(f"{name} ({id})" for id, name in outcome.twins)
    return {
        "file": table.name,
        "row": outcome.draft.item.number,
        "line": outcome.draft.item.line,
        "action": outcome.action,
        "record": None if planned and outcome.action == "create" else outcome.record,
        "title": outcome.title,
        "reason": outcome.reason,
        "changes": {name: list(pair) for name, pair in outcome.changes.items()},
        "notes": [*outcome.notes, *([f"shares an address with {twins}"] if twins else [])],
    }


class Printer:
    """Prints the rows of a plan as they come: a table in pieces, CSV, or the rows of one JSON document."""

    def __init__(self, app: App, files: int = 1) -> None:
        self.app = app
        self._names_files = files > 1
        self._count = 0
        self._file: str | None = None
        if app.format == "json":
            click.echo('{"rows": ', nl=False)

    def __call__(self, table: Table, outcomes: Sequence[Outcome]) -> None:
        """Print what becomes of some rows."""
        rows = [row_of(table, each, planned=True) for each in outcomes]
        if self.app.format == "json":
            for row in rows:
                click.echo(
                    f"{',' if self._count else '['}\n{json.dumps(plain(row), ensure_ascii=False)}",
                    nl=False,
                )
                self._count += 1
        else:
            if self._names_files and self._file != table.name:
                click.echo(f"{'' if self._file is None else chr(10)}{table.name}")
            self._print_table(rows, table.name != self._file)
            self._file = table.name

    def _print_table(self, rows: Sequence[Mapping[str, Any]], begins: bool) -> None:
        names = {"row": _("Row"), "action": _("Action"), "title": _("Name"), "why": _("Why")}
        lines = [
            [
                cell(self.app, value)
                for value in (row["row"], ACTIONS[row["action"]], row["title"], _why(row))
            ]
            for row in rows
        ]
        heading = [list(names.values())] if begins else []
        write_table([*heading, *lines], names=list(names))

    def end(self, token: str, results: Sequence[Result]) -> None:
        """Close the JSON document: the plan's token, and the sums of each file."""
        files = json.dumps([entry(each) for each in results], ensure_ascii=False)
        rows = "\n]" if self._count else "[]"
        click.echo(f'{rows},\n"files": {files},\n"plan": {json.dumps(token)}\n}}')


def _why(row: Mapping[str, Any]) -> str:
    reason = f"{row['reason']}" if row["reason"] else ""
    return "; ".join(filter(None, [reason, *row["notes"]]))


class Report:
    """A CSV file with what became of each row, or is to; there is none without a path."""

    def __init__(self, path: Path | None, *, planned: bool = False) -> None:
        self.path = path
        self._planned = planned
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self.path is not None:
            try:
                self._file = self.path.open(
                    "w", encoding="utf-8-sig", errors="backslashreplace", newline=""
                )
            except OSError as error:
                raise CrmError(
                    f"{self.path} cannot be written: {error.strerror}; name another with --report"
                ) from error
            csv.writer(self._file).writerow(COLUMNS)
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def __call__(self, table: Table, outcomes: Sequence[Outcome]) -> None:
        """Write what became of some rows."""
        if self._file is not None:
            rows = (row_of(table, each, planned=self._planned) for each in outcomes)
            csv.writer(self._file).writerows([_cell(row[name]) for name in COLUMNS] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return (
        (json.dumps(value, ensure_ascii=False) if value else "")
        if isinstance(value, dict)
        else value
    )
