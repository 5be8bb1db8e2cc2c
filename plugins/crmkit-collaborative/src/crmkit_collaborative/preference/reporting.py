"""How each sort of customer is met: contacts, answers and how long they took, by purpose and channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from statistics import median

import attrs

from crmkit_collaborative.preference.contacts import Used

__all__ = ["Cell", "matrix"]


@attrs.frozen
class Cell:
    """One sort of customer, purpose and channel.

    `contacts` are the ids of all contacts that count, `attempts` of those that the company began, `answered` of the
    attempts that were answered. `waited` is the median time until a written reply; None without one.
    """

    type: str
    purpose: str | None
    channel: str
    contacts: tuple[str, ...]
    attempts: tuple[str, ...]
    answered: tuple[str, ...]
    waited: timedelta | None

    @property
    def reply_rate(self) -> float | None:
        """`answered` by `attempts`; None without attempts."""
        return len(self.answered) / len(self.attempts) if self.attempts else None


def matrix(contacts: Iterable[tuple[str, Iterable[Used]]], types: Mapping[str, str]) -> list[Cell]:
    """The cells that hold anything, sorted by type, purpose and channel; `types` is customer -> sort of customer."""
    found: dict[tuple[str, str | None, str], list[Used]] = defaultdict(list)
    for customer, evidence in contacts:
        for each in evidence:
            found[types.get(customer, "?"), each.contact.purpose, each.contact.channel].append(each)
    keys = sorted(found, key=lambda key: (key[0], key[1] or "", key[2]))
    return [_cell(*key, found[key]) for key in keys]


def _cell(type: str, purpose: str | None, channel: str, evidence: list[Used]) -> Cell:
    attempts = [each for each in evidence if not each.contact.incoming]
    waits = [each.after.total_seconds() for each in attempts if each.after is not None]
    return Cell(
        type,
        purpose,
        channel,
        tuple(each.contact.id for each in evidence),
        tuple(each.contact.id for each in attempts),
        tuple(each.contact.id for each in attempts if each.value),
        timedelta(seconds=median(waits)) if waits else None,
    )
