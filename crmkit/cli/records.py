"""`crm record KIND`: the commands that every kind has, made from its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import click

from crmkit.cli.app import App, app_of
from crmkit.cli.command import F, Group, adopt, as_of, limited
from crmkit.cli.conditions import assignments, condition, parsed, settable
from crmkit.cli.language import _
from crmkit.cli.output import note, show, show_one, values
from crmkit.cli.width import escaped
from crmkit.codec import accept
from crmkit.errors import QueryError, ValueRefused
from crmkit.records import Record
from crmkit.schema import BASE, Field, Kind

__all__ = [
    "KindGroup",
    "Of",
    "labels_of",
    "new_record",
    "record",
    "show_page",
    "show_record",
    "show_written",
]

Details = Callable[[App, Record], tuple[Mapping[str, Any], Mapping[str, str]]]
"""What is printed of one record besides its fields: values, and their headings."""

_TAKEN = {"--db", "--config", "--format", "--actor", "--lang", "--debug", "--help", "--set"}
where = click.option("--where", multiple=True, metavar="CONDITION", help="As in 'owner=kim'.")
setting = click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="Set a field.")


class FieldValue(click.ParamType[Any]):
    """The value of a field, in the form in which people write it."""

    def __init__(self, field: Field) -> None:
        self.field = field
        choices = getattr(field.type, "values", ())
        self.name = f"[{'|'.join(map(str, choices))}]" if choices else field.type.name

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in the field's type."""
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
            value, many = FieldValue(field), field.type.name == "items"
            names = [f"_{field.column}", *flags]
            options[flags[0]] = click.Option(names, type=value, multiple=many, help=field.label)
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
    for name in found:
        made = made.set(name, found[name])
    return made


def labels_of(app: App, kind: Kind) -> dict[str, str]:
    """The headings of a kind's columns, by field."""
    base = {"id": "id", "version": _("Version")}
    times = {"created_at": _("Created"), "updated_at": _("Updated")}
    return {**base, **{name: app.label(f) for name, f in kind.fields.items()}, **times}


def show_page(
    app: App,
    kind: Kind,
    records: Sequence[Record],
    *,
    without: str = "",
    empty: str = "",
    heading: str = "",
) -> None:
    """Print records of one kind: in a table the fields in which any of them has a value."""
    rows, labels = [values(kind, each) for each in records], labels_of(app, kind)
    if app.format == "table":
        hidden = {*BASE[1:], without} | {
            name for name in labels if all(row.get(name) in (None, "", ()) for row in rows)
        }
        labels = {name: label for name, label in labels.items() if name not in hidden}
    show(app, rows, labels, empty=empty, heading=heading)


