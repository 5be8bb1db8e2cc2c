"""Lines follow their deal or order to another customer, so that who may not see the one does not see the other."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit import Change, Record, Transaction, where
from crmkit_operational.sales.kinds import Deal, ForecastLine, OrderLine, SalesOrder

__all__ = ["follow"]

LINES: dict[str, tuple[type[Record], type[Record], str]] = {
    Deal.__kind__: (Deal, ForecastLine, "deal_id"),
    SalesOrder.__kind__: (SalesOrder, OrderLine, "order_id"),
}


def follow(tx: Transaction, changes: Sequence[Change]) -> None:
    """The worker `sales-lines`: give the lines of what went to another customer to that customer."""
    for name, (owner, line, path) in LINES.items():
        moved = [
            each.id
            for each in changes
            if each.kind == name and each.action == "update" and "customer_id" in (each.delta or {})
        ]
        for record in tx.get_many(owner, list(dict.fromkeys(moved))):
            if record is not None:
                others = (where[path] == record.id, where.customer_id != record["customer_id"])
                found = list(tx.find(line, *others))
                tx.update_all(each.set("customer_id", record["customer_id"]) for each in found)
