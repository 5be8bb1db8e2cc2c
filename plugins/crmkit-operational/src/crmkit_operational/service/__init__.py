"""Tickets with one clock for what is due, what has passed and what is reported, and routing to who can take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmkit import (
    CRM,
    Check,
    CommandSpec,
    Finding,
    Manifest,
    Problem,
    Record,
    Write,
    hookimpl,
)
from crmkit_operational.service import kinds

manifest = Manifest(name="service", api="1.0")


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Tickets, policies, calendars, agents, and what was measured."""
    return [getattr(kinds, each) for each in kinds.__all__]


# The clock ------------------------------------------------------------------------------------------------------


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    # fmt: off
    return [
        CommandSpec("calendar", summary="When the company works, and what is due when.", target="crmkit_operational.terminal.calendars:calendar"),
    ]
    # fmt: on


@hookimpl
def crm_validate(kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of calendars and holidays."""
    if kind in {"calendar", "holiday"}:
        from crmkit_operational.clock.rules import problems

        yield from problems(kind, writes)


@hookimpl
def crm_checks() -> list[Check]:
    """Whether every calendar can tell the time."""
    summary = "Every business calendar has hours, a time zone and a country that are known here."
    return [Check("calendars", _unreadable, summary=summary)]


def _unreadable(crm: CRM) -> Iterator[Finding]:
    from crmkit_operational.clock.rules import unreadable

    yield from unreadable(crm)
