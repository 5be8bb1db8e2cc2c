"""A pipeline, customers and deals to try sales on."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
from crmkit_operational.sales.kinds import Deal, LostReason, Pipeline, Stage

from crmkit import CRM, Customer, Money, Transaction

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
"""What the fixture `clock` shows at first."""


@attrs.frozen
class Company:
    """The ids of what there is; `stages` by name."""

    pipeline: Pipeline
    stages: dict[str, Stage]
    reasons: dict[str, LostReason]

    def deal(self, stage: str = "lead", **fields: object) -> Deal:
        """A deal, not yet written."""
        values: dict[str, object] = {"title": "프린터", "opened_at": START, **fields}
        return Deal(stage_id=self.stages[stage].id, **values)  # type: ignore[arg-type]


def make_company(crm: CRM, rot_days: int | None = 7) -> Company:
    """Lead 10, offer 50 (needs an amount), won, lost, in one pipeline; the reasons price and other."""
    with crm.transaction() as tx:
        pipeline = tx.add(Pipeline(name="sales"))
        rows = [
            ("lead", "open", 10),
            ("offer", "open", 50),
            ("won", "won", 100),
            ("lost", "lost", 0),
        ]
        stages = {
            name: tx.add(
                Stage(
                    pipeline_id=pipeline.id,
                    name=name,
                    position=position,
                    category=category,  # type: ignore[arg-type]
                    probability=probability,
                    rot_days=rot_days if category == "open" else None,
                    required=("amount",) if name == "offer" else (),
                )
            )
            for position, (name, category, probability) in enumerate(rows, 1)
        }
        reasons = {
            "price": tx.add(LostReason(name="price")),
            "other": tx.add(LostReason(name="other", wants_note=True)),
        }
    return Company(pipeline, stages, reasons)


def customer(tx: Transaction, name: str = "한빛", **fields: object) -> Customer:
    """A customer, written."""
    return tx.add(Customer(name=name, **fields))  # type: ignore[arg-type]


def krw(minor: int) -> Money:
    """So many won."""
    return Money(minor, "KRW")
