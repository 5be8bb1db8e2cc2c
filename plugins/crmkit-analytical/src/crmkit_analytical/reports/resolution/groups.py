"""The tickets that a report is of, and the groups that they fall into."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit.cli.language import Word
from crmkit_analytical.drawing.values import shown
from crmkit_analytical.report.answer import Column, Row
from crmkit_analytical.report.definition import Parameter
from crmkit_analytical.reports.resolution.folding import opened
from crmkit_analytical.statistics.arrays import Booleans, Integers
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = [
    "BY",
    "FIELDS",
    "Tickets",
    "group_cell",
    "group_columns",
    "group_name",
    "microseconds",
    "tickets",
    "window_text",
]

LABELS = {
    "priority": Word("Priority"),
    "assignee": Word("Assignee"),
    "team": Word("Team"),
    "topic": Word("Topic"),
    "channel": Word("Channel"),
}

FIELDS = ("opened_at", "policy_id", *LABELS)
"""The fields of tickets that are read for these."""

BY = Parameter("by", Word("What the tickets are grouped by, as they are now."), choices=(*LABELS,))

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(eq=False)
class Tickets:
    """Tickets in the order of their places: their ids, the number of the group of each, and of its calendar.

    `groups` are the values that they are grouped by, `calendars` ids; None among them stands for none.
    """

    ids: Any
    group: Integers
    groups: tuple[str | None, ...]
    calendar: Integers
    calendars: tuple[str | None, ...]

    def ids_at(self, places: Integers) -> tuple[str, ...]:
        """The ids of tickets, sorted: the engine has no order of its own."""
        return tuple(sorted(self.ids[places]))

    def in_groups(self) -> Iterator[tuple[int, str | None]]:
        """The groups, the largest first, of one size by name: their numbers and values."""
        sizes = np.bincount(self.group, minlength=len(self.groups))
        numbers = range(len(self.groups))
        yield from sorted(
            zip(numbers, self.groups, strict=True),
            key=lambda each: (-sizes[each[0]], each[1] is None, each[1] or ""),
        )

    def members(self, number: int, places: Integers) -> Booleans:
        """Which of these places are of a group."""
        return np.asarray(self.group[places] == number)


def tickets(ask: Ask) -> Tickets:
    """The tickets opened in the window, in the groups that were asked for; without, all are one."""
    found, policy = opened(ask), ask.table("policy")
    by = ask.parameters["by"]
    group = {"group": found[by]} if by else {}
    of_policies = policy.select(policy_id=policy.id, calendar_id=policy.calendar_id)
    table = ask.arrow(
        found.select("place", "id", "policy_id", **group)
        .left_join(of_policies, "policy_id")
        .order_by("place")
    )
    ids = np.array(table["id"].to_pylist(), dtype=object)
    calendar, calendars = _numbered(table["calendar_id"])
    whole = np.zeros(len(ids), np.int64), (None,)
    return Tickets(ids, *(_numbered(table["group"]) if by else whole), calendar, calendars)


def _numbered(column: Any) -> tuple[Integers, tuple[Any, ...]]:
    """The values of a column, each once, and which of them stands where."""
    found = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return found.indices.to_numpy(zero_copy_only=False).astype(np.int64), tuple(
        found.dictionary.to_pylist()
    )


def microseconds(moment: datetime) -> int:
    """A time as microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def group_columns(ask: Ask) -> tuple[Column, ...]:
    """The column of the groups, if any were asked for."""
    by = ask.parameters["by"]
    return (Column("group", LABELS[by]),) if by else ()


def group_cell(ask: Ask, group: str | None) -> Row:
    """What a row says of its group; nothing if there are none."""
    return {"group": group} if ask.parameters["by"] else {}


def group_name(ask: Ask, group: str | None, what: str) -> str:
    """What the ids behind a row are called: its group, if there is one, and what it says of it."""
    return f"{shown(group, 'text')}: {what}" if ask.parameters["by"] else what


def window_text(ask: Ask) -> str:
    """When the tickets were opened, as part of a sentence."""
    since, until = (shown(each, "time", ask.zone) for each in (ask.since, ask.until))
    if ask.since and ask.until:
        return _("opened from {since} on, before {until}").format(since=since, until=until)
    if ask.since:
        return _("opened from {since} on").format(since=since)
    return _("opened before {until}").format(until=until) if ask.until else _("opened at any time")
