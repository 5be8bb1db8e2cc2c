"""`crm order`: what customers bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from crmkit import Customer, Record, where
from crmkit.cli.app import App
from crmkit.cli.command import AS_OF, SKIP, Time, limit, many
from crmkit.cli.output import document, note, show
from crmkit.cli.records import ID
from crmkit.declarations import read_kind
from crmkit_operational.finding import by_id, customer_called
from crmkit_operational.sales.kinds import Deal, SalesOrder
from crmkit_operational.sales.orders import cancel, lines_of, place, read_item, totals_of
from crmkit_operational.terminal.reading import RecordGroup, called, said
from crmkit_operational.words import _

__all__ = ["order"]


class OrderGroup(RecordGroup):
    """The commands of orders, which are printed with their total."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The total, and in JSON the lines."""
        assert isinstance(record, SalesOrder)
        total = totals_of(app.handle, [record]).get(record.id)
        kinds = app.kind("order"), app.kind("order_line")
        found: dict[str, tuple[str, Any]] = {}
        if app.format == "table":
            found |= super().details(record, app)
            found |= called(app, record, "deal_id", Deal, with_id=True)
        found["total"] = _("Total"), total
        if app.format != "table":
            lines = [document(kinds[1], each) for each in lines_of(app.handle, record)]
            found["lines"] = "", lines
        return found

    def written(self, id: str, app: App) -> None:
        """Print an order and its lines."""
        super().written(id, app)
        [found] = app.handle.get_many(SalesOrder, [id])
        if found is not None and app.format == "table":
            kind = app.kind("order_line")
            rows = [document(kind, each) | _money(each) for each in lines_of(app.handle, found)]
            names = ("product", "quantity", "unit_price", "amount")
            columns = {name: app.label(kind.field(name)) for name in names}
            show(app, rows, columns, heading=app.label(kind))


def _money(line: Any) -> dict[str, Any]:
    return {"unit_price": line.unit_price, "amount": line.amount}


order = OrderGroup(read_kind(SalesOrder), help="What customers bought.", adding="order add")
for _name in ("add", "list", "show"):
    del order.commands[_name]


@order.define(
    "add",
    click.Argument(["customer"]),
    many("--line", "lines", "'PRODUCT, QUANTITY, PRICE'", help="What was bought."),
    click.Option(["--deal"], metavar="ID", help="The deal that it comes from."),
    click.Option(["--number"], help="What you call it."),
    click.Option(["--at"], type=Time(), help="When it was; else now."),
)
def add(
    app: App,
    customer: str,
    lines: Sequence[str],
    deal: str | None,
    number: str | None,
    at: datetime | None,
) -> None:
    """Add an order of a customer, and print it."""
    currency = app.config.company.currency
    items = [read_item(each, currency) for each in lines]
    with app.handle.transaction() as tx:
        made = place(
            tx,
            items,
            at or app.crm.clock(),
            customer=customer_called(tx, customer),
            deal=tx.get(Deal, deal) if deal else None,
            number=number,
        )
    order.written(made.id, app)


@order.define("show", ID)
def show_order(app: App, id: str) -> None:
    """Print an order with its lines and its total, which is added up from them."""
    order.written(app.handle.get(SalesOrder, id).id, app)


@order.define("cancel", ID)
def cancel_order(app: App, id: str) -> None:
    """Cancel an order that is not fulfilled yet, and print it."""
    with app.handle.transaction() as tx:
        found = cancel(tx, tx.get(SalesOrder, id))
    order.written(found.id, app)


STATUS = click.Choice(["placed", "fulfilled", "cancelled", "returned"])


@order.define(
    "list",
    click.Option(["--customer"], help="Only this customer's, by id or by the very name."),
    click.Option(["--status"], type=STATUS, help="Only those."),
    limit(50),
    SKIP,
    AS_OF,
)
def list_orders(
    app: App, customer: str | None, status: str | None, as_of: datetime | None, **options: Any
) -> None:
    """The orders, newest first, each with its total."""
    reader = app.handle
    conditions = [] if status is None else [where.status == status]
    if customer is not None:
        conditions.append(where.customer_id == customer_called(reader, customer).id)
    page = reader.page(SalesOrder, *conditions, order="-placed_at", as_of=as_of, **options)
    totals = totals_of(reader, page, as_of)
    customers = by_id(reader, Customer, [each.customer_id for each in page], as_of)
    rows = [_row(app, each, totals.get(each.id), customers) for each in page]
    columns = {"placed_at": _("Placed at"), "number": _("Number"), "customer": _("Customer")}
    columns |= {"status": _("Status"), "total": _("Total"), "id": _("Id")}
    show(app, rows, columns, empty=_("there are no such orders; `crm order add` adds one"))
    if page.after:
        note(_("there are more: --after {cursor}").format(cursor=page.after))


def _row(app: App, each: SalesOrder, total: Any, customers: Mapping[str, Any]) -> dict[str, Any]:
    customer = customers.get(each.customer_id or "")
    own = {"customer": customer and customer.name, "total": total}
    if app.format == "json":
        return {**document(app.kind("order"), each), **own}
    own["status"] = said(app, each.status)
    return {name: each[name] for name in ("placed_at", "number", "id")} | own
