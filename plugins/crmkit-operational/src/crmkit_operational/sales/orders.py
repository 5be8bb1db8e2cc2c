"""Orders: what customers bought, line by line, and what that adds up to.

A total is never kept: it is added up from the lines whenever it is read, so it cannot be wrong, whoever wrote which
line. What is kept is each line's amount, which follows from the line alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import attrs

from crmkit import (
    Money,
    Reader,
    RestrictedError,
    Transaction,
    TransactionError,
    ValueRefused,
    where,
)
from crmkit_operational.sales.kinds import Deal, OrderLine, SalesOrder

if TYPE_CHECKING:
    from crmkit import Customer, Where

__all__ = ["Item", "cancel", "convert", "lines_of", "place", "read_item", "totals_of"]


@attrs.frozen
class Item:
    """What one line is to say."""

    product: str
    quantity: Decimal
    unit_price: Money


# A comma within a number has no space behind it and three digits, as in 5,000: what follows it is no field of its own.
_GROUPED = r"-?\d{1,3}(?:,\d{3})+(?!\d)[^,]*"
_ITEM = re.compile(rf"(.*?\S)\s*,\s*({_GROUPED}|[^,]*),\s*({_GROUPED}|[^,]*)", re.ASCII | re.DOTALL)


def read_item(text: str, currency: str) -> Item:
    """A line as people write it: `PRODUCT, QUANTITY, PRICE`; a price without a currency is in the company's."""
    if match := _ITEM.fullmatch(text.strip()):
        quantity, price = (match[place].replace(",", "").strip() for place in (2, 3))
        amount, _, own = price.partition(" ")
        try:
            return Item(match[1], Decimal(quantity), Money.of(amount, own.strip() or currency))
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
) -> SalesOrder:
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
    order = SalesOrder(
        customer_id=customer_id, deal_id=deal.id if deal else None, number=number, placed_at=at
    )
    made = tx.add(_carried(tx, deal, order) if deal else order)
    tx.add_all(
        OrderLine(order_id=made.id, position=position, **attrs.asdict(item, recurse=False))
        for position, item in enumerate(items, 1)
    )
    return made


def _carried(tx: Transaction, deal: Deal, order: SalesOrder) -> SalesOrder:
    """The order with the values of those added fields that both kinds have, under one name and of one type."""
    kinds = tx.schema[Deal.__kind__].fields, tx.schema[SalesOrder.__kind__].fields
    for name in deal.added.keys() & kinds[1].keys():
        if kinds[0][name].type == kinds[1][name].type:
            order = order.set(name, deal[name])
    return order


def convert(tx: Transaction, deal: Deal, items: Sequence[Item], at: datetime) -> SalesOrder:
    """Write the order that a won deal becomes: of these items, or of the deal itself, once for its amount.

    Raises `TransactionError` if the deal has an order already, or there is nothing to make one of.
    """
    tx.lock(f"operational/deal/{deal.id}")
    for other in tx.find(SalesOrder, where.deal_id == deal.id, limit=1):
        raise TransactionError(
            f"deal {deal.id} has the order {other.id} already; `crm order add --deal` adds another one"
        )
    if not items and deal.amount is None:
        raise TransactionError(
            f"deal {deal.id} has no amount to make an order of; set one, or give the lines with --line"
        )
    whole = [] if deal.amount is None else [Item(deal.title, Decimal(1), deal.amount)]
    return place(tx, items or whole, at, deal=deal)


def cancel(tx: Transaction, order: SalesOrder) -> SalesOrder:
    """Mark an order as cancelled. Raises `TransactionError` for one that is no longer placed."""
    if order.status != "placed":
        raise TransactionError(
            f"order {order.id} is {order.status}, so it cannot be cancelled; "
            f"what came back is `crm record order edit {order.id} --set status=returned`"
        )
    return tx.update(order.evolve(status="cancelled"))


# Reading --------------------------------------------------------------------------------------------------------


def lines_of(reader: Reader, order: SalesOrder, as_of: datetime | None = None) -> list[OrderLine]:
    """The lines of an order in their order."""
    mine = where.order_id == order.id
    return list(reader.find(OrderLine, mine, order="position", as_of=as_of))


def totals_of(
    reader: Reader, orders: Iterable[SalesOrder], as_of: datetime | None = None
) -> dict[str, Money]:
    """What the lines of each order add up to, by its id.

    Those without a line are left out; of who may not see amounts, all.
    """
    ids = [each.id for each in orders]
    found: dict[str, Money] = {}
    for id, amount in _amounts(reader, where.order_id.in_(ids), as_of) if ids else ():
        if isinstance(amount, Money):  # a masked one is none
            found[id] = found[id] + amount if id in found else amount
    return found


def _amounts(reader: Reader, mine: Where, as_of: datetime | None) -> Iterator[tuple[str, object]]:
    if as_of is not None:
        for line in reader.find(OrderLine, mine, as_of=as_of):
            yield line.order_id, line.amount
        return
    with suppress(RestrictedError):
        for total in reader.totals(OrderLine, mine, by="order_id", sum="amount"):
            yield total.group[0], total.measures[0]
