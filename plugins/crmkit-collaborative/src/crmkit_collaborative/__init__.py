"""Everyone works on the same customer: directory, channels, hand-overs, duplicates, merges that can be undone."""

from __future__ import annotations

from crmkit import CommandSpec, Manifest, Record, hookimpl
from crmkit_collaborative import hookspecs, kinds
from crmkit_collaborative.settings import Settings

__version__ = "0.1.0"

manifest = Manifest(name="collaborative", api="1.0", config=Settings, hookspecs=hookspecs)


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Who works where, how customers are met, and what was found to be the same."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    return [
        CommandSpec(
            "merge",
            summary="Make customers one; say before what that would do; take it back.",
            target="crmkit_collaborative.terminal.merging:merge",
        ),
    ]
