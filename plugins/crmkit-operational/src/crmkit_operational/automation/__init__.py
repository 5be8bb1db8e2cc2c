"""Rules as data: when something happens and conditions hold, plugins' actions are done, once for a cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from crmkit import (
    CRM,
    Actor,
    Check,
    CommandSpec,
    Finding,
    GuardView,
    Manifest,
    Patch,
    Problem,
    Record,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit_operational.automation import hookspecs, kinds

if TYPE_CHECKING:
    from crmkit_collaborative.channels.channel import Channel

    from crmkit_operational.automation.action import Action

manifest = Manifest(name="automation", api="1.0", extends=("collaborative",), hookspecs=hookspecs)


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Rules and their runs."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    target = "crmkit_operational.terminal.rules:rule"
    return [CommandSpec("rule", summary="What is done by itself, and what it did.", target=target)]


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Following what happens, and the clock."""
    home = "crmkit_operational.automation"
    return [
        WorkerSpec("rules", f"{home}.following:follow", kinds=()),
        WorkerSpec("rules-clock", f"{home}.ticking:tick", every=timedelta(minutes=1)),
    ]


@hookimpl
def crm_actions() -> Sequence[Action]:
    """The actions that need no other plugin."""
    from crmkit_operational.automation.own import OWN

    return OWN


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Patch]:
    """Since when a rule is enabled."""
    if kind == kinds.Rule.__kind__:
        from crmkit_operational.automation.checking import enabled_now

        yield from enabled_now(tx, writes)


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """Whether rules can be run."""
    if kind == kinds.Rule.__kind__:
        from crmkit_operational.automation.checking import problems

        yield from problems(tx, writes)


@hookimpl
def crm_authorize(
    tx: GuardView, kind: str, writes: Sequence[Write], actor: Actor
) -> Iterator[Problem]:
    """Who may write rules."""
    if kind == kinds.Rule.__kind__:
        from crmkit_operational.automation.checking import denials

        yield from denials(tx, writes, actor)


@hookimpl
def crm_checks() -> list[Check]:
    """Whether rules that are enabled can run, and did."""
    return [Check("rules", _findings, summary="Rules that are enabled run, and end.")]


def _findings(crm: CRM) -> Iterator[Finding]:
    from crmkit_operational.automation.checking import findings

    yield from findings(crm)


@hookimpl(optionalhook=True)
def crm_channels() -> Iterator[Channel]:
    """What rules log goes to nobody: notes have a channel of their own."""
    from crmkit_collaborative.channels.channel import Channel

    yield Channel("note", label="Note", directions=("out",), addressed=False)
