"""Everyone works on the same customer: directory, channels, hand-overs, duplicates, merges that can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmkit import CommandSpec, GuardView, Manifest, Problem, Record, Write, hookimpl
from crmkit_collaborative import hookspecs, kinds
from crmkit_collaborative.settings import Settings

__version__ = "0.1.0"

manifest = Manifest(name="collaborative", api="1.0", config=Settings, hookspecs=hookspecs)

TERMINAL = "crmkit_collaborative.terminal"


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Who works where, how customers are met, and what was found to be the same."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    # fmt: off
    return [
        CommandSpec("directory", summary="Who works where, who is in what, and when.", target=f"{TERMINAL}.directory:directory"),
    ]
    # fmt: on


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of the directory."""
    from crmkit_collaborative.directory.rules import problems

    yield from problems(tx, kind, writes)
