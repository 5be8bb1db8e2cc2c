"""Asking a report as whoever types, and printing its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from crmkit.cli.app import App
from crmkit.cli.output import bar, note, plain, show, write_json
from crmkit.storage import Progress
from crmkit_analytical.report.answer import Answer
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.definition import Report
from crmkit_analytical.words import _

__all__ = ["answer"]


def answer(app: App, report: Report, shape: str, explain: bool, given: Mapping[str, Any]) -> None:
    """Ask, and print: a table with its sentence, JSON with all that there is, CSV with the rows, a chart or a page."""
    found = ask(
        app.crm,
        report.name,
        reader=app.handle,
        telling=_telling,
        waiting=lambda: note(_("another process has the columns open; waiting for it")),
        **given,
    )
    if shape == "json":
        write_json(_document(report, found))
    else:
        show(app, found.rows, {each.name: _(each.label) for each in found.columns})
        if shape == "table":
            note(found.sentence)


def _document(report: Report, found: Answer) -> dict[str, Any]:
    """All that there is, as scripts have it."""
    explained = attrs.asdict(found.explained)
    return {
        "report": report.name,
        "question": _(report.question),
        "sentence": found.sentence,
        "is_enough": found.is_enough,
        "rows": [{each.name: row.get(each.name) for each in found.columns} for row in found.rows],
        "parameters": explained.pop("parameters"),
        "explain": plain(explained),
    }


@contextmanager
def _telling(name: str) -> Iterator[Progress]:
    with bar() as progress:
        yield progress
