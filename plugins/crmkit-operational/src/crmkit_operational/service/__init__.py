"""Tickets with one clock for what is due, what has passed and what is reported, and routing to who can take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from crmkit import (
    CommandSpec,
    GuardView,
    Manifest,
    Patch,
    Problem,
    Record,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit_operational.service import kinds
from crmkit_operational.service.settings import Settings

manifest = Manifest(name="service", api="1.0", extends=("collaborative",), config=Settings)

TERMINAL = "crmkit_operational.terminal"
ROUTING = "crmkit_operational.routing"


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Tickets, policies, calendars, agents, and what was measured."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    # fmt: off
    return [
        CommandSpec("agent", summary="Who takes tickets, how many, and whether they are there.", target=f"{TERMINAL}.agents:agent"),
        CommandSpec("queue", summary="The tickets that wait for somebody, next first.", target=f"{TERMINAL}.queue:queue"),
        CommandSpec("route", summary="Giving waiting tickets to who can take them.", target=f"{TERMINAL}.routing:route"),
    ]
    # fmt: on


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Routing: when something changes, and every minute, since hours begin and skills may be done without."""
    following = WorkerSpec("routing", f"{ROUTING}.running:follow", kinds=("ticket", "agent"))
    return [
        following,
        WorkerSpec("routing-clock", f"{ROUTING}.running:tick", every=timedelta(minutes=1)),
    ]


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Patch]:
    """The place of a ticket in the queue."""
    if kind == "ticket":
        from crmkit_operational.routing.queue import patches

        yield from patches(tx, writes)


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of agents; whoever gives an agent a ticket holds their lock."""
    if kind in ("agent", "ticket"):
        from crmkit_operational.routing.rules import problems

        yield from problems(tx, kind, writes)
