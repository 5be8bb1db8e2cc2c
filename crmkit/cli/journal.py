"""`crm search`, `crm changes` and `crm history`."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import as_of, limited
from crmkit.cli.language import _
from crmkit.cli.output import show, write_json
from crmkit.errors import CrmError
from crmkit.records import Record
from crmkit.schema import Kind
from crmkit.storage import Change

__all__ = ["changes", "history", "search"]

POLL = 1.0
"""Seconds between two looks at the journal by `--follow`."""

AROUND = 20
"""How many characters a snippet shows on each side of what was found."""

kinds = click.option("--kind", "kinds", multiple=True, help="Only of this kind.")


@click.command("search")
@click.argument("text")
@kinds
@limited(20)
@as_of
@click.pass_obj
def search(app: App, text: str, kinds: Sequence[str], limit: int, as_of: Any) -> None:
    """Find records with all of these words; a part of a Korean word will do."""
    page = app.handle.search(text, kinds or None, limit=limit, as_of=as_of)
    rows = [
        {"kind": each.__kind__, "id": each.id, "title": app.kind(each.__kind__).title_of(each)}
        for each in page
    ]
    if app.format == "table":
        for row, each in zip(rows, page, strict=True):
            kind = app.kind(each.__kind__)
            row |= {"label": app.label(kind), "found": _snippet(kind, each, text)}
        labels = {"label": _("Kind"), "title": _("Title"), "found": _("Found"), "id": "id"}
    else:
        labels = dict.fromkeys(("kind", "id", "title"), "")
    show(app, rows, labels, empty=_("nothing was found"))


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


@click.command("changes")
@click.option("--after", type=click.IntRange(0), default=0, help="Those behind this position.")
@kinds
@limited(100)
@click.option("--follow", is_flag=True, help="Go on with changes as they are made.")
@click.pass_obj
def changes(app: App, after: int, kinds: Sequence[str], limit: int, follow: bool) -> None:
    """What was changed, in order; with --follow and JSON, one document a line."""
    while True:
        found = app.handle.changes(after, kinds or None, limit)
        if follow and app.format == "json":
            for each in found:
                write_json(each, indent=None)
        elif found or not follow:
            _show_changes(app, found)
        if not follow:
            return
        after = found[-1].position if found else after
        if len(found) < limit:
            time.sleep(POLL)


def _show_changes(app: App, found: Sequence[Change]) -> None:
    if app.format == "json":
        write_json(found)
        return
    labels = {
        "position": _("Position"),
        "at": _("At"),
        "actor": _("Who"),
        "action": _("Action"),
        "kind": _("Kind"),
        "id": "id",
        "fields": _("Fields"),
    }
    rows = [
        {name: getattr(each, name, None) for name in labels}
        | {"actor": each.actor.id, "action": _(each.action), "fields": _changed(each)}
        for each in found
    ]
    show(app, rows, labels, empty=_("nothing was changed"))


def _changed(change: Change) -> list[str]:
    return [] if change.action == "delete" else list(change.delta or ())


@click.command("history")
@click.argument("kind")
@click.argument("id")
@click.pass_obj
def history(app: App, kind: str, id: str) -> None:
    """Who changed what in one record, from what to what, and when."""
    found = app.handle.history(kind, id)
    if app.format == "json":
        write_json(found)
        return
    labels = {
        "version": _("Version"),
        "at": _("At"),
        "actor": _("Who"),
        "action": _("Action"),
        "field": _("Field"),
        "before": _("Before"),
        "after": _("After"),
    }
    show(app, [row for each in found for row in _steps(app, app.kind(kind), each)], labels)


def _steps(app: App, kind: Kind, change: Change) -> Iterator[Mapping[str, Any]]:
    who = {"version": change.version, "at": change.at, "actor": change.actor.id}
    who["action"] = _(change.action)
    delta = dict.fromkeys(_changed(change), (None, None))
    if change.action == "update":
        delta = dict(change.delta or {})
    for name, (before, after) in delta.items():
        field = kind.fields.get(name)
        label = app.label(field) if field else name
        yield {
            **who,
            "field": label,
            "before": _typed(field, before),
            "after": _typed(field, after),
        }
    if not delta:
        yield who


def _typed(field: Any, plain: Any) -> Any:
    """The value of a plain form; the form itself if it is masked, or no value of the field any more."""
    try:
        return plain if field is None or plain is None else field.type.load(plain)
    except CrmError:
        return plain
