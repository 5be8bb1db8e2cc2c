"""`crm search`, `crm changes` and `crm history`."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from crmkit.changes import Change
from crmkit.cli.app import App
from crmkit.cli.command import AS_OF, define, limit, many
from crmkit.cli.language import Word, _
from crmkit.cli.output import show, write_json
from crmkit.errors import CrmError
from crmkit.records import Record
from crmkit.schema import Kind

__all__ = ["changes", "history", "search"]

POLL = 1.0
"""Seconds between two looks at the journal by `--follow`."""

AROUND = 20
"""How many characters a snippet shows on each side of what was found."""

ACTIONS = {
    str(each): each for each in (Word("insert"), Word("update"), Word("delete"), Word("redact"))
}
KINDS = many("--kind", "kinds", "KIND", help="Only of this kind.")
BEHIND = click.Option(["--after"], type=click.IntRange(0), default=0, help="Behind this position.")
FOLLOW = click.Option(["--follow"], is_flag=True, help="Go on with changes as they are made.")


@define("search", click.Argument(["text"]), KINDS, limit(20), AS_OF)
def search(app: App, text: str, kinds: Sequence[str], **options: Any) -> None:
    """Find records by their words: all must occur; a part of a Korean word will do."""
    page = app.handle.search(text, kinds or None, **options)
    rows, empty = [_hit(app, each, text) for each in page], _("nothing was found")
    is_table = app.format == "table"
    show(app, rows, columns="kind title found id" if is_table else "kind id title", empty=empty)


def _hit(app: App, found: Record, text: str) -> Mapping[str, Any]:
    kind = app.kind(found.__kind__)
    hit = {"kind": kind.name, "id": found.id, "title": kind.title_of(found)}
    if app.format == "table":
        hit |= {"kind": app.label(kind), "found": _snippet(kind, found, text)}
    return hit


def _snippet(kind: Kind, record: Record, text: str) -> str:
    """What stands around the first word, in a field other than the title."""
    word = _folded(text).split()[0]
    for field in kind.searchable:
        words = record[field.name] or ""
        whole = unicodedata.normalize("NFC", words if isinstance(words, str) else ", ".join(words))
        place = _folded(whole).find(word)
        if place >= 0 and field.name != kind.title:
            start, end = max(0, place - AROUND), place + len(word) + AROUND
            return f"{'…' * (start > 0)}{whole[start:end]}{'…' * (end < len(whole))}"
    return ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


@define("changes", BEHIND, KINDS, limit(100), FOLLOW)
def changes(app: App, after: int, kinds: Sequence[str], limit: int, follow: bool) -> None:
    """What was changed, in order; with --follow and JSON, one document a line."""
    while True:
        found = app.handle.changes(after, kinds or None, limit)
        if app.format != "json":
            rows, empty = [_row(each) for each in found], "" if follow else _("nothing was changed")
            show(app, rows, columns="position at who action kind id fields", empty=empty)
        elif not follow:
            write_json(found)
        for each in found if follow and app.format == "json" else ():
            write_json(each, indent=None)
        if not follow:
            return
        after = found[-1].position if found else after
        time.sleep(0 if len(found) == limit else POLL)


def _row(change: Change) -> dict[str, Any]:
    fields = [] if change.action == "delete" else list(change.delta or ())
    row = {name: getattr(change, name) for name in ("position", "version", "at", "kind", "id")}
    return {**row, "who": change.actor.id, "action": ACTIONS[change.action], "fields": fields}


@define("history", click.Argument(["kind"]), click.Argument(["id"]))
def history(app: App, kind: str, id: str) -> None:
    """Who changed what in one record, from what to what, and when."""
    found = app.handle.history(kind, id)
    if app.format == "json":
        write_json(found)
        return
    rows = [row for each in found for row in _steps(app, app.kind(kind), each)]
    show(app, rows, columns="version at who action field before after")


def _steps(app: App, kind: Kind, change: Change) -> Iterator[Mapping[str, Any]]:
    row: dict[str, Any] = _row(change)
    delta = (change.delta or {}) if change.action == "update" else {}
    for name in row["fields"] or [None]:
        field = kind.fields.get(name)
        before, after = (_typed(field, plain) for plain in delta.get(name, (None, None)))
        label = app.label(field) if field else name
        yield {**row, "field": label, "before": before, "after": after}


def _typed(field: Any, plain: Any) -> Any:
    """The value of a plain form; the form itself if it is masked, or no value of the field any more."""
    try:
        return plain if field is None or plain is None else field.type.load(plain)
    except CrmError:
        return plain
