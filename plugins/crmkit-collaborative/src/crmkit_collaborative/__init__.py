"""Everyone works on the same customer: directory, channels, hand-overs, duplicates, merges that can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
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
    Identity,
    Manifest,
    Problem,
    Record,
    Section,
    WorkerSpec,
    Write,
    hookimpl,
)
from crmkit_collaborative import hookspecs, kinds
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.settings import Settings

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Stop, Story

__version__ = "0.1.0"

manifest = Manifest(
    name="collaborative", api="1.0", extends=("demo",), config=Settings, hookspecs=hookspecs
)

TERMINAL = "crmkit_collaborative.terminal"
DIRECTORY = frozenset({"branch", "department", "member", "membership"})
"""The kinds of which something must hold: no other write waits for an import."""


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Who works where, how customers are met, and what was found to be the same."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl
def crm_fields() -> Sequence[FieldSpec]:
    """What a contact leaves for the next one, whose work it is, and whether the customer may know of it."""
    from crmkit_collaborative.interactions.fields import FIELDS

    return FIELDS


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """What people type."""
    # fmt: off
    return [
        CommandSpec("channels", summary="The channels on which customers are met, and who brings them.", target=f"{TERMINAL}.channels:channels"),
        CommandSpec("contact", summary="How customers want to be met, and whether they may be.", target=f"{TERMINAL}.contact:contact"),
        CommandSpec("directory", summary="Who works where, who is in what, and when.", target=f"{TERMINAL}.directory:directory"),
        CommandSpec("duplicates", summary="Customers who are there more than once.", target=f"{TERMINAL}.duplicates:duplicates"),
        CommandSpec("handover", summary="Giving customers to colleagues, with what they must know.", target=f"{TERMINAL}.handover:handover"),
        CommandSpec("merge", summary="Make customers one; say before what that would do; take it back.", target=f"{TERMINAL}.merging:merge"),
        CommandSpec("note", group="interaction", summary="Leave a note on a contact, which shows at the next one.", target=f"{TERMINAL}.interactions:note_down"),
        CommandSpec("notes", group="interaction", summary="What to remember of a customer, newest first.", target=f"{TERMINAL}.interactions:show_notes"),
        CommandSpec("done", group="interaction", summary="Mark the note of a contact as seen to.", target=f"{TERMINAL}.interactions:tick_off"),
        CommandSpec("thread", group="interaction", summary="The conversation that a contact belongs to.", target=f"{TERMINAL}.interactions:show_thread"),
        CommandSpec("stream", group="customer", summary="Everything that happened with a customer, by kind, channel and team.", target=f"{TERMINAL}.interactions:show_stream"),
        CommandSpec("watch", summary="Each change as anybody commits it, until Ctrl-C.", target=f"{TERMINAL}.watching:watch"),
    ]
    # fmt: on


@hookimpl
def crm_workers() -> list[WorkerSpec]:
    """Looking at customers as they come."""
    target = "crmkit_collaborative.duplicates.noticing:notice"
    return [WorkerSpec("duplicates", target, kinds=(Customer, Identity))]


@hookimpl
def crm_prepare(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Record]:
    """A packet for every transfer."""
    if any(write.action == "update" for write in writes):
        from crmkit_collaborative.handover.packing import packets

        yield from packets(tx, kind, writes)


@hookimpl
def crm_validate(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What must hold of the directory."""
    if kind in DIRECTORY:
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
    return [
        Check(
            "channels",
            _unknown_channels,
            summary="Every interaction is on a channel that a plugin brings.",
        )
    ]


def _unknown_channels(crm: CRM) -> Iterator[Finding]:
    from crmkit_collaborative.channels.registry import unknown_channels

    yield from unknown_channels(crm)


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """Who looks after a customer, what to remember, and what was handed over last."""
    from crmkit_collaborative.handover.opening import section
    from crmkit_collaborative.interactions.profile import sections

    yield from sections(crm, customer, as_of)
    handed = section(crm, customer, as_of)
    if handed is not None:
        yield handed


# A company to try things on -------------------------------------------------------------------------------------


@hookimpl(optionalhook=True)
def crm_demo(story: Story) -> Iterator[Step]:
    """Who works where, what customers want, what is to be remembered and handed over, and who is there twice."""
    from crmkit_collaborative.demo.share import share

    yield from share(story)


@hookimpl(optionalhook=True)
def crm_demo_tour(story: Story, crm: Handle, customer: Customer | None) -> Iterator[Stop]:
    """Commands that show that."""
    from crmkit_collaborative.demo.tour import stops

    yield from stops(story, crm, customer)
