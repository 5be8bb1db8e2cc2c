"""Everyone works on the same customer: directory, channels, hand-overs, duplicates, merges that can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmkit import (
    CRM,
    Check,
    CommandSpec,
    Finding,
    GuardView,
    Manifest,
    Problem,
    Record,
    Write,
    hookimpl,
)
from crmkit_collaborative import hookspecs, kinds
from crmkit_collaborative.channels.channel import Channel
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
        CommandSpec("channels", summary="The channels on which customers are met, and who brings them.", target=f"{TERMINAL}.channels:channels"),
        CommandSpec("directory", summary="Who works where, who is in what, and when.", target=f"{TERMINAL}.directory:directory"),
    ]
    # fmt: on


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of the directory."""
    from crmkit_collaborative.directory.rules import problems

    yield from problems(tx, kind, writes)


@hookimpl
def crm_channels() -> Sequence[Channel]:
    """The channels that every company has."""
    from crmkit_collaborative.channels.own import OWN

    return OWN


@hookimpl
def crm_checks() -> list[Check]:
    """Whether every interaction is on a channel that somebody brings."""
    summary = "Every interaction is on a channel that a plugin brings."
    return [Check("channels", _unknown_channels, summary)]


def _unknown_channels(crm: CRM) -> Iterator[Finding]:
    from crmkit_collaborative.channels.registry import unknown_channels

    yield from unknown_channels(crm)
