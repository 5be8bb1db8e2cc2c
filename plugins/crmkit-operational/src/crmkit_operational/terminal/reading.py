"""What records keep for scripts, as people read it: codes as words, references by names, and where to look for what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

from crmkit import Customer, NotFound, Record
from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.records import KindGroup
from crmkit_operational.finding import by_id
from crmkit_operational.words import _, word

__all__ = ["DeskGroup", "RecordGroup", "called", "customers", "said", "spoken", "whole", "worded"]


# Codes ----------------------------------------------------------------------------------------------------------


def said(app: App, value: Any) -> Any:
    """A code, or several, in words for people, and as it is for scripts; what is masked stays so."""
    if app.format != "table":
        return value
    if isinstance(value, list | tuple):
        return [said(app, each) for each in value]
    return word(str(value)) if isinstance(value, str) else value


def worded(app: App, record: Record, *more: str) -> dict[str, tuple[str, Any]]:
    """The fields of a record in which only so many values can be, and `more`, in words: name -> (label, value)."""
    kind = app.kind(record.__kind__)
    chosen = [each.name for each in kind.fields.values() if getattr(each.type, "values", ())]
    return {
        name: (app.label(kind.field(name)), said(app, record[name]))
        for name in (*chosen, *more)
        if record[name] not in (None, ())
    }


def spoken(length: timedelta) -> str:
    """A duration as people read it, to the minute."""
    minutes = int(length.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return _("{days} d {hours} h").format(days=days, hours=hours)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes % 60)


# Names ----------------------------------------------------------------------------------------------------------


def called(
    app: App, record: Record, path: str, kind: type[Record], with_id: bool = False
) -> dict[str, tuple[str, Any]]:
    """What a record refers to, by its name and, where commands ask for that, its id, whole on a narrow terminal, too.

    Nothing of what may not be read, whose id stays as it is.
    """
    label = app.label(app.kind(record.__kind__).field(path))
    for id, each in by_id(app.handle, kind, [record[path]]).items():
        title = app.kind(kind.__kind__).title_of(each)
        own = (
            {path.removesuffix("_id"): (_("{label} id").format(label=label), id)} if with_id else {}
        )
        return {path: (label, title), **own}
    return {}


def whole(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A row in whose place of `name` the id of a table stands, which is not cut to fit the terminal."""
    return {"id" if key == name else key: each for key, each in row.items() if key != "id"}


def customers(app: App, records: Iterable[Record]) -> dict[str | None, Any]:
    """The names of those customers of records that may be read, by id."""
    ids = [each["customer_id"] for each in records]
    return {id: each.name for id, each in by_id(app.handle, Customer, ids).items()}


# What is not there ----------------------------------------------------------------------------------------------

LISTS = {
    "ticket": "`crm ticket list --all` has them, `crm search` finds them by their words",
    "deal": "`crm deal list` has them, `crm search` finds them by their words",
    "order": "`crm order list` has them",
    "policy": "`crm policy list` has them",
    "calendar": "`crm calendar list` has them",
    "pipeline": "`crm pipeline list` has them",
    "stage": "`crm pipeline show` has them",
    "rule": "`crm rule list` has them",
    "agent": "`crm agent list` has them",
}
"""Kind -> where a record of it is looked up."""


@contextmanager
def _pointing() -> Iterator[None]:
    """Name the command that lists the kind in an error that only says what the core says of every kind."""
    try:
        yield
    except NotFound as error:
        if error.kind in LISTS and str(error) == str(NotFound(error.kind, error.id)):
            raise NotFound(error.kind, error.id, LISTS[error.kind]) from error
        raise


class DeskGroup(Group):
    """A group of commands whose errors say where to look for what is not there."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command of it."""
        with _pointing():
            return super().invoke(ctx)


class RecordGroup(KindGroup):
    """The commands of a kind, which people read in words; as `DeskGroup`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command of it."""
        with _pointing():
            return super().invoke(ctx)

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The customer by name and id, and what is a code in words."""
        if app.format != "table":
            return {}
        is_of = "customer_id" in app.kind(record.__kind__).fields
        who = called(app, record, "customer_id", Customer, with_id=True) if is_of else {}
        return {**who, **worded(app, record)}
