"""The studio's own report: how many projects are in which state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit_analytical.report.answer import Answer, Chart, Column
from crmkit_analytical.report.definition import Report

from crmkit.cli.language import Word
from studio.kinds import State
from studio.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

PROJECTS = Report(
    name="projects",
    question=Word("Where do our projects stand?"),
    answer="studio.reports:projects",
    kinds={"project": ("state", "begun_at")},
    window=Word("projects, by when they were begun"),
    measures=(Word("Projects: those in a state now, each counted once."),),
)

COLUMNS = (Column("state", Word("State")), Column("projects", Word("Projects"), "count"))


def projects(ask: Ask) -> Answer:
    """A row for each state, in the order in which projects go through them."""
    project = ask.table("project")
    begun = project.filter(ask.within(project.begun_at))
    found = ask.rows(begun.group_by("state").agg(ids=begun.id.collect()))
    ids = {state.value: () for state in State} | {each["state"]: each["ids"] for each in found}
    rows = tuple({"state": Word(state), "projects": len(each)} for state, each in ids.items())
    total = sum(map(len, ids.values()))
    text = _("Of {total} projects begun, {open} are not delivered yet.")
    explained = ask.explained(
        denominator=_("projects begun in the window"),
        total=total,
        ids={_(state): tuple(sorted(each)) for state, each in ids.items()},
    )
    return Answer(
        COLUMNS,
        rows,
        text.format(total=total, open=total - len(ids["delivered"])),
        explained,
        Chart("bar", x="state", y="projects"),
    )
