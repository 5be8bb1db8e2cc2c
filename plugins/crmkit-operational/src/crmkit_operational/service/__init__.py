"""Tickets with one clock for what is due, what has passed and what is reported, and routing to who can take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from crmkit import (
    CRM,
    Check,
    CommandSpec,
    Customer,
    FieldSpec,
    Finding,
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
from crmkit_operational.service.settings import Settings

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Stop, Story
    from crmkit_exchange.presets.preset import Preset

    from crmkit_operational.automation.action import Action

manifest = Manifest(
    name="service",
    api="1.0",
    extends=("automation", "collaborative", "demo", "exchange"),
    config=Settings,
)

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
        CommandSpec("calendar", summary="When the company works, and what is due when.", target=f"{TERMINAL}.calendars:calendar"),
        CommandSpec("policy", summary="What is promised for tickets.", target=f"{TERMINAL}.policies:policy"),
        CommandSpec("agent", summary="Who takes tickets, how many, and whether they are there.", target=f"{TERMINAL}.agents:agent"),
        CommandSpec("queue", summary="The tickets that wait for somebody, next first.", target=f"{TERMINAL}.queue:queue"),
        CommandSpec("route", summary="Giving waiting tickets to who can take them.", target=f"{TERMINAL}.routing:route"),
    ]
    # fmt: on


@hookimpl
def crm_checks() -> list[Check]:
    """Whether every calendar can tell the time, and somebody takes what waits."""
    return [
        Check(
            "calendars",
            _unreadable,
            summary="Every business calendar has hours, a time zone and a country that are known here.",
        ),
        Check("queue", _queue, summary="No ticket waits longer than ageing bears."),
    ]


def _unreadable(crm: CRM) -> Iterator[Finding]:
    from crmkit_operational.clock.rules import unreadable

    yield from unreadable(crm)


def _queue(crm: CRM) -> Iterator[Finding]:
    from crmkit_operational.routing.checking import left_waiting

    yield from left_waiting(crm)


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Listening to what is said, watching what was promised, and routing, every minute, too: hours begin."""
    home, routing = "crmkit_operational.service", "crmkit_operational.routing.running"
    minute = timedelta(minutes=1)
    return [
        WorkerSpec("conversations", f"{home}.talk:listen", kinds=(Interaction,)),
        WorkerSpec("promises", f"{home}.breaking:watch", every=minute),
        WorkerSpec("ticket-customers", f"{home}.belonging:follow", kinds=(kinds.Ticket,)),
        WorkerSpec("routing", f"{routing}:follow", kinds=(kinds.Ticket, kinds.Agent)),
        WorkerSpec("routing-clock", f"{routing}:tick", every=minute),
    ]


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Patch | Record]:
    """The times, promises and metric events of tickets, and with these their places in the queue."""
    if kind == kinds.Ticket.__kind__:
        from crmkit_operational.routing.queue import patches
        from crmkit_operational.service.keeping import follow

        made = list(follow(tx, writes))
        yield from made
        yield from patches(tx, writes, [each for each in made if isinstance(each, Patch)])


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of tickets, policies, calendars, holidays and agents, whose room is held by who fills it."""
    if kind in ("ticket", "policy"):
        from crmkit_operational.service.rules import problems

        yield from problems(tx, kind, writes)
    if kind in ("ticket", "agent"):
        from crmkit_operational.routing.rules import hold_or_object

        yield from hold_or_object(tx, kind, writes)
    if kind in ("calendar", "holiday"):
        from crmkit_operational.clock.rules import problems as of_clocks

        yield from of_clocks(kind, writes)


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The tickets of a customer that are not solved."""
    from crmkit_operational.service.profile import section

    yield from section(crm, customer, as_of)


@hookimpl(optionalhook=True)
def crm_actions() -> Sequence[Action]:
    """What rules can do with tickets."""
    from crmkit_operational.service.acting import ACTIONS

    return ACTIONS


# A company to try things on -------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_demo(story: Story) -> Iterator[Step]:
    """Hours, policies, agents and tickets of the company to try things on."""
    from crmkit_operational.demo.service import share

    yield from share(story)


@hookimpl(optionalhook=True)
def crm_demo_tour(story: Story, crm: Handle) -> Iterator[Stop]:
    """Commands that show them."""
    from crmkit_operational.demo.tour import service_stops

    yield from service_stops(story, crm)


# What comes from elsewhere --------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_import_presets() -> list[Preset]:
    """Incidents of ServiceNow, tickets of Zendesk and HubSpot."""
    from crmkit_operational.presets import hubspot_tickets, servicenow, zendesk

    return [*servicenow.PRESETS, *zendesk.PRESETS, *hubspot_tickets.PRESETS]
