"""Who did how much on how many days, by the journal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit_analytical.report.answer import Excluded
from crmkit_analytical.reports.lifetime.purchases import local_days
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["Acted", "acted", "beginning", "ever", "not_counted"]

MEANINGFUL = ("insert", "update")
IMPORT = "import:"
"""With what begins what the actor of an import acts through (crmkit-exchange)."""

QUARTER = 15 * 60
"""In seconds: no day of any zone begins within a quarter of an hour."""


@attrs.frozen
class Acted:
    """What one actor did: in how many transactions, on how many days of the company, and to what kinds."""

    actions: int = 0
    days: int = 0
    kinds: frozenset[str] = frozenset()


def acted(ask: Ask) -> dict[str, Acted]:
    """What each person did in the window: records that they created or changed, not those that an import did.

    What one transaction did is one action: it has one time (`at`), and plugins may have added records to it.
    """
    kept = _reasoned(ask).filter(lambda each: each.why.isnull())
    groups = kept.group_by("actor").agg(
        actions=kept["at"].nunique(),
        kinds=kept.kind.collect(distinct=True),
        quarters=(kept["at"].epoch_seconds() // QUARTER).collect(distinct=True),
    )
    return {
        each["actor"]: Acted(
            each["actions"], _days(each["quarters"], ask.zone), frozenset(each["kinds"])
        )
        for each in ask.rows(groups)
    }


def _days(quarters: Iterable[int], zone: tzinfo) -> int:
    times = np.fromiter(quarters, dtype=np.int64) * QUARTER * 1_000_000
    return len(np.unique(local_days(times, zone)))


def _reasoned(ask: Ask) -> Any:
    """The changes of the window, and `why` one is no action of a person, None if it is."""
    import ibis

    journal = ask.journal()
    inside = journal.filter(ask.within(journal["at"]))
    return inside.mutate(
        why=ibis.cases(
            (inside.actor_type != "person", "programs"),
            (inside.via.startswith(IMPORT), "imports"),
            (~inside.action.isin(MEANINGFUL), "deletions"),
            else_=ibis.null("string"),
        )
    )


def not_counted(ask: Ask) -> list[Excluded]:
    """The changes of the window that are no actions of people."""
    reasons = {
        "programs": _("changes by programs"),
        "imports": _("changes by imports"),
        "deletions": _("deletions"),
    }
    left = _reasoned(ask).filter(lambda each: each.why.notnull())
    counts = {
        each["why"]: each["count"]
        for each in ask.rows(left.group_by("why").agg(count=left.count()))
    }
    return [Excluded(text, counts.get(why, 0)) for why, text in reasons.items()]


def ever(ask: Ask) -> set[str]:
    """The ids of all who ever did anything, whatever it was."""
    return {each["actor"] for each in ask.rows(ask.journal().select("actor").distinct())}


def beginning(ask: Ask) -> datetime | None:
    """When the journal begins."""
    [found] = ask.rows(ask.journal().agg(first=ask.journal()["at"].min()))
    first: datetime | None = found["first"]
    return first
