"""Making the company: in an empty database, or going on where an earlier run was stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import attrs

from crmkit import CRM, ConfigError, Customer, Identity, Interaction
from crmkit_demo import __version__
from crmkit_demo.plot import Plot, plotted
from crmkit_demo.telling import Telling, batches, tell, unfinished

__all__ = ["Company", "Started", "made"]

Started = Callable[[int], Callable[[int], object]]
"""Is told how many steps there are, and gives what is told of each some."""


@attrs.frozen
class Company:
    """What was made: the run, and the plot that it told."""

    telling: Telling
    plot: Plot


def made(crm: CRM, customers: int, seed: int, until: date | None, started: Started) -> Company:
    """Make the company: three years that end on the morning of `until`, of today if that is None.

    Goes on with a run that was stopped, whatever is asked for. Raises `ConfigError` if the database is in use.
    """
    plugins = _sharing(crm)
    telling = unfinished(crm)
    if telling is None:
        _refuse_used(crm)
        end = until or crm.clock().date()
        telling = Telling(customers, seed, end.isoformat(), plugins)
    elif telling.plugins != plugins:
        raise ConfigError(
            f"a run of the demo was stopped in this database, made by {', '.join(telling.plugins)}, and now there are "
            f"{', '.join(plugins)}; have the same plugins again, or use an empty database: --db sqlite:///demo.db"
        )
    last = datetime.combine(date.fromisoformat(telling.until), time(), UTC)
    plot = plotted(telling.customers, telling.seed, last)
    found = batches(crm, plot)
    tell(crm, found, telling, started(sum(len(batch.steps) for batch in found)))
    return Company(telling, plot)


def _sharing(crm: CRM) -> tuple[str, ...]:
    """The plugins that have a share in the company, the demo first, with their versions."""
    others = sorted(str(call.owner) for call in crm.plugins.calls("crm_demo"))
    return (f"demo {__version__}", *others)


def _refuse_used(crm: CRM) -> None:
    for kind in (Customer, Identity, Interaction):
        if count := crm.count(kind):
            raise ConfigError(
                f"there are {kind.__kind__} records in this database already ({count:,}); try the demo in an empty "
                "one, as in crm demo --db sqlite:///demo.db"
            )
