"""What rules can do with tickets: open one about a contact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from crmkit import Interaction, Kind, Schema, where
from crmkit.cli.language import Word
from crmkit_operational.automation.action import Action, Context
from crmkit_operational.automation.filling import fitting
from crmkit_operational.automation.own import Set, check_set
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.opening import open_ticket
from crmkit_operational.words import _

__all__ = ["ACTIONS"]

LONGEST = 80
"""So much of what was said makes the subject of a ticket about a contact that has none."""


@attrs.frozen
class Open:
    """Which fields the ticket gets besides those that it has from the contact."""

    values: Mapping[str, Any] = attrs.field(factory=dict)


def open_about(tx: Any, record: Interaction, parameters: Open, context: Context) -> None:
    """Open a ticket about a contact, unless its thread has one: there it counts as what was said next."""
    # A closed ticket hears nothing any more, so what comes after it is a case of its own.
    mine = (where.thread == record.thread, where.state != "closed")
    if record.thread and list(tx.find(Ticket, *mine, limit=1)):
        return
    kind = tx.schema[Ticket.__kind__]
    values = {
        path: fitting(kind, kind.field(path), value) for path, value in parameters.values.items()
    }
    said = record.subject.strip() or " ".join(record.body.split())[:LONGEST] or record.channel
    open_ticket(tx, values.pop("subject", said), record, **values)


def check_open(schema: Schema, kind: Kind, parameters: Open) -> Iterator[str]:
    """A rule on contacts, and fields of tickets with values that fit."""
    if kind.name != Interaction.__kind__:
        text = _("a ticket is opened about an interaction, not about {kind}; use `add ticket`")
        yield text.format(kind=kind.name)
    yield from check_set(schema, schema[Ticket.__kind__], Set(parameters.values))


ACTIONS = (
    Action(
        "ticket",
        Word("Open a ticket about a contact, unless its thread has one."),
        open_about,
        Open,
        check_open,
    ),
)
