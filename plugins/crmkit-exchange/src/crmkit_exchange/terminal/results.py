"""The sums of an import: one line a file, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from crmkit import CrmError
from crmkit.cli.app import App
from crmkit.cli.output import note, show
from crmkit_exchange.importing.outcome import Counts
from crmkit_exchange.kinds import ImportRun
from crmkit_exchange.words import _

__all__ = ["Result", "entry", "print_results", "sums"]

SUMS = ("read", "created", "updated", "skipped", "invalid")


@attrs.frozen(kw_only=True)
class Result:
    """What became of one file: its sums, what it was taken for, and the sentence that refuses it, if one does.

    `left` are the columns that no field takes. `invalid` is the file of invalid rows. `restored`: it was a full export.
    """

    name: str
    counts: Counts = attrs.field(factory=Counts)
    preset: str = ""
    kind: str = ""
    left: tuple[str, ...] = ()
    run: ImportRun | None = None
    invalid: Path | None = None
    error: CrmError | None = None
    restored: bool = False


def sums() -> dict[str, str]:
    """The columns of a table of sums, and their headings."""
    return {
        "file": _("File"),
        "read": _("Read"),
        "created": _("Created"),
        "updated": _("Updated"),
        "skipped": _("Skipped"),
        "invalid": _("Invalid"),
    }


def entry(result: Result) -> dict[str, Any]:
    """A result as JSON has it."""
    return {
        "file": result.name,
        **{name: getattr(result.counts, name) for name in SUMS},
        "duplicates": result.counts.duplicates,
        "noted": result.counts.noted,
        "preset": result.preset or None,
        "kind": result.kind or None,
        "not_mapped": list(result.left),
        "import": result.run.id if result.run else None,
        "invalid_file": str(result.invalid) if result.invalid else None,
        "error": str(result.error) if result.error else None,
    }


def print_results(app: App, results: Sequence[Result]) -> bool:
    """Print the sums of the files, and what there is to say of each; whether every file could be imported."""
    show(app, [entry(each) for each in results], sums())
    for each in results:
        _explain(each)
    undo = [
        each.run.id for each in results if each.run and each.counts.created + each.counts.updated
    ]
    if undo:
        note(_("to take it back: {command}").format(command=f"crm imports undo {' '.join(undo)}"))
    return not any(each.error for each in results)


def _explain(result: Result) -> None:
    """Say what is not in the sums, on standard error."""
    counts, name = result.counts, result.name
    if result.error:
        sentence = str(result.error)
        note(f"Error: {sentence if sentence.startswith(name) else f'{name}: {sentence}'}")
    if result.left and not result.error and counts.read > counts.skipped:
        columns = ", ".join(result.left[:8]) + (", …" if len(result.left) > 8 else "")
        note(
            _("{file}: kept as details, for no field takes them: {columns}").format(
                file=name, columns=columns
            )
        )
    if counts.noted:
        note(
            _("{file}: in {count} rows something was not taken; --report FILE says what").format(
                file=name, count=counts.noted
            )
        )
    if counts.duplicates:
        said = _(
            "{file}: {count} share an address with another customer, and may be the same; --report FILE names them"
        )
        note(said.format(file=name, count=counts.duplicates))
    if result.invalid:
        said = _("{file}: {count} invalid rows, with the reasons, are in {invalid}")
        note(said.format(file=name, count=counts.invalid, invalid=result.invalid))
