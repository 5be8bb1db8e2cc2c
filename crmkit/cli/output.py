"""Answers as tables, JSON or CSV."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs
import click

from crmkit.changes import Change
from crmkit.cli.app import App
from crmkit.cli.language import Word, _, titled
from crmkit.cli.width import cut, escaped, padded, width
from crmkit.records import Record
from crmkit.restrictions import MASKED
from crmkit.schema import BASE, Kind
from crmkit.storage import Progress
from crmkit.values import Money, format_time

__all__ = ["bar", "document", "note", "plain", "show", "values", "write_json", "write_table"]

Row = Mapping[str, Any]
NARROWEST = 6
"""No column of a table is made narrower than this to fit the terminal."""
WIDEST = 60
"""No column of a table is wider than this, into a pipe neither."""
ONE = ("", "text")
"""The columns of a table that shows one record: its values are whole."""
WHOLE = frozenset({"id", "text", "fix", "written"})
"""But these: ids, and what half of is no answer; an id is not cut to fit the terminal either."""


def values(kind: Kind, record: Record) -> dict[str, Any]:
    """The fields of a record that have a value, by name."""
    found = {**record.extra} | {name: record[name] for name in (*BASE, *kind.fields)}
    return {name: value for name, value in found.items() if value is not None}


def document(kind: Kind, record: Record) -> dict[str, Any]:
    """A record in plain form, as it goes into JSON."""
    return {name: plain(value) for name, value in values(kind, record).items()}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Change):
        return plain(attrs.asdict(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if value is MASKED else value


def cell(app: App, value: Any) -> str:
    """A value as people read it, on one line."""
    if value is None or value is True or value is False:
        return "" if value is None else _("yes") if value else _("no")
    if isinstance(value, datetime):
        return app.local(value)
    if isinstance(value, Word):
        return _(value)
    if isinstance(value, list | tuple):
        return ", ".join(cell(app, each) for each in value)
    if isinstance(value, Mapping):
        return escaped(json.dumps(plain(value), ensure_ascii=False))
    return escaped(str(value if isinstance(value, Money) else plain(value)))


def _csv_cell(value: Any) -> Any:
    if isinstance(value, Money):
        return f"{value.amount:f} {value.currency}"
    found = plain(value)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, dict | list) else found


def write_json(value: Any, indent: int | None = 2) -> None:
    """One JSON document."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    _write(f"{json.dumps(plain(value), ensure_ascii=not is_unicode, indent=indent)}\n")


def _write(text: str) -> None:
    # What was stored is printed as it is: click would take escape sequences out of it.
    click.echo(text, nl=False, color=True)


def _write_csv(rows: Sequence[Row], names: Sequence[str]) -> None:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_csv_cell(row.get(name)) for name in names] for row in rows)
    _write(buffer.getvalue())


def write_table(
    rows: Sequence[Sequence[str]], heading: str = "", names: Sequence[str] = ()
) -> None:
    """Aligned columns, which may have `names`; on a terminal, cut to its width."""
    if not rows:
        return
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    names = names or [""] * len(widths)
    widths = [w if n in WHOLE else min(w, WIDEST) for n, w in zip(names, widths, strict=True)]
    if sys.stdout.isatty():
        import shutil

        room = shutil.get_terminal_size().columns - 2 * (len(widths) - 1)
        places = [place for place, name in enumerate(names) if name != "id"]
        while sum(widths) > room and any(widths[place] > NARROWEST for place in places):
            widths[max(places, key=widths.__getitem__)] -= 1
    lines = ["  ".join(map(_fitted, row, widths)).rstrip() for row in rows]
    _write("".join(f"{line}\n" for line in ([f"\n{heading}"] if heading else []) + lines))


def _fitted(text: str, columns: int) -> str:
    return padded(cut(text, columns), columns)


def note(text: str) -> None:
    """Say something that is no part of the answer."""
    click.echo(escaped(text), err=True)


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar on a terminal, which is told how much of how much is done."""
    with click.progressbar(length=1, file=sys.stderr, hidden=not sys.stderr.isatty()) as found:

        def tell(done: int, total: int) -> None:
            found.length = total
            found.update(done - found.pos)

        yield tell


def show(
    app: App,
    rows: Sequence[Row],
    columns: str | Mapping[str, str],
    *,
    one: bool = False,
    empty: str = "",
    heading: str = "",
) -> None:
    """Print rows, or the only one: in a table their `columns` (names, or name -> heading), in JSON all that is there.

    A table of one row has a line for each of its values.
    """
    if isinstance(columns, str):
        columns = {name: _(titled(name)) for name in columns.split()}
    if app.format == "json":
        write_json(rows[0] if one else rows)
    elif app.format == "csv":
        _write_csv(rows, list(columns))
    elif one:
        present = [name for name in columns if rows[0].get(name) not in (None, "", [], ())]
        write_table([[columns[name], cell(app, rows[0][name])] for name in present], names=ONE)
    elif rows:
        table = [[cell(app, row.get(name)) for name in columns] for row in rows]
        write_table([list(columns.values()), *table], heading, list(columns))
    if not rows and empty:
        note(empty)
