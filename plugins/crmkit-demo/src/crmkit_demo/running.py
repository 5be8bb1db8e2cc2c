"""Making the company: in an empty database, or going on where an earlier run was broken off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

from crmkit import CRM, CrmError, Customer
from crmkit_demo.plot import plotted
from crmkit_demo.telling import Telling, tell, unfinished

__all__ = ["Started", "made"]

Started = Callable[[int], Callable[[int], object]]
"""Is told how many steps there are, and gives what is told of each some."""


def made(crm: CRM, customers: int, seed: int, until: date | None, started: Started) -> Telling:
    """Make the company, and say which: three years that end `until`, today if that is None.

    Goes on with a run that was broken off, whatever is asked for. Raises `CrmError` if there are customers already.
    """
    end = until or crm.clock().date()
    telling = unfinished(crm) or Telling(customers, seed, end.isoformat())
    if not telling.done and crm.count(Customer):
        raise CrmError(
            "there are customers in this database already; try the demo in an empty one: crm --db sqlite:///demo.db demo"
        )
    last = datetime.combine(date.fromisoformat(telling.until), time(), UTC)
    plot = plotted(telling.customers, telling.seed, last)
    tell(crm, plot, telling, started(len(plot.steps())))
    return telling
