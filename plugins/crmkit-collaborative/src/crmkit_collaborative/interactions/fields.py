"""The fields that interactions get: what to remember, who may know of it, whose it is."""

from __future__ import annotations

from datetime import datetime

from crmkit import FieldSpec, Interaction

__all__ = ["DONE_AT", "FIELDS", "INTERNAL", "PURPOSE", "REMEMBER", "TEAM"]

REMEMBER = "collaborative.remember"
"""What the next one who meets the customer must know."""
DONE_AT = "collaborative.done_at"
"""When that was seen to; it is not shown from then on."""
INTERNAL = "collaborative.internal"
"""Whether it is among colleagues: a customer does not get to see it."""
TEAM = "collaborative.team_id"
"""The team whose work it is."""
PURPOSE = "collaborative.purpose"
"""What it was for, as in service or marketing: a customer may want another channel for each."""

FIELDS = (
    FieldSpec(
        on=Interaction,
        name=REMEMBER,
        type=str | None,
        search=True,
        personal=True,
        label="To remember",
    ),
    FieldSpec(on=Interaction, name=DONE_AT, type=datetime | None, label="Note done"),
    FieldSpec(on=Interaction, name=INTERNAL, type=bool | None, label="Internal"),
    FieldSpec(
        on=Interaction,
        name=TEAM,
        type=str | None,
        refers_to="team",
        on_delete="clear",
        label="Team",
    ),
    FieldSpec(on=Interaction, name=PURPOSE, type=str | None, label="Purpose"),
)
