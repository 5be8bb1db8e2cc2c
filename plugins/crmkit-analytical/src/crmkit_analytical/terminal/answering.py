"""Asking a report as whoever types, and printing its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import click

from crmkit.cli.app import App
from crmkit.cli.output import bar, note, show, write_json
from crmkit.storage import Progress
from crmkit_analytical.drawing.values import plain, plain_rows
from crmkit_analytical.report.answer import Answer
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.definition import Report
from crmkit_analytical.words import _

__all__ = ["answer", "document"]


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
    match shape:
        case "json":
            write_json(document(report, found))
        case "csv":
            show(app, plain_rows(found), {each.name: each.label for each in found.columns})
        case "svg":
            _draw(app, report, found)
        case "html":
            _write_page(app, report, found)
        case _:
            _write_table(app, report, found, explain)


def document(report: Report, found: Answer) -> dict[str, Any]:
    """All that there is, as scripts have it with `--format json`: plain values only."""
    explained = attrs.asdict(found.explained, recurse=True)
    return {
        "report": report.name,
        "question": _(report.question),
        "sentence": found.sentence,
        "is_enough": found.is_enough,
        "rows": plain_rows(found),
        "parameters": plain(explained.pop("parameters")),
        "explain": plain(explained),
    }


def _write_table(app: App, report: Report, found: Answer, explain: bool) -> None:
    from crmkit_analytical.drawing.explained import explained_lines
    from crmkit_analytical.drawing.terminal import write_answer

    write_answer(found, timezone=app.timezone)
    click.echo(f"\n{found.sentence}" if found.rows else found.sentence)
    if explain:
        click.echo()
        for line in explained_lines(found.explained, name=report.name, timezone=app.timezone):
            click.echo(line)


def _draw(app: App, report: Report, found: Answer) -> None:
    from crmkit_analytical.drawing.chart import svg

    title, language = _(report.question), app.language.code
    click.echo(svg(found, title=title, language=language, timezone=app.timezone), nl=False)


def _write_page(app: App, report: Report, found: Answer) -> None:
    from crmkit_analytical.drawing.page import Part, html

    part = Part(report.name, _(report.question), found)
    page = html(
        [part],
        title=report.name,
        language=app.language.code,
        timezone=app.timezone,
        asked=app.crm.now(),
    )
    click.echo(page, nl=False)


@contextmanager
def _telling(name: str) -> Iterator[Progress]:
    with bar() as progress:
        yield progress
