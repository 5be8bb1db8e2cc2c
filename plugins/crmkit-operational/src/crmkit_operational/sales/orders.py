"""Orders: what customers bought, line by line, and what that adds up to.

A total is never kept: it is added up from the lines whenever it is read, so it cannot be wrong, whoever wrote which
line. What is kept is each line's amount, which follows from the line alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import attrs

from crmkit import Money, Reader, Transaction, TransactionError, ValueRefused, where
from crmkit_operational.sales.kinds import Deal, Order, OrderLine

if TYPE_CHECKING:
    from crmkit import Customer

__all__ = ["Item", "cancel", "lines_of", "order_of", "place", "read_item", "totals_of"]


@attrs.frozen
class Item:
    """What one line is to say."""

    product: str
    quantity: Decimal
    unit_price: Money


def read_item(text: str, currency: str) -> Item:
    """A line as people write it: `PRODUCT, QUANTITY, PRICE`; a price without a currency is in the company's."""
    parts = [each.strip() for each in text.rsplit(",", 2)]
    if len(parts) == 3 and parts[0]:
        amount, _, own = parts[2].partition(" ")
        try:
            return Item(parts[0], Decimal(parts[1]), Money.of(amount, own.strip() or currency))
        except (InvalidOperation, ValueRefused):
            pass
    raise ValueRefused(
        f"{text!r} is no line of an order; write product, quantity and price, as in 'Printer, 2, 150000'"
    )


def place(
    tx: Transaction,
    items: Sequence[Item],
    at: datetime,
    *,
    customer: Customer | None = None,
    deal: Deal | None = None,
    number: str | None = None,
) -> Order:
    """Write an order with its lines; the customer is the deal's, if none is given.

    Fields that people added to both kinds under one name are carried over from the deal. Raises `TransactionError`
    without a customer or a line, `InvalidRecords` for two currencies.
    """
    customer_id = customer.id if customer else deal.customer_id if deal else None
    if customer_id is None:
        raise TransactionError(
            "an order is somebody's; name the customer, or give the deal one first"
        )
    if not items:
        raise TransactionError(
            "an order has at least one line; give one, as in --line 'Printer, 2, 150000'"
        )
    order = Order(
        customer_id=customer_id, deal_id=deal.id if deal else None, number=number, ordered_at=at
    )
    made = tx.add(_carried(tx, deal, order) if deal else order)
    tx.add_all(
        OrderLine(order_id=made.id, position=position, **attrs.asdict(item, recurse=False))
        for position, item in enumerate(items, 1)
    )
    return made


def _carried(tx: Transaction, deal: Deal, order: Order) -> Order:
    """The order with the values of those added fields that both kinds have, under one name and of one type."""
    kinds = tx.schema[Deal.__kind__].fields, tx.schema[Order.__kind__].fields
    for name in deal.added.keys() & kinds[1].keys():
        if kinds[0][name].type == kinds[1][name].type:
            order = order.set(name, deal[name])
    return order


def order_of(deal: Deal) -> list[Item]:
    """The line that a deal itself makes: its title, once, for its amount."""
    if deal.amount is None:
        raise TransactionError(
            f"deal {deal.id} has no amount to make an order of; set one, or give the lines with --line"
        )
    return [Item(deal.title, Decimal(1), deal.amount)]


def cancel(tx: Transaction, order: Order) -> Order:
    """Mark an order as cancelled. Raises `TransactionError` for one that is no longer placed."""
    if order.status != "placed":
        raise TransactionError(
            f"order {order.id} is {order.status}, so it cannot be cancelled; "
            f"what came back is `crm record order edit {order.id} --set status=returned`"
        )
    return tx.update(order.evolve(status="cancelled"))


# Reading --------------------------------------------------------------------------------------------------------


def lines_of(reader: Reader, order: Order, as_of: datetime | None = None) -> list[OrderLine]:
    """The lines of an order in their order."""
    mine = where.order_id == order.id
    return list(reader.find(OrderLine, mine, order="position", as_of=as_of))


def totals_of(
    reader: Reader, orders: Iterable[Order], as_of: datetime | None = None
) -> dict[str, Money]:
    """What the lines of each order add up to, by its id; those without a line are left out."""
    ids = [each.id for each in orders]
    if not ids:
        return {}
    mine = where.order_id.in_(ids)
    found: dict[str, Money] = {}
    pairs: Iterable[tuple[str, Any]]
    if as_of is None:
        sums = reader.totals(OrderLine, mine, by="order_id", sum="amount")
        pairs = ((each.group[0], each.measures[0]) for each in sums)
    else:
        pairs = ((each.order_id, each.amount) for each in reader.find(OrderLine, mine, as_of=as_of))
    for id, amount in pairs:
        if amount is not None:
            found[id] = found[id] + amount if id in found else amount
    return found
