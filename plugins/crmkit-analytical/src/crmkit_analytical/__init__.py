"""Answers that can be checked: reports on an embedded engine that is filled from storage and refreshed from the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmkit import CommandSpec, Handle, Manifest, hookimpl
from crmkit_analytical import hookspecs
from crmkit_analytical.report.definition import Report
from crmkit_analytical.settings import Settings

if TYPE_CHECKING:
    from crmkit_demo.story import Stop

__version__ = "0.1.0"

manifest = Manifest(
    name="analytical",
    api="1.0",
    extends=("collaborative", "demo", "sales", "service"),
    config=Settings,
    hookspecs=hookspecs,
)


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    target = "crmkit_analytical.terminal.report:report"
    return [CommandSpec("report", summary="Answers that can be checked.", target=target)]


@hookimpl
def crm_reports() -> list[Report]:
    """The reports on what the other plugins keep; each is there as soon as its kinds are."""
    from crmkit_analytical.reports import lost_reasons
    from crmkit_analytical.reports.adoption import answering as adoption
    from crmkit_analytical.reports.channel_use import answering as channel_use
    from crmkit_analytical.reports.lifetime import answering as lifetime
    from crmkit_analytical.reports.pipeline import definition as pipeline
    from crmkit_analytical.reports.resolution import effectiveness, speed

    return [
        adoption.REPORT,
        channel_use.REPORT,
        effectiveness.REPORT,
        lifetime.REPORT,
        lost_reasons.REPORT,
        pipeline.REPORT,
        speed.REPORT,
    ]


@hookimpl(optionalhook=True)
def crm_demo_tour(crm: Handle) -> Iterator[Stop]:
    """Reports on the company to try things on."""
    from crmkit_analytical.tour import stops

    yield from stops(crm)
