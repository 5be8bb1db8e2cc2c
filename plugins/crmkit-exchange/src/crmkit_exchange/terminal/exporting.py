"""`crm export`: everything as JSON lines, or the records of one kind as a table."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from crmkit import CrmError
from crmkit.cli.app import App
from crmkit.cli.command import define, many
from crmkit.cli.conditions import condition
from crmkit.cli.output import document, note
from crmkit_exchange.full.exporting import check_unrestricted, export_lines
from crmkit_exchange.full.lines import dumped
from crmkit_exchange.full.people import columns_of, rows_of
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
    with _target(file, "utf-8", force) as out, bar() as progress:
        count = 0
        for line in export_lines(app.crm, progress):
            out.write(line)
            count += line.startswith('{"record"')
    if file != "-":
        note(
            _("{count} records and their history are in {file}").format(
                count=f"{count:,}", file=file
            )
        )


def _export_kind(
    app: App, name: str, file: str, where: Sequence[str], columns: str | None, force: bool
) -> None:
    kind = app.kind(name)
    conditions = [condition(app, kind, each) for each in where]
    wanted = columns_of(kind, [each.strip() for each in columns.split(",")] if columns else ())
    encoding = "utf-8" if file == "-" or app.format == "json" else "utf-8-sig"
    count = 0
    with _target(file, encoding, force) as out:
        if app.format == "json":
            for record in app.handle.find(name, *conditions):
                out.write(dumped(document(kind, record)))
                count += 1
        else:
            writer = csv.writer(out, lineterminator="\r\n" if file != "-" else "\n")
            writer.writerow(wanted)
            for row in rows_of(app.handle, kind, wanted, conditions, app.timezone):
                writer.writerow(row)
                count += 1
    if file != "-":
        note(_("{count} rows are in {file}").format(count=f"{count:,}", file=file))


@contextmanager
def _target(file: str, encoding: str, force: bool) -> Iterator[IO[str]]:
    """Where to write: standard output, or a file that is there once it is whole."""
    if file == "-":
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding=encoding)  # whatever the terminal's: a pipe gets UTF-8
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(file)
    if path.exists() and not force:
        raise CrmError(f"{file} is there already; name another file, or write over it with --force")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("x", encoding=encoding, errors="surrogatepass", newline="") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(path)
    except OSError as error:
        raise CrmError(
            f"{file} cannot be written: {error.strerror}; nothing was exported"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
