"""`crm watch`: what everybody changes, a line each, as it is committed."""

from __future__ import annotations

import csv
import io
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import click

from crmkit import CrmError, Customer
from crmkit.cli.app import App
from crmkit.cli.command import define, many
from crmkit.cli.journal import ACTIONS
from crmkit.cli.output import cell, note, write_json
from crmkit.cli.width import cut, padded
from crmkit.schema import Field
from crmkit_collaborative.watching.following import Seen, windows
from crmkit_collaborative.words import _

__all__ = ["watch"]

POLL = 0.5
"""Seconds between two looks at the journal."""

WIDTHS = {"at": 16, "who": 16, "kind": 12, "title": 28}
"""The columns of a line: fixed, since nobody knows what comes next. What was changed is the rest."""
VALUE = 30
"""No value in it is wider than this."""
COLUMNS = ("position", "at", "who", "action", "kind", "id", "title", "fields")


@define(
    "watch",
    click.Option(["--customer"], metavar="ID", help="Only of this customer and what is theirs."),
    many("--kind", "kinds", "KIND", help="Only of this kind."),
    click.Option(["--after"], type=click.IntRange(0), help="Behind this position; else from now on."),
    click.Option(["--once"], is_flag=True, help="Stop at what there is; without --after, from the start."),
)  # fmt: skip
def watch(
    app: App, customer: str | None, kinds: Sequence[str], after: int | None, once: bool
) -> None:
    """Each change as anybody commits it, until Ctrl-C; with JSON, one document a line."""
    of = None if customer is None else app.handle.get(Customer, customer).id
    position = (0 if once else app.crm.storage.position()) if after is None else after
    if app.format == "csv":
        _line(_csv(COLUMNS))
    # Ctrl-C is how people end it, and no failure.
    with suppress(KeyboardInterrupt):
        while True:
            of = customer and _followed(app, customer, of)
            for window in windows(app.crm, app.handle, position, kinds or None, of):
                position = window.position
                for each in window.seen:
                    _print(app, each)
            if once:
                break
            time.sleep(POLL)
    if once:
        note(_("go on with --after {position}").format(position=position))


def _followed(app: App, customer: str, before: str | None) -> str | None:
    """The id of the customer that is watched: that of another, once they were made one."""
    [found] = app.handle.get_many(Customer, [customer])
    return before if found is None else found.id


def _print(app: App, found: Seen) -> None:
    if app.format == "table":
        _line(_aligned(app, found))
    elif app.format == "json":
        write_json(_document(found), indent=None)
    else:
        row = _document(found)
        _line(_csv([", ".join(row[name]) if name == "fields" else row[name] for name in COLUMNS]))


def _line(text: str) -> None:
    # What was stored is printed as it is: click would take escape sequences out of it.
    click.echo(text, color=True)


def _csv(values: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue()


def _fields(found: Seen) -> list[str]:
    return [] if found.change.action == "delete" else list(found.change.delta or ())


def _document(found: Seen) -> dict[str, Any]:
    change = found.change
    row: dict[str, Any] = {
        "position": change.position,
        "at": change.at.isoformat(),
        "who": change.actor.id,
        "action": change.action,
        "kind": change.kind,
        "id": change.id,
        "title": found.title,
        "fields": _fields(found),
    }
    return row | ({"changes": change.delta or {}} if change.action == "update" else {})


def _aligned(app: App, found: Seen) -> str:
    change = found.change
    kind = app.crm.schema.kinds.get(change.kind)
    cells = {
        "at": cell(app, change.at),
        "who": cell(app, change.actor.id),
        "kind": cell(app, app.label(kind) if kind else change.kind),
        "title": cell(app, found.title),
    }
    fitted = [padded(cut(cells[name], width), width) for name, width in WIDTHS.items()]
    fields = kind.fields if kind else {}
    text = "  ".join([*fitted, ", ".join(_steps(app, found, fields))])
    return cut(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text


def _steps(app: App, found: Seen, fields: Any) -> Iterator[str]:
    """What was changed, in words: the action, or each field from what to what."""
    change = found.change
    if change.action != "update":
        yield _(ACTIONS[change.action])
    for name in _fields(found):
        field = fields.get(name)
        label = cell(app, app.label(field) if field else name)
        delta: Any = (change.delta or {})[name] if change.action == "update" else None
        if delta is None:
            yield label
        else:
            before, after = (cut(_value(app, field, plain), VALUE) for plain in delta)
            yield f"{label}: {before or '-'} → {after or '-'}"


def _value(app: App, field: Field | None, plain: Any) -> str:
    """A value as people read it; its plain form, if it is masked or no value of the field any more."""
    value = plain
    if field is not None and plain is not None:
        with suppress(CrmError):
            value = field.type.load(plain)
    return cell(app, value)