def no_details(app: App, record: Record) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Nothing besides the fields."""
    return {}, {}


def show_record(app: App, kind: Kind, record: Record, details: Details = no_details) -> None:
    """Print a record."""
    row, labels = details(app, record)
    show_one(app, {**values(kind, record), **row}, {**labels_of(app, kind), **labels})


def show_written(app: App, kind: Kind, id: str, details: Details = no_details) -> None:
    """Print a record that was just written, as far as its writer may see it."""
    [found] = app.handle.get_many(kind.name, [id])
    if found is None:
        show_one(app, {"id": id}, {"id": "id"})
    else:
        show_record(app, kind, found, details)


@attrs.frozen
class Of:
    """What the commands of a kind are made from: how adding is called, and what is printed of one record."""

    kind: Kind
    add: str = "record {} add"
    details: Details = no_details


class KindGroup(Group):
    """The commands of one kind."""

    def __init__(self, of: Of, summary: str, **options: Any) -> None:
        super().__init__(of.kind.name, help=summary, **options)
        for make in (_add, _list, _show, _edit, _delete, _count, _totals):
            self.add_command(make(of))


def _add(of: Of) -> click.Command:
    @click.command("add", params=field_options(of.kind))
    @setting
    @click.pass_obj
    def add(app: App, /, sets: Sequence[str], **given: Any) -> None:
        """Add a record, and print it."""
        kind = app.kind(of.kind.name)
        made = new_record(app, kind, given, sets)
        with app.handle.transaction() as tx:
            tx.add(made)
        show_written(app, kind, made.id, of.details)

    return add


def _list(of: Of) -> click.Command:
    @click.command("list")
    @where
    @click.option("--order", multiple=True, metavar="FIELD", help="Sort by; -FIELD goes down.")
    @limited(50)
    @click.option("--after", metavar="CURSOR", help="Go on behind a page.")
    @as_of
    @click.pass_obj
    def list_(app: App, /, where: Sequence[str], order: Sequence[str], **options: Any) -> None:
        """The records that fulfil all conditions."""
        kind = app.kind(of.kind.name)
        conditions = [condition(app, kind, each) for each in where]
        page = app.handle.page(kind.name, *conditions, order=order, **options)
        none = _("no {kind} records yet; add one with `crm {command}`")
        empty = _("no {kind} record fulfils this") if where or options["after"] else none
        command = of.add.format(kind.name)
        show_page(
            app, kind, page.records, empty=empty.format(kind=app.label(kind), command=command)
        )
        if page.after:
            note(_("there are more: --after {cursor}").format(cursor=page.after))

    return list_


def _show(of: Of) -> click.Command:
    @click.command("show")
    @click.argument("id")
    @as_of
    @click.pass_obj
    def show(app: App, /, id: str, as_of: Any) -> None:
        """Print a record."""
        kind = app.kind(of.kind.name)
        found = app.handle.get(kind.name, id, as_of=as_of)
        show_record(app, kind, found, of.details)

    return show


def _edit(of: Of) -> click.Command:
    @click.command("edit")
    @click.argument("id")
    @setting
    @click.option("--unset", multiple=True, metavar="FIELD", help="Take a field's value away.")
    @click.pass_obj
    def edit(app: App, /, id: str, sets: Sequence[str], unset: Sequence[str]) -> None:
        """Change fields of a record, and print it."""
        kind = app.kind(of.kind.name)
        changes = {name: _without(settable(kind, name)) for name in unset}
        changes |= assignments(app, kind, sets)
        with app.handle.transaction() as tx:
            found = tx.get(kind.name, id)
            accept(kind, [found])
            for name, value in changes.items():
                found = found.set(name, value)
            tx.update(found)
        show_written(app, kind, found.id, of.details)

    return edit


def _without(field: Field) -> Any:
    """What a field holds that was given nothing."""
    return field.default if field.required and field.default is not attrs.NOTHING else None


def _delete(of: Of) -> click.Command:
    @click.command("delete")
    @click.argument("id")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_obj
    def delete(app: App, /, id: str, yes: bool) -> None:
        """Delete a record, after asking."""
        kind = app.kind(of.kind.name)
        found = app.handle.get(kind.name, id)
        title = escaped(kind.title_of(found))
        if not yes:
            click.confirm(_("Delete {title}?").format(title=title), abort=True, err=True)
        with app.handle.transaction() as tx:
            tx.delete(found)
        note(_("deleted {title}").format(title=title))

    return delete


def _count(of: Of) -> click.Command:
    @click.command("count")
    @where
    @as_of
    @click.pass_obj
    def count(app: App, /, where: Sequence[str], as_of: Any) -> None:
        """How many records fulfil all conditions."""
        kind = app.kind(of.kind.name)
        conditions = [condition(app, kind, each) for each in where]
        found = app.handle.count(kind.name, *conditions, as_of=as_of)
        show_one(app, {"count": found}, {"count": _("Count")})

    return count


def _totals(of: Of) -> click.Command:
    def each(name: str, text: str) -> Callable[[F], F]:
        return click.option(f"--{name}", multiple=True, metavar="FIELD", help=text)

    @click.command("totals")
    @where
    @each("by", "Group by.")
    @each("sum", "Add up.")
    @each("min", "The smallest.")
    @each("max", "The largest.")
    @as_of
    @click.pass_obj
    def totals(app: App, /, where: Sequence[str], by: Sequence[str], **asked: Any) -> None:
        """Counts, sums, smallest and largest values, in groups."""
        kind = app.kind(of.kind.name)
        conditions = [condition(app, kind, each) for each in where]
        found = app.handle.totals(kind.name, *conditions, by=by, **asked)
        headings = {"sum": _("sum of {}"), "min": _("smallest {}"), "max": _("largest {}")}
        measures = {f"{m}_{path}": headings[m].format(path) for m in headings for path in asked[m]}
        labels = {**{path: path for path in by}, "count": _("Count"), **measures}
        rows = [(*each.group, each.count, *each.measures) for each in found]
        show(app, [dict(zip(labels, row, strict=True)) for row in rows], labels)

    return totals


class Kinds(Group):
    """A group of commands for each kind that there is."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The commands of the kind of that name."""
        try:
            kind = app_of(ctx).kind(cmd_name)
        except QueryError as error:
            ctx.fail(str(error))
        return adopt(KindGroup(Of(kind), app_of(ctx).label(kind)))

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The kinds and their labels."""
        return [(kind.name, app_of(ctx).label(kind)) for kind in app_of(ctx).crm.schema]


@click.group(cls=Kinds, invoke_without_command=True)
@click.pass_context
def record(context: click.Context) -> None:
    """Records of any kind; without a kind, the kinds that there are."""
    app = app_of(context)
    if context.invoked_subcommand is None:
        rows = [
            {"kind": each.name, "label": app.label(each), "plugin": each.owner}
            for each in app.crm.schema
        ]
        show(app, rows, {"kind": _("Kind"), "label": _("Label"), "plugin": _("Plugin")})
