"""The kinds of sales: pipelines and their stages, deals, orders, and what was forecast."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from crmkit import Customer, Money, Record, field, kind

__all__ = [
    "Deal",
    "ForecastLine",
    "LostReason",
    "OrderLine",
    "Pipeline",
    "SalesOrder",
    "Stage",
]


@kind("pipeline", title="name", unique=(("name",),))
class Pipeline(Record):
    """A way on which deals go, stage by stage."""

    name: str = field(search=True)


@kind(
    "stage",
    title="name",
    unique=(("pipeline_id", "name"),),
    indexes=(("pipeline_id", "position"),),
)
class Stage(Record):
    """A step of a pipeline.

    `probability` is the chance in percent that a deal here is won. `rot_days` is after how many days without a
    contact or change by a person a deal here rots; None is never. `required` names fields of a deal that must have
    a value here, `allowed_next` the ids of stages to which a deal may go from here; none means any.
    """

    pipeline_id: str = field(refers_to=Pipeline, on_delete="cascade", label="Pipeline")
    name: str = field(search=True)
    position: int = field()
    category: Literal["open", "won", "lost"] = field(default="open")
    probability: int = field(default=0)
    rot_days: int | None = field(default=None, label="Days to rot")
    required: tuple[str, ...] = field(default=(), label="Required fields")
    allowed_next: tuple[str, ...] = field(default=(), label="Allowed next")


@kind("lost_reason", label="Lost reason", title="name", unique=(("name",),))
class LostReason(Record):
    """Why deals are lost; with `wants_note`, in words of its own each time."""

    name: str = field(search=True)
    wants_note: bool = field(default=False, label="Wants a note")


@kind(
    "deal",
    timeline="opened_at",
    title="title",
    indexes=(
        ("stage_id", "expected_close"),
        ("stage_id", "amount"),
        ("owner", "stage_id", "expected_close"),
        ("closed_at", "next_step_on"),
    ),
)
class Deal(Record):
    """A sale that may come about.

    `closed_at` is when it was won or lost, filled when it enters such a stage and empty as long as it is open;
    `opened_at` is when it began.
    """

    customer_id: str | None = field(default=None, refers_to=Customer, label="Customer")
    title: str = field(search=True)
    stage_id: str = field(refers_to=Stage, label="Stage")
    amount: Money | None = field(default=None)
    owner: str | None = field(default=None)
    opened_at: datetime = field(label="Opened at")
    expected_close: date | None = field(default=None, label="Expected close")
    closed_at: datetime | None = field(default=None, label="Closed at")
    next_step: str = field(default="", search=True, label="Next step")
    next_step_on: date | None = field(default=None, label="Next step on")
    lost_reason_id: str | None = field(default=None, refers_to=LostReason, label="Lost reason")
    lost_note: str = field(default="", search=True, label="Why it was lost")


@kind(
    "order",
    timeline="placed_at",
    title="number",
    unique=(("number",),),
    indexes=(("status", "placed_at"),),
)
class SalesOrder(Record):
    """What a customer bought; its lines say what and for how much.

    The total is not kept but added up from the lines whenever it is read (`crmkit_operational.sales.orders`): a line
    may be written by itself, and a hook cannot change the order along with it, so a kept total could be wrong.
    """

    customer_id: str | None = field(default=None, refers_to=Customer, label="Customer")
    deal_id: str | None = field(default=None, refers_to=Deal, on_delete="clear", label="Deal")
    number: str | None = field(default=None, search=True)
    placed_at: datetime = field(label="Placed at")
    status: Literal["placed", "fulfilled", "cancelled", "returned"] = field(default="placed")


@kind("order_line", label="Order line", title="product", indexes=(("order_id", "position"),))
class OrderLine(Record):
    """One product of an order: `amount` is quantity x unit price, rounded half up to the minor unit.

    It is filled on every write; all lines of an order are in one currency. `customer_id` is the order's, so that
    who may not see the customer sees no line.
    """

    order_id: str = field(refers_to=SalesOrder, on_delete="cascade", label="Order")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    position: int = field(default=1)
    product: str = field(search=True)
    quantity: Decimal = field(default=Decimal(1), scale=3)
    unit_price: Money = field(label="Unit price")
    amount: Money | None = field(default=None)


@kind(
    "forecast_line",
    label="Forecast line",
    title="taken_at",
    indexes=(("taken_at", "deal_id"), ("expected_close", "taken_at")),
)
class ForecastLine(Record):
    """What one open deal added to a forecast that was kept: a snapshot is all lines of one `taken_at`.

    Kept deal by deal, so that what an actor may not see is in no forecast of theirs, and each can be recomputed.
    """

    taken_at: datetime = field(label="Taken at")
    deal_id: str = field(refers_to=Deal, on_delete="cascade", label="Deal")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    pipeline_id: str = field(refers_to=Pipeline, on_delete="cascade", label="Pipeline")
    amount: Money = field()
    probability: int = field()
    expected_close: date | None = field(default=None, label="Expected close")
