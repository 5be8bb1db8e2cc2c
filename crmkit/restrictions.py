"""What an actor may see: asked of the plugins through `crm_restrict`, kept for a second or for a transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.changes import SYSTEM, Actor, Change
from crmkit.errors import RestrictedError
from crmkit.query import AnyOf, Condition, Linked, Query
from crmkit.records import Record
from crmkit.resolve import resolve_conditions
from crmkit.schema import Kind, Schema
from crmkit.storage import NO_SCOPE, Scope

if TYPE_CHECKING:
    from crmkit.plugins import Plugins

__all__ = ["MASKED", "View", "Views"]

FRESH_FOR = 1.0
"""How many seconds a handle trusts what it was told, outside of a transaction."""


class _Masked:
    """Stands in a record where the actor may not see the value."""

    __slots__ = ()

    def __str__(self) -> str:
        return "•••"

    def __repr__(self) -> str:
        return "<masked>"


MASKED: Any = _Masked()
"""The value of a field that the actor may not see."""


@attrs.frozen
class View:
    """What one actor sees of one kind: the conditions its records must fulfil, also as a scope; the masked fields."""

    conditions: tuple[Condition, ...] = ()
    masked: frozenset[str] = frozenset()
    scope: Scope = NO_SCOPE

    def show(self, record: Record) -> Record:
        """The record with `MASKED` in every masked field that has a value."""
        for path in self.masked:
            if record[path] not in (None, ""):
                record = record.set(path, MASKED)
        return record

    def show_change(self, change: Change) -> Change:
        """The change with `MASKED` in place of masked values; a redaction shows no values anyway."""
        hidden = self.masked & (change.delta or {}).keys()
        if not hidden:
            return change
        stand_in = "•••" if change.action == "delete" else ("•••", "•••")
        delta: Any = {**(change.delta or {}), **dict.fromkeys(hidden, stand_in)}
        return attrs.evolve(change, delta=delta)


EVERYTHING = View()


class Views:
    """The views of one actor, by kind, asked for when first needed.

    `reader` is what the hook may read through; `fresh_for` None keeps what was told for good, as a transaction does.
    """

    def __init__(
        self, plugins: Plugins, actor: Actor, reader: Any, fresh_for: float | None = FRESH_FOR
    ) -> None:
        self._calls = plugins.calls("crm_restrict") if actor != SYSTEM else ()
        self._actor = actor
        self._reader = reader
        self._fresh_for = fresh_for
        self._told: dict[str, View] = {}
        self._until = 0.0

    @property
    def restricted(self) -> bool:
        """Whether anything may be hidden from the actor at all."""
        return bool(self._calls)

    def of(self, schema: Schema, name: str) -> View:
        """What the actor sees of a kind."""
        if not self._calls:
            return EVERYTHING
        if self._fresh_for is not None and time.monotonic() > self._until:
            self._told = {}
            self._until = time.monotonic() + self._fresh_for
        view = self._told.get(name)
        if view is None:
            view = self._told[name] = self._ask(schema, schema[name])
        return view

    def _ask(self, schema: Schema, kind: Kind) -> View:
        conditions: list[Condition] = []
        masked: set[str] = set()
        values = {"crm": self._reader, "actor": self._actor, "kind": kind.name}
        for call in self._calls:
            answer = call.call(values)
            for each in answer if isinstance(answer, list | tuple) else (answer,):
                if each is not None:
                    conditions += resolve_conditions(schema, kind, each.conditions)
                    masked |= {kind.field(path).name for path in each.masked}
        told = tuple(conditions)
        return View(told, frozenset(masked), {kind.name: told} if told else NO_SCOPE)

    def scope(self, schema: Schema, names: Iterable[str]) -> Scope:
        """The conditions for all of these kinds."""
        if not self._calls:
            return NO_SCOPE
        return {name: told for name in names if (told := self.of(schema, name).conditions)}

    def scope_of(self, schema: Schema, query: Query, *paths: str) -> Scope:
        """The scope of a query and of the paths that it is totalled by; refuses masked fields in it."""
        if not self._calls:
            return NO_SCOPE
        kind = schema[query.kind]
        seen = {kind.name}
        used = [*(order.path for order in query.order), *paths]
        self._walk(schema, kind, query.conditions, seen)
        for path in used:
            self._see(schema, kind, path, seen)
        return self.scope(schema, seen)

    def _walk(
        self, schema: Schema, kind: Kind, conditions: Sequence[Condition], seen: set[str]
    ) -> None:
        for condition in conditions:
            if isinstance(condition, AnyOf):
                self._walk(schema, kind, condition.conditions, seen)
            elif isinstance(condition, Linked):
                seen.add(condition.kind)
                other = schema[condition.kind]
                self._see(schema, other, condition.field, seen)
                self._walk(schema, other, condition.conditions, seen)
            else:
                self._see(schema, kind, condition.path, seen)

    def _see(self, schema: Schema, kind: Kind, path: str, seen: set[str]) -> None:
        place = schema.locate(kind, path)
        steps = [(place.target or kind, place.field)]
        if place.reference is not None and place.target is not None:
            seen.add(place.target.name)
            steps.append((kind, place.reference))
        for owner, field in steps:
            if field.name in self.of(schema, owner.name).masked:
                raise RestrictedError(
                    f"{self._actor} may not see {owner.name}.{field.name}, so it cannot be used here; leave it out"
                )
