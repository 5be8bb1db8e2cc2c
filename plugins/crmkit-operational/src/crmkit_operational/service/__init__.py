"""Tickets with one clock for what is due, what has passed and what is reported, and routing to who can take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from crmkit import (
    CommandSpec,
    Customer,
    FieldSpec,
    GuardView,
    Handle,
    Interaction,
    Manifest,
    Patch,
    Problem,
    Record,
    Section,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit_operational.service import kinds

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Story
    from crmkit_exchange.presets.preset import Preset

manifest = Manifest(name="service", api="1.0", extends=("demo", "exchange"))

TERMINAL = "crmkit_operational.terminal"


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Tickets, policies, calendars, agents, and what was measured."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_fields() -> list[FieldSpec]:
    """Whether a machine wrote a contact by itself."""
    return [FieldSpec(on=Interaction, name="automatic", type=bool | None, label="Automatic")]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    # fmt: off
    return [
        CommandSpec("ticket", summary="What customers want: opened, answered, solved, and measured.", target=f"{TERMINAL}.tickets:ticket"),
        CommandSpec("policy", summary="What is promised for tickets.", target=f"{TERMINAL}.policies:policy"),
    ]
    # fmt: on


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Listening to what is said, and watching what was promised."""
    home = "crmkit_operational.service"
    return [
        WorkerSpec("conversations", f"{home}.talk:listen", kinds=(Interaction,)),
        WorkerSpec("promises", f"{home}.breaking:watch", every=timedelta(minutes=1)),
        WorkerSpec("ticket-customers", f"{home}.belonging:follow", kinds=(kinds.Ticket,)),
    ]


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Patch | Record]:
    """The times, promises and metric events of tickets."""
    if kind == kinds.Ticket.__kind__:
        from crmkit_operational.service.keeping import follow

        yield from follow(tx, writes)


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of tickets and policies."""
    if kind in ("ticket", "policy"):
        from crmkit_operational.service.rules import problems

        yield from problems(tx, kind, writes)


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The tickets of a customer that are not solved."""
    from crmkit_operational.service.profile import section

    yield from section(crm, customer, as_of)


# A company to try things on -------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_demo(story: Story) -> Iterator[Step]:
    """Hours, policies, agents and tickets of the company to try things on."""
    from crmkit_operational.demo.service import share

    yield from share(story)


# What comes from elsewhere --------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_import_presets() -> list[Preset]:
    """Incidents of ServiceNow."""
    from crmkit_operational.presets import servicenow

    return [*servicenow.PRESETS]
