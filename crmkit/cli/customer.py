"""`crm customer` and `crm interaction`: the commands of a kind, and what these two have besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import AS_OF, SKIP, limit, many
from crmkit.cli.language import _
from crmkit.cli.output import ONE, cell, document, note, show, values, write_table
from crmkit.cli.records import ID, SET, KindGroup, field_options, new_record, show_page
from crmkit.declarations import read_kind
from crmkit.kinds import Customer, Identity, Interaction
from crmkit.manifest import Section
from crmkit.query import where
from crmkit.records import Record

__all__ = ["customer", "interaction"]

LATEST = 5
"""How many interactions a profile shows."""

EMAIL = many("--email", "email", "ADDRESS", help="An e-mail address.")
PHONE = many("--phone", "phone", "NUMBER", help="A telephone number.")
KINDS = many("--kind", "kinds", "KIND", help="Only of this kind.")


class CustomerGroup(KindGroup):
    """The commands of customers, who are printed with their addresses."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The addresses."""
        kind, is_table = app.kind("identity"), app.format == "table"
        found = app.handle.find(Identity, where.customer_id == record.id)
        listed = [each.value if is_table else document(kind, each) for each in found]
        return {"identities": (_("Addresses"), listed)}


customer = CustomerGroup(
    read_kind(Customer), help="Customers and what belongs to them.", adding="customer add"
)
interaction = KindGroup(
    read_kind(Interaction), help="Contacts with customers.", adding="interaction log"
)
del interaction.commands["add"]


@customer.define("add", *field_options(read_kind(Customer)), EMAIL, PHONE, SET)
def add(
    app: App, email: Sequence[str], phone: Sequence[str], sets: Sequence[str], **given: Any
) -> None:
    """Add a customer, and print it."""
    made = new_record(app, app.kind("customer"), given, sets)
    addresses = [("email", each) for each in email] + [("phone", each) for each in phone]
    with app.handle.transaction() as tx:
        tx.add(made)
        tx.add_all(Identity(customer_id=made.id, channel=c, value=v) for c, v in addresses)
    customer.written(made.id, app)


@interaction.define("log", *field_options(read_kind(Interaction)), SET)
def log(app: App, sets: Sequence[str], **given: Any) -> None:
    """Log a contact, which happened now unless --at says when, and print it."""
    given["_happened_at"] = given["_happened_at"] or app.crm.clock()
    interaction.add(app, sets, **given)


@customer.define("show", ID, AS_OF)
def show_profile(app: App, id: str, as_of: Any) -> None:
    """The profile of a customer: fields, addresses, the latest contacts, and what plugins say."""
    found = app.handle.get(Customer, id, as_of=as_of)
    mine = where.customer_id == found.id
    latest: Any = {"order": "-happened_at", "limit": LATEST, "as_of": as_of}
    related: dict[str, list[Any]] = {
        "identity": list(app.handle.find(Identity, mine, as_of=as_of)),
        "interaction": list(app.handle.find(Interaction, mine, **latest)),
    }
    sections = app.handle.profile(found.id, as_of=as_of)
    kind = app.kind("customer")
    if app.format == "table":
        customer.print(found, app, {})
        for name, records in related.items():
            own = app.kind(name)
            show_page(app, own, records, heading=app.label(own), less="customer_id")
        for section in sections:
            lines = [_line(app, row) for row in section.rows]
            write_table(lines, app.language(section.label), ONE)
        return
    row: dict[str, Any] = values(kind, found)
    columns = dict.fromkeys(row, "")
    row["identities"], row["interactions"] = (
        [document(app.kind(name), each) for each in related[name]] for name in related
    )
    row["sections"] = [_section(app, each) for each in sections]
    show(app, [row], columns, one=True)


def _section(app: App, section: Section) -> Mapping[str, Any]:
    rows = [
        {"kind": row.__kind__, **document(app.kind(row.__kind__), row)}
        if isinstance(row, Record)
        else {"label": row[0], "value": row[1]}
        for row in section.rows
    ]
    return {"name": section.name, "label": section.label, "rows": rows}


def _line(app: App, row: Any) -> tuple[str, str]:
    if isinstance(row, Record):
        kind = app.kind(row.__kind__)
        return app.label(kind), cell(app, kind.title_of(row))
    return cell(app, app.language(row[0])), cell(app, row[1])


@customer.define("timeline", ID, KINDS, limit(50), SKIP, AS_OF)
def timeline(app: App, id: str, kinds: Sequence[str], **options: Any) -> None:
    """What happened with a customer, newest first."""
    found = app.handle.get(Customer, id, as_of=options["as_of"])
    page = app.handle.timeline(found.id, kinds or None, **options)
    rows = [_event(app, each) for each in page]
    empty = _("nothing has happened with this customer yet")
    show(app, rows, columns="at kind title id", empty=empty)
    if page.after:
        note(_("there are more: --after {cursor}").format(cursor=page.after))


def _event(app: App, found: Record) -> Mapping[str, Any]:
    kind = app.kind(found.__kind__)
    if app.format == "json":
        return {"kind": kind.name, **document(kind, found)}
    named = app.label(kind) if app.format == "table" else kind.name
    at = found[str(kind.timeline)]
    return {"at": at, "kind": named, "title": kind.title_of(found), "id": found.id}


@customer.define("merge", click.Argument(["keep"]), click.Argument(["lose"]))
def merge(app: App, keep: str, lose: str) -> None:
    """Make two customers one: what belongs to LOSE belongs to KEEP, and its id leads there."""
    with app.handle.transaction() as tx:
        kept = tx.merge(tx.get(Customer, keep), tx.get(Customer, lose))
    customer.written(kept.id, app)
