"""`crm export`: everything as JSON lines, or the records of one kind as a table."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import click

from crmkit import CrmError, Kind
from crmkit.cli.app import App
from crmkit.cli.command import define, many
from crmkit.cli.conditions import condition
from crmkit.cli.output import document, note, plain
from crmkit.query import Condition
from crmkit.storage import Progress
from crmkit_exchange.full.exporting import check_unrestricted, export_lines
from crmkit_exchange.full.lines import dumped
from crmkit_exchange.full.people import columns_of, rows_of, values_of
from crmkit_exchange.terminal.bar import bar
from crmkit_exchange.words import _

__all__ = ["export"]

WORDS = click.Argument(["words"], nargs=-1, metavar="[KIND] [FILE]")
ALL = click.Option(
    ["--all", "everything"], is_flag=True, help="Everything, with history, as JSON lines."
)
WHERE = many("--where", "where", "CONDITION", help="Only those that fulfil it, as in 'owner=kim'.")
COLUMNS = click.Option(["--columns"], metavar="FIELD,...", help="Only these columns.")
FORCE = click.Option(["--force"], is_flag=True, help="Write over a file that is there.")


@define("export", WORDS, ALL, WHERE, COLUMNS, FORCE)
def export(
    app: App,
    words: Sequence[str],
    everything: bool,
    where: Sequence[str],
    columns: str | None,
    force: bool,
) -> None:
    """Write records to a file: all of them with their history (--all FILE), or those of one kind as CSV (KIND FILE)."""
    if everything:
        if len(words) > 1 or where or columns:
            raise click.UsageError(_("--all takes a file and nothing else; a full export is whole"))
        _export_all(app, words[0] if words else "-", force)
    elif 1 <= len(words) <= 2:
        _export_kind(app, words[0], words[1] if len(words) == 2 else "-", where, columns, force)
    else:
        raise click.UsageError(
            _("say what to export: a kind, as in `crm export customer people.csv`, or --all FILE")
        )


def _export_all(app: App, file: str, force: bool) -> None:
    check_unrestricted(app.crm, app.handle.actor)
    count = 0
    with _target(file, "utf-8", force) as out, _bar(file) as progress:
        for line in export_lines(app.crm, progress):
            out.write(line)
            count += line.startswith('{"record"')
    if file != "-":
        said = _("{count} records and their history are in {file}")
        note(said.format(count=f"{count:,}", file=file))


def _export_kind(
    app: App, name: str, file: str, where: Sequence[str], columns: str | None, force: bool
) -> None:
    kind = app.kind(name)
    conditions = [condition(app, kind, each) for each in where]
    named = [each.strip() for each in (columns or "").split(",") if each.strip()]
    wanted, total = columns_of(kind, named), app.handle.count(name, *conditions)
    if app.format != "json":
        heading, encoding = 1, "utf-8" if file == "-" else "utf-8-sig"  # Excel shows Korean then
        ends = "\n" if file == "-" else "\r\n"
        lines = _table(wanted, rows_of(app.handle, kind, wanted, conditions, app.timezone), ends)
    else:
        heading, encoding = 0, "utf-8"
        lines = map(dumped, _documents(app, kind, wanted if named else (), conditions))
    count = 0
    with _target(file, encoding, force) as out, _bar(file) as told:
        for count, line in enumerate(lines, 1 - heading):
            out.write(line)
            if count % 500 == 0:
                told(min(count, total), total)
    if file != "-":
        note(_("{count} rows are in {file}").format(count=f"{count:,}", file=file))


def _documents(
    app: App, kind: Kind, columns: Sequence[str], conditions: Sequence[Condition]
) -> Iterator[dict[str, Any]]:
    """Each record in plain form: all of it, or what it has in these columns."""
    if not columns:
        yield from (document(kind, each) for each in app.handle.find(kind.name, *conditions))
    for values in values_of(app.handle, kind, columns, conditions) if columns else ():
        yield {name: plain(value) for name, value in values.items() if value is not None}


def _table(heading: Sequence[str], rows: Iterable[Sequence[Any]], ends: str) -> Iterator[str]:
    """The lines of a CSV file."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator=ends)
    for row in chain([heading], rows):
        writer.writerow(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _bar(file: str) -> AbstractContextManager[Progress]:
    """A progress bar, unless the answer itself goes to the same terminal."""
    return bar(shown=file != "-" or not sys.stdout.isatty())


@contextmanager
def _target(file: str, encoding: str, force: bool) -> Iterator[IO[str]]:
    """Where to write: standard output, or a file that is there once it is whole."""
    try:
        with _stdout(encoding) if file == "-" else _file(Path(file), encoding, force) as out:
            yield out
    except (CrmError, BrokenPipeError):
        raise
    except OSError as error:
        named = "standard output" if file == "-" else file
        raise CrmError(
            f"{named} cannot be written: {error.strerror}; the export is not whole, make room or name another file"
        ) from error


@contextmanager
def _stdout(encoding: str) -> Iterator[IO[str]]:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding)  # whatever the terminal's: a pipe gets UTF-8
    yield sys.stdout
    sys.stdout.flush()


@contextmanager
def _file(path: Path, encoding: str, force: bool) -> Iterator[IO[str]]:
    how: Any = {"encoding": encoding, "newline": ""}
    if path.is_dir():
        raise CrmError(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():  # a pipe or a device: written into, never replaced
        with path.open("w", **how) as opened:
            yield opened
        return
    if path.exists() and not force:
        raise CrmError(f"{path} is there already; name another file, or write over it with --force")
    whole = path.resolve()  # a link stays one
    draft = whole.with_name(f".crm-export-{os.getpid()}")
    try:
        with draft.open("x", **how) as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(whole)
    finally:
        draft.unlink(missing_ok=True)
