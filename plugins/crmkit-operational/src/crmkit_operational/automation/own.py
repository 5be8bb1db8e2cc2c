"""The actions that need no other plugin: set, add, assign, tag, untag, log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from crmkit import Customer, Direction, Interaction, Kind, Record, Schema, ValueRefused
from crmkit.cli.language import Word
from crmkit.errors import CrmError
from crmkit.schema import BASE, Field
from crmkit_operational.automation.action import Action, Context, nobodys
from crmkit_operational.automation.filling import fitting, places
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.words import _

__all__ = ["OWN"]

INTERNAL = "collaborative.internal"
"""Where the collaborative plugin keeps that a contact is among colleagues: customers do not get to see it."""
SOURCE = "automation"
"""The `source` of the notes that rules log."""


@attrs.frozen
class Set:
    """Which fields get which values; an empty one takes the value away."""

    values: Mapping[str, Any]


@attrs.frozen
class Add:
    """Of which kind a record is added, and its values."""

    kind: str
    values: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Assign:
    """Who gets the record."""

    to: str


@attrs.frozen
class Tag:
    """Which tag."""

    tag: str


@attrs.frozen
class Log:
    """What the note says: its subject, and more of it."""

    text: str
    body: str = ""


def set_values(tx: Any, record: Record, parameters: Set, context: Context) -> None:
    """Give fields of the record values."""
    kind = tx.schema[record.__kind__]
    for path, value in parameters.values.items():
        field = _settable(kind, path)
        record = record.set(field.name, fitting(kind, field, value))
    tx.update(record)


def _settable(kind: Kind, path: str) -> Field:
    if path in BASE:
        text = _("{kind}.{field} is kept by crmkit; set another field")
        raise ValueRefused(text.format(kind=kind.name, field=path))
    return kind.field(path)


def check_set(schema: Schema, kind: Kind, parameters: Set) -> Iterator[str]:
    """Fields that there are, and values that fit, as far as they stand there already."""
    for path, value in parameters.values.items():
        try:
            field = _settable(kind, path)
            if not any(places(value)) and "{" not in str(value):
                fitting(kind, field, value)
        except CrmError as error:
            yield str(error)


def add_record(tx: Any, record: Record, parameters: Add, context: Context) -> None:
    """Add a record of some kind."""
    kind = tx.schema[parameters.kind]
    values = {
        path: fitting(kind, _settable(kind, path), value)
        for path, value in parameters.values.items()
    }
    made = kind.cls(**{path: value for path, value in values.items() if "." not in path})
    for path in filter(lambda each: "." in each, values):
        made = made.set(path, values[path])
    tx.add(made)


def check_add(schema: Schema, kind: Kind, parameters: Add) -> Iterator[str]:
    """A kind that there is, its fields, and every value that it cannot do without."""
    try:
        other = schema[parameters.kind]
    except CrmError as error:
        yield str(error)
        return
    if other.opaque or other.name in {Rule.__kind__, RuleRun.__kind__}:
        yield _("rules add no {kind} records").format(kind=other.name)
        return
    yield from check_set(schema, other, Set(parameters.values))
    for field in other.fields.values():
        is_needed = field.required and field.default is attrs.NOTHING
        if is_needed and field.name not in parameters.values:
            yield _("{kind}.{field} needs a value").format(kind=other.name, field=field.name)


def assign(tx: Any, record: Record, parameters: Assign, context: Context) -> None:
    """Give the record to somebody."""
    owner = _owner_field(tx.schema[record.__kind__])
    if owner is None:
        raise ValueRefused(_no_owner(record.__kind__))
    tx.update(record.set(owner, parameters.to or None))


def check_assign(schema: Schema, kind: Kind, parameters: Assign) -> Iterator[str]:
    """Records of this kind can be somebody's."""
    if _owner_field(kind) is None:
        yield _no_owner(kind.name)


def _owner_field(kind: Kind) -> str | None:
    return next((each for each in ("assignee", "owner") if each in kind.fields), None)


def _no_owner(kind: str) -> str:
    return _("{kind} has neither assignee nor owner; use `set`").format(kind=kind)


def add_tag(tx: Any, record: Record, parameters: Tag, context: Context) -> None:
    """Put a tag on the customer whose record it is."""
    customer = _customer(tx, record, context)
    if parameters.tag not in customer.tags:
        tx.update(customer.evolve(tags=(*customer.tags, parameters.tag)))


def take_tag(tx: Any, record: Record, parameters: Tag, context: Context) -> None:
    """Take a tag off the customer whose record it is."""
    customer = _customer(tx, record, context)
    left = tuple(each for each in customer.tags if each != parameters.tag)
    if left != customer.tags:
        tx.update(customer.evolve(tags=left))


def log_note(tx: Any, record: Record, parameters: Log, context: Context) -> None:
    """Log a note with the customer whose record it is."""
    note = Interaction(
        customer_id=_customer(tx, record, context).id,
        channel="note",
        direction=Direction.OUT,
        happened_at=context.at,
        source=SOURCE,
        subject=parameters.text,
        body=parameters.body,
    )
    if INTERNAL in tx.schema[Interaction.__kind__].fields:
        note = note.set(INTERNAL, True)
    tx.add(note)


def _customer(tx: Any, record: Record, context: Context) -> Customer:
    if context.customer_id is None:
        raise ValueRefused(nobodys(record))
    found: Customer = tx.get(Customer, context.customer_id)
    return found


def check_customer(schema: Schema, kind: Kind, parameters: object) -> Iterator[str]:
    """Records of this kind belong to customers."""
    if kind.name != Customer.__kind__ and kind.customer is None:
        yield _("{kind} records belong to no customer").format(kind=kind.name)


OWN = (
    Action("set", Word("Give fields values."), set_values, Set, check_set),
    Action("add", Word("Add a record."), add_record, Add, check_add),
    Action("assign", Word("Give it to somebody."), assign, Assign, check_assign),
    Action(
        "tag", Word("Put a tag on the customer."), add_tag, Tag, check_customer, of_customer=True
    ),
    Action(
        "untag",
        Word("Take a tag off the customer."),
        take_tag,
        Tag,
        check_customer,
        of_customer=True,
    ),
    Action(
        "log",
        Word("Log a note with the customer."),
        log_note,
        Log,
        check_customer,
        of_customer=True,
    ),
)
