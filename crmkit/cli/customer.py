"""`crm customer`: the commands of a kind, and what a customer has besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import as_of, limited
from crmkit.cli.language import _
from crmkit.cli.output import cell, document, note, show, show_one, values, write_table
from crmkit.cli.records import (
    KindGroup,
    Of,
    field_options,
    labels_of,
    new_record,
    setting,
    show_page,
    show_record,
    show_written,
)
from crmkit.manifest import Section
from crmkit.query import where
from crmkit.records import Customer, Identity, Interaction, Record
from crmkit.schema import Kind, read_kind

__all__ = ["customer"]

LATEST = 5
"""How many interactions a profile shows."""


def _details(app: App, found: Record) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    identities = app.handle.find(Identity, where.customer_id == found.id)
    own = app.kind("identity")
    listed = [each.value if app.format == "table" else document(own, each) for each in identities]
    return {"identities": listed}, {"identities": _("Addresses")}


_OF = Of(read_kind(Customer), "customer add", _details)
customer = KindGroup(_OF, "Customers and what belongs to them.")


@customer.command("add", params=field_options(_OF.kind))
@click.option("--email", multiple=True, help="An e-mail address.")
@click.option("--phone", multiple=True, help="A telephone number.")
@setting
@click.pass_obj
def add(
    app: App, /, email: Sequence[str], phone: Sequence[str], sets: Sequence[str], **given: Any
) -> None:
    """Add a customer, and print it."""
    kind = app.kind("customer")
    made = new_record(app, kind, given, sets)
    addresses = [("email", each) for each in email] + [("phone", each) for each in phone]
    with app.handle.transaction() as tx:
        tx.add(made)
        tx.add_all(Identity(customer_id=made.id, channel=c, value=v) for c, v in addresses)
    show_written(app, kind, made.id, _details)


@customer.command("show")
@click.argument("id")
@as_of
@click.pass_obj
def show_profile(app: App, id: str, as_of: Any) -> None:
    """The profile of a customer: fields, addresses, the latest contacts, and what plugins say."""
    kind = app.kind("customer")
    found = app.handle.get(Customer, id, as_of=as_of)
    mine = where.customer_id == found.id
    related = {
        "identity": list(app.handle.find(Identity, mine, as_of=as_of)),
        "interaction": app.handle.page(
            Interaction, mine, order="-happened_at", limit=LATEST, as_of=as_of
        ).records,
    }
    sections = app.handle.profile(found.id, as_of=as_of)
    if app.format != "table":
        _show_document(app, kind, found, related, sections)
        return
    show_record(app, kind, found)
    for name, records in related.items():
        own = app.kind(name)
        show_page(app, own, records, without="customer_id", heading=app.label(own))
    for section in sections:
        write_table([*_lines(app, section)], app.language(section.label))


def _show_document(
    app: App,
    kind: Kind,
    found: Record,
    related: Mapping[str, Sequence[Record]],
    sections: Sequence[Section],
) -> None:
    listed = {
        name: [document(app.kind(name), each) for each in records]
        for name, records in related.items()
    }
    told = [
        {"name": each.name, "label": each.label, "rows": [_plain(app, row) for row in each.rows]}
        for each in sections
    ]
    row = {
        **values(kind, found),
        "identities": listed["identity"],
        "interactions": listed["interaction"],
        "sections": told,
    }
    show_one(app, row, labels_of(app, kind))


def _plain(app: App, row: Any) -> Any:
    if isinstance(row, Record):
        return {"kind": row.__kind__, **document(app.kind(row.__kind__), row)}
    return {"label": row[0], "value": row[1]}


def _lines(app: App, section: Section) -> list[tuple[str, str]]:
    return [
        (app.label(kind := app.kind(row.__kind__)), cell(app, kind.title_of(row)))
        if isinstance(row, Record)
        else (app.language(row[0]), cell(app, row[1]))
        for row in section.rows
    ]


@customer.command("timeline")
@click.argument("id")
@click.option("--kind", "kinds", multiple=True, help="Only of this kind.")
@limited(50)
@click.option("--after", metavar="CURSOR", help="Go on behind a page.")
@as_of
@click.pass_obj
def timeline(app: App, /, id: str, kinds: Sequence[str], **options: Any) -> None:
    """What happened with a customer, newest first."""
    found = app.handle.get(Customer, id, as_of=options["as_of"])
    page = app.handle.timeline(found.id, kinds or None, **options)
    rows = [_event(app, each) for each in page]
    labels = {"at": _("At"), "label": _("Kind"), "title": _("Title"), "id": "id"}
    show(app, rows, labels, empty=_("nothing has happened with this customer yet"))
    if page.after:
        note(_("there are more: --after {cursor}").format(cursor=page.after))


def _event(app: App, found: Record) -> Mapping[str, Any]:
    kind = app.kind(found.__kind__)
    if app.format == "json":
        return {"kind": kind.name, **document(kind, found)}
    at = found[str(kind.timeline)]
    return {"at": at, "label": app.label(kind), "title": kind.title_of(found), "id": found.id}


@customer.command("merge")
@click.argument("keep")
@click.argument("lose")
@click.pass_obj
def merge(app: App, keep: str, lose: str) -> None:
    """Make two customers one: what belongs to LOSE belongs to KEEP, and its id leads there."""
    with app.handle.transaction() as tx:
        kept = tx.merge(tx.get(Customer, keep), tx.get(Customer, lose))
    show_written(app, app.kind("customer"), kept.id, _details)
