"""Chart numbers: every patient has one, and no two have the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from clinic.kinds import CHART_NO
from crmkit import Customer, GuardView, Problem, Write, where
from crmkit.changes import Patch

# A number is unique among all customers, so whoever gives or checks one holds this to the end of the transaction.
LOCK = "clinic/chart-numbers"


def numbered(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch]:
    """New patients without a chart number get the next ones; organizations have no chart."""
    new = [
        write
        for write in writes
        if write.action == "insert"
        and write.record["type"] == "person"
        and write.record[CHART_NO] is None
    ]
    if not new:
        return
    tx.lock(LOCK)
    given = [total.measures[0] for total in tx.totals(Customer, max=CHART_NO)]
    given += [write.record[CHART_NO] for write in writes]
    following = count(max((number for number in given if number is not None), default=0) + 1)
    for write, number in zip(new, following, strict=False):
        yield write.patch({CHART_NO: number})


def duplicates(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    """Chart numbers that another patient has."""
    changed = [
        write
        for write in writes
        if write.action != "delete" and write.changed(CHART_NO) and write.record[CHART_NO]
    ]
    if not changed:
        return
    tx.lock(LOCK)
    own = {write.record.id: write.record for write in writes}
    numbers = [write.record[CHART_NO] for write in changed]
    stored = {record.id: record for record in tx.find(Customer, where[CHART_NO].in_(numbers))}
    # The batch is not stored yet: what it says of a patient counts in place of what is.
    holders = Counter(record[CHART_NO] for record in (stored | own).values())
    for write in changed:
        number = write.record[CHART_NO]
        if holders[number] > 1:
            yield write.problem(CHART_NO, f"chart {number} is another patient's; leave it empty")
