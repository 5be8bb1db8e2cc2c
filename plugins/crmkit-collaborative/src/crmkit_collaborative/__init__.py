"""Everyone works on the same customer: directory, channels, hand-overs, duplicates, merges that can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crmkit import (
    CommandSpec,
    Customer,
    FieldSpec,
    GuardView,
    Handle,
    Identity,
    Interaction,
    Manifest,
    Record,
    Section,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit_collaborative import hookspecs, kinds
from crmkit_collaborative.settings import Settings

__version__ = "0.1.0"

manifest = Manifest(name="collaborative", api="1.0", config=Settings, hookspecs=hookspecs)


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Who works where, how customers are met, and what was found to be the same."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_fields() -> list[FieldSpec]:
    """What an interaction was for."""
    return [FieldSpec(on=Interaction, name="purpose", type=str | None, label="Purpose")]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people do with customers together."""
    return [
        CommandSpec(
            "contact",
            summary="How customers want to be met, and whether they may be.",
            target="crmkit_collaborative.terminal.contact:contact",
        ),
        CommandSpec(
            "duplicates",
            summary="Customers who are there more than once.",
            target="crmkit_collaborative.terminal.duplicates:duplicates",
        ),
        CommandSpec(
            "handover",
            summary="Giving customers to colleagues, with what they must know.",
            target="crmkit_collaborative.terminal.handover:handover",
        ),
        CommandSpec(
            "merge",
            summary="Make two customers one, in a way that can be taken back.",
            target="crmkit_collaborative.terminal.merging:merge",
        ),
    ]


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Looking at customers as they come."""
    return [
        WorkerSpec(
            "duplicates",
            "crmkit_collaborative.duplicates.noticing:notice",
            kinds=(Customer, Identity),
        )
    ]


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Record]:
    """A packet for every transfer."""
    if any(write.action == "update" for write in writes):
        from crmkit_collaborative.handover.packing import packets

        yield from packets(tx, kind, writes)


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """What was handed over last."""
    from crmkit_collaborative.handover.opening import section

    found = section(crm, customer, as_of)
    if found is not None:
        yield found
