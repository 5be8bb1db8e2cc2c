"""The kinds of the collaborative plugin: who works where, how customers are met, and what was found to be the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from crmkit import Customer, Record, field, kind

__all__ = [
    "Branch",
    "ChannelPreference",
    "ContactRule",
    "Department",
    "Duplicate",
    "Handover",
    "Member",
    "Membership",
    "Merge",
    "NotSame",
    "Team",
]


# Who works where ------------------------------------------------------------------------------------------------


@kind("department", title="name", unique=(("name",),))
class Department(Record):
    """A part of the company, perhaps within a larger one."""

    name: str = field(search=True)
    parent_id: str | None = field(
        default=None, refers_to="department", on_delete="clear", label="Part of"
    )


@kind("branch", title="name", unique=(("name",),))
class Branch(Record):
    """A place where the company is."""

    name: str = field(search=True)
    timezone: str | None = field(default=None, label="Time zone")
    country: str | None = field(default=None)


@kind("team", title="name", unique=(("name",),))
class Team(Record):
    """People who share work."""

    name: str = field(search=True)
    department_id: str | None = field(
        default=None, refers_to=Department, on_delete="clear", label="Department"
    )
    branch_id: str | None = field(default=None, refers_to=Branch, on_delete="clear", label="Branch")


@kind("member", title="name", unique=(("actor",),))
class Member(Record):
    """Somebody who works with the CRM; `actor` is the id under which they act.

    `working_hours` is weekday (`mon` ... `sun`) -> a list of spans such as `"09:00-18:00"`, in the member's own time
    zone, or that of the branch.
    """

    actor: str = field(label="Actor")
    name: str = field(search=True)
    branch_id: str | None = field(default=None, refers_to=Branch, on_delete="clear", label="Branch")
    skills: tuple[str, ...] = field(default=())
    languages: tuple[str, ...] = field(default=())
    timezone: str | None = field(default=None, label="Time zone")
    working_hours: Mapping[str, Any] = field(factory=dict, label="Working hours")


@kind("membership", title="role", indexes=(("member_id", "since"), ("team_id", "since")))
class Membership(Record):
    """Who is in which team, from `since` on, and on the days before `until`; None is always."""

    member_id: str = field(refers_to=Member, on_delete="cascade", label="Member")
    team_id: str = field(refers_to=Team, on_delete="cascade", label="Team")
    role: str = field(default="member")
    since: date | None = field(default=None)
    until: date | None = field(default=None)


# How customers are met ------------------------------------------------------------------------------------------


@kind(
    "channel_preference",
    label="Channel preference",
    title="channel",
    unique=(("customer_id", "purpose", "channel"),),
)
class ChannelPreference(Record):
    """On which channel a customer wants to be met for a purpose, as they said it, or as the company decided."""

    customer_id: str = field(refers_to=Customer, on_delete="cascade", label="Customer")
    purpose: str = field(default="any")
    channel: str = field()
    source: Literal["stated", "policy"] = field(default="stated")
    since: datetime = field()
    note: str = field(default="", personal=True)


@kind("contact_rule", label="Contact rule", title="verdict", indexes=(("customer_id", "since"),))
class ContactRule(Record):
    """Whether a customer may be contacted: on one channel or any, for one purpose or any.

    `do_not_contact` and `withdrawn` forbid, `consent` allows. Of the rules about the same channel and purpose the
    newest counts; of the others the most restrictive.
    """

    customer_id: str = field(refers_to=Customer, on_delete="cascade", label="Customer")
    verdict: Literal["consent", "withdrawn", "do_not_contact"] = field()
    channel: str | None = field(default=None)
    purpose: str | None = field(default=None)
    since: datetime = field()
    reason: str = field(default="", personal=True)


# What the next colleague must know ------------------------------------------------------------------------------


@kind("handover", label="Hand-over", timeline="at", title="summary")
class Handover(Record):
    """A customer, or one case of theirs, goes from somebody to somebody else, with what they must know.

    `subject_kind` and `subject_id` are the record that was handed over; the customer's own, if it is all of them.
    """

    customer_id: str = field(refers_to=Customer, on_delete="cascade", label="Customer")
    subject_kind: str = field(default="customer", label="Of")
    subject_id: str = field(index=True, label="Record")
    from_actor: str | None = field(default=None, label="From")
    to_actor: str | None = field(default=None, label="To")
    team_id: str | None = field(default=None, refers_to=Team, on_delete="clear", label="Team")
    at: datetime = field()
    reason: str = field(default="", search=True)
    summary: str = field(default="", search=True, personal=True)
    open_questions: tuple[str, ...] = field(default=(), personal=True, label="Open questions")
    promises: tuple[str, ...] = field(default=(), personal=True)
    facts: Mapping[str, Any] = field(factory=dict, personal=True)


# One record for each person -------------------------------------------------------------------------------------


@kind(
    "duplicate",
    title="zone",
    indexes=(("a_id", "b_id"), ("zone", "score"), ("b_id",)),
)
class Duplicate(Record):
    """Two customers who seem to be one, `a_id` being the smaller id: noted when a record comes, gone when it is settled.

    `score` is 0 to 1; `parts` say which comparison gave what.
    """

    a_id: str = field(refers_to=Customer, on_delete="cascade", label="A")
    b_id: str = field(refers_to=Customer, on_delete="cascade", label="B")
    score: float = field()
    zone: Literal["auto", "review"] = field()
    parts: Mapping[str, Any] = field(factory=dict)


@kind("not_same", label="Not the same", title="reason", indexes=(("a_id", "b_id"), ("b_id",)))
class NotSame(Record):
    """Somebody looked and said that these two are not one; in whatever order, since merges move either."""

    a_id: str = field(refers_to=Customer, on_delete="cascade", label="A")
    b_id: str = field(refers_to=Customer, on_delete="cascade", label="B")
    reason: str = field(default="")


@kind(
    "merge",
    title="lose_id",
    indexes=(("keep_id",), ("lose_id",), ("customer_id",), ("other_id",)),
)
class Merge(Record):
    """One customer went into another: with what is in `plan`, that can be undone.

    `lose_id` is an id that leads to `keep_id` while the merge stands; both are as they were when it was made.
    `customer_id` and `other_id` are who the two are now: one and the same while the merge stands, or a later one
    made them one again. By these a merge is hidden with those whom it is about, as all that belongs to customers.
    """

    keep_id: str = field(label="Kept")
    lose_id: str = field(label="Merged away")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    other_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Other customer"
    )
    status: Literal["applied", "undone", "split"] = field(default="applied")
    plan: Mapping[str, Any] = field(factory=dict, personal=True)
