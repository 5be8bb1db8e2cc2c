"""A design studio's own: projects, a report on them, and a command that sets the studio up.

All else is other plugins'. This module is what crmkit imports: the manifest, and one short function for each hook.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmkit_analytical.report.definition import Report

from crmkit import CommandSpec, Manifest, Problem, Record, Write, hookimpl
from studio.kinds import Project, State

manifest = Manifest(
    "studio", requires=("analytical", "automation", "collaborative", "sales", "service")
)


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Projects."""
    return [Project]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """Setting up."""
    return [
        CommandSpec(
            "studio-setup",
            summary="Set the studio up: people, hours, promises.",
            target="studio.cli:setup",
        )
    ]


@hookimpl
def crm_reports() -> list[Report]:
    """Where projects stand."""
    from studio.reports import PROJECTS

    return [PROJECTS]


@hookimpl
def crm_validate(kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What was delivered was approved: the studio was once asked to print again what nobody had."""
    if kind == Project.__kind__:
        for write in writes:
            if write.record["state"] == State.DELIVERED and write.record["approved_on"] is None:
                yield write.problem("approved_on", "is needed for what is delivered; give the day")
