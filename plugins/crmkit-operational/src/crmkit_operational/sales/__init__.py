"""Deals in pipelines, forecasts that can be checked, and orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from crmkit import (
    CRM,
    Check,
    CommandSpec,
    Customer,
    Finding,
    GuardView,
    Handle,
    Manifest,
    Patch,
    Problem,
    Record,
    Section,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit_operational.sales import kinds
from crmkit_operational.sales.settings import Settings

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Stop, Story
    from crmkit_exchange.presets.fields import ImportFields
    from crmkit_exchange.presets.preset import Preset

manifest = Manifest(name="sales", api="1.0", config=Settings, extends=("demo", "exchange"))

TERMINAL = "crmkit_operational.terminal"
FILLED = frozenset({"deal", "forecast_line", "order_line", "stage"})
"""The kinds of which something is filled in."""
RULED = frozenset({"deal", "lost_reason", "order_line", "pipeline", "stage"})
"""The kinds of which something must hold."""


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Pipelines, deals, orders, forecasts."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    # fmt: off
    return [
        CommandSpec("pipeline", summary="Pipelines and their stages.", target=f"{TERMINAL}.pipelines:pipeline"),
        CommandSpec("deal", summary="Deals: on which stage they are, what comes next, how they end.", target=f"{TERMINAL}.deals:deal"),
        CommandSpec("forecast", summary="What deals are expected to bring, and how good such forecasts were.", target=f"{TERMINAL}.forecasts:forecast_group"),
        CommandSpec("order", summary="What customers bought.", target=f"{TERMINAL}.orders:order"),
    ]
    # fmt: on


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Keeping forecasts, and lines with their customers."""
    rooms = "crmkit_operational.sales"
    return [
        WorkerSpec("sales-forecast", f"{rooms}.snapshots:keep_if_due", every=timedelta(hours=1)),
        WorkerSpec(
            "sales-lines", f"{rooms}.following:follow", kinds=(kinds.Deal, kinds.SalesOrder)
        ),
    ]


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Patch]:
    """When a deal was closed, what a line amounts to."""
    if kind in FILLED:
        from crmkit_operational.sales.filling import patches

        yield from patches(tx, kind, writes)


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of stages, deals and order lines."""
    if kind in RULED:
        from crmkit_operational.sales.rules import problems

        yield from problems(tx, kind, writes)


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The open deals and last orders of a customer."""
    from crmkit_operational.sales.profile import sections

    yield from sections(crm, customer, as_of)


@hookimpl
def crm_checks() -> list[Check]:
    """Whether deals are closed exactly where they were won or lost."""
    return [
        Check(
            "deals",
            _untrue_deals,
            summary="Deals have a closing time exactly where they are won or lost.",
        )
    ]


def _untrue_deals(crm: CRM) -> Iterator[Finding]:
    from crmkit_operational.sales.checking import untrue_deals

    yield from untrue_deals(crm)


# A company to try things on -------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_demo(story: Story) -> Iterator[Step]:
    """Pipelines, deals and orders of the company to try things on."""
    from crmkit_operational.demo.sales import share

    yield from share(story)


@hookimpl(optionalhook=True)
def crm_demo_tour(story: Story, crm: Handle) -> Iterator[Stop]:
    """Commands that show them."""
    from crmkit_operational.demo.tour import sales_stops

    yield from sales_stops(crm)


# What comes from elsewhere --------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_import_presets() -> list[Preset]:
    """Pipelines, stages and deals of HubSpot, opportunities of Salesforce."""
    from crmkit_operational.presets import hubspot, salesforce

    return [*hubspot.PRESETS, *salesforce.PRESETS]


@hookimpl(optionalhook=True)
def crm_import_fields() -> list[ImportFields]:
    """What an order has in files: a customer by an id elsewhere, a total."""
    from crmkit_operational.presets.orders import FIELDS

    return [FIELDS]
