"""`crm record KIND`: the commands that every kind has, made from its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from crmkit.cli.app import App, app_of
from crmkit.cli.command import AS_OF, SKIP, Group, adopt, limit, many
from crmkit.cli.conditions import assignments, condition, parsed, settable
from crmkit.cli.language import _
from crmkit.cli.output import note, show, values
from crmkit.cli.width import escaped
from crmkit.codec import accept
from crmkit.errors import QueryError, ValueRefused
from crmkit.records import Record
from crmkit.schema import BASE, Field, Kind

__all__ = ["ID", "SET", "KindGroup", "field_options", "new_record", "record", "show_page"]

ID = click.Argument(["id"])
SET = many("--set", "sets", "FIELD=VALUE", help="Set a field.")
WHERE = many("--where", "where", "CONDITION", help="Only those that fulfil it, as in 'owner=kim'.")
ORDER = many("--order", "order", "FIELD", help="Sort by; -FIELD goes down.")
UNSET = many("--unset", "unset", "FIELD", help="Take a field's value away.")
SEEN = click.Option(["--version"], type=click.IntRange(1), help="The version that you saw.")
YES = click.Option(["--yes"], is_flag=True, help="Do not ask.")
TOTALS = (
    many("--by", "by", "FIELD", help="Group by."),
    many("--sum", "sum", "FIELD", help="Add up."),
    many("--min", "min", "FIELD", help="The smallest."),
    many("--max", "max", "FIELD", help="The largest."),
)
_TAKEN = {"--db", "--config", "--format", "--actor", "--lang", "--debug", "--help", "--set"}


class FieldValue(click.ParamType[Any]):
    """The value of a field, in the form in which people write it."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.name = {"items": "text", "reference": "id"}.get(field.type.name, field.type.name)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The choices, if there are only so many."""
        choices = getattr(self.field.type, "values", ())
        return f"[{'|'.join(map(str, choices))}]" if choices else None

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in the field's type; one member of a list."""
        try:
            is_member = self.field.type.name == "items"
            return value if is_member else parsed(app_of(ctx), self.field, value)
        except ValueRefused as error:
            self.fail(str(error), param, ctx)


def _flag(field: Field) -> str:
    name = field.name.removesuffix("_id")
    name = name.removesuffix("s") if field.type.name == "items" else name
    return f"--{name.replace('_', '-')}"


def field_options(kind: Kind) -> list[click.Parameter]:
    """An option for each field; a list's is given once for each member, a timeline's is called `--at` too."""
    options: dict[str, click.Parameter] = {}
    for field in kind.fields.values():
        flags = [_flag(field)]
        if field.name == kind.timeline and "at" not in kind.fields:
            flags.append("--at")
        if not {*flags} & ({*options} | _TAKEN):
            value, several = FieldValue(field), field.type.name == "items"
            names = [f"_{field.column}", *flags]
            options[flags[0]] = click.Option(names, type=value, multiple=several, help=field.label)
    return list(options.values())


def new_record(app: App, kind: Kind, given: Mapping[str, Any], sets: Sequence[str]) -> Record:
    """The record that options and `--set` describe, not yet written."""
    by_option = {name: given.get(f"_{field.column}") for name, field in kind.fields.items()}
    found = {name: value for name, value in by_option.items() if value not in (None, ())}
    found |= assignments(app, kind, sets)
    if kind.opaque:
        accept(kind, [])
    for field in kind.fields.values():
        if field.required and field.default is attrs.NOTHING and field.name not in found:
            raise click.UsageError(f"Missing option {_flag(field)!r}.")
    made = kind.cls(**{name: value for name, value in found.items() if "." not in name})
    for name in found.keys() & {each.name for each in kind.fields.values() if each.added}:
        made = made.set(name, found[name])
    return made


def labels_of(app: App, kind: Kind) -> dict[str, str]:
    """The headings of a kind's columns, by field."""
    times = {"created_at": _("Created"), "updated_at": _("Updated")}
    named = {name: app.label(field) for name, field in kind.fields.items()}
    return {"id": _("Id"), "version": _("Version"), **named, **times}


def show_page(
    app: App,
    kind: Kind,
    records: Sequence[Record],
    empty: str = "",
    heading: str = "",
    less: str = "",
) -> None:
    """Print records of one kind: in a table the fields, `less` one, in which any of them has a value."""
    rows, labels = [values(kind, each) for each in records], labels_of(app, kind)
    if app.format == "table":
        filled = {name for row in rows for name, value in row.items() if value not in ("", ())}
        shown = filled - {*BASE[1:], less}
        labels = {name: label for name, label in labels.items() if name in shown}
    show(app, rows, labels, empty=empty, heading=heading)


class KindGroup(Group):
    """The commands of one kind; `adding` is the command that an empty list suggests."""

    def __init__(self, kind: Kind, help: str, adding: str = "") -> None:
        super().__init__(kind.name, help=help)
        self.kind, self.adding = kind.name, adding or f"record {kind.name} add"
        params: dict[Any, tuple[click.Parameter, ...]] = {
            self.add: (*field_options(kind), SET),
            self.list: (WHERE, ORDER, limit(50), SKIP, AS_OF),
            self.show: (ID, AS_OF),
            self.edit: (ID, SET, UNSET, SEEN),
            self.delete: (ID, YES),
            self.count: (WHERE, AS_OF),
            self.totals: (WHERE, *TOTALS, AS_OF),
        }
        for run, each in params.items():
            self.define(run.__name__, *each)(run)

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """What is printed of one record besides its fields: name -> (heading, value)."""
        return {}

    def written(self, id: str, app: App) -> None:
        """Print a record that was just written, as far as its writer may see it."""
        [found] = app.handle.get_many(self.kind, [id])
        if found is None:
            show(app, [{"id": id}], columns="id", one=True)
        else:
            self.print(found, app, self.details(found, app))

    def print(self, record: Record, app: App, more: Mapping[str, tuple[str, Any]]) -> None:
        """Print a record and its details."""
        kind = app.kind(self.kind)
        labels = labels_of(app, kind) | {name: each[0] for name, each in more.items()}
        row = values(kind, record) | {name: each[1] for name, each in more.items()}
        show(app, [row], labels, one=True)

    def add(self, app: App, sets: Sequence[str], **given: Any) -> None:
        """Add a record, and print it."""
        made = new_record(app, app.kind(self.kind), given, sets)
        with app.handle.transaction() as tx:
            tx.add(made)
        self.written(made.id, app)

    def list(self, app: App, where: Sequence[str], **options: Any) -> None:
        """The records that fulfil all conditions."""
        kind = app.kind(self.kind)
        page = app.handle.page(kind.name, *self._conditions(app, where), **options)
        none = _("no {kind} records yet; add one with `crm {command}`")
        empty = _("no {kind} record fulfils this") if where or options["after"] else none
        empty = empty.format(kind=app.label(kind), command=self.adding)
        show_page(app, kind, page.records, empty)
        if page.after:
            note(_("there are more: --after {cursor}").format(cursor=page.after))

    def _conditions(self, app: App, where: Sequence[str]) -> Any:
        return [condition(app, app.kind(self.kind), each) for each in where]

    def show(self, app: App, id: str, as_of: Any) -> None:
        """Print a record."""
        found = app.handle.get(self.kind, id, as_of=as_of)
        self.print(found, app, self.details(found, app))

    def edit(
        self, app: App, id: str, sets: Sequence[str], unset: Sequence[str], version: int | None
    ) -> None:
        """Change fields of a record, and print it; with --version, merged by field with what others did since."""
        kind = app.kind(self.kind)
        changes = {name: _without(settable(kind, name)) for name in unset}
        changes |= assignments(app, kind, sets)
        with app.handle.transaction() as tx:
            found = tx.at_version(kind.name, id, version) if version else tx.get(kind.name, id)
            accept(kind, [])
            for name, value in changes.items():
                found = found.set(name, value)
            tx.update(found)
        self.written(found.id, app)

    def delete(self, app: App, id: str, yes: bool) -> None:
        """Delete a record, after asking."""
        found = app.handle.get(self.kind, id)
        title = escaped(app.kind(self.kind).title_of(found))
        if not yes:
            click.confirm(_("Delete {title}?").format(title=title), abort=True, err=True)
        with app.handle.transaction() as tx:
            tx.delete(found)
        note(_("deleted {title}").format(title=title))

    def count(self, app: App, where: Sequence[str], as_of: Any) -> None:
        """How many records fulfil all conditions."""
        found = app.handle.count(self.kind, *self._conditions(app, where), as_of=as_of)
        show(app, [{"count": found}], columns="count", one=True)

    def totals(self, app: App, where: Sequence[str], by: Sequence[str], **asked: Any) -> None:
        """Counts, sums, smallest and largest values, in groups."""
        found = app.handle.totals(self.kind, *self._conditions(app, where), by=by, **asked)
        headings = {"sum": _("sum of {}"), "min": _("smallest {}"), "max": _("largest {}")}
        measures = {f"{m}_{path}": headings[m].format(path) for m in headings for path in asked[m]}
        labels = {**{path: path for path in by}, "count": _("Count"), **measures}
        rows = [(*each.group, each.count, *each.measures) for each in found]
        show(app, [dict(zip(labels, row, strict=True)) for row in rows], labels)


def _without(field: Field) -> Any:
    """What a field holds that was given nothing."""
    return field.default if field.required and field.default is not attrs.NOTHING else None


class Kinds(Group):
    """A group of commands for each kind that there is."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The commands of the kind of that name."""
        try:
            kind = app_of(ctx).kind(cmd_name)
        except QueryError as error:
            ctx.fail(str(error))
        return adopt(KindGroup(kind, app_of(ctx).label(kind)))

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The kinds and their labels."""
        return [(kind.name, app_of(ctx).label(kind)) for kind in app_of(ctx).crm.schema]


def _kinds(context: click.Context) -> None:
    app = app_of(context)
    if context.invoked_subcommand is None:
        kinds = app.crm.schema
        rows = [{"kind": k.name, "label": app.label(k), "plugin": k.owner} for k in kinds]
        show(app, rows, columns="kind label plugin")


record = Kinds(
    "record",
    help="Records of any kind; without a kind, the kinds that there are.",
    callback=click.pass_context(_kinds),
    invoke_without_command=True,
)
