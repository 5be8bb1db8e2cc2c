"""Deciding what becomes of each row: a new record, a changed one, nothing, or a reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from crmkit import Customer, NotFound, Record, Transaction
from crmkit.codec import difference
from crmkit_exchange.importing.addressing import Addressing
from crmkit_exchange.importing.building import Building
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.importing.known import looked_up
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.outcome import Outcome
from crmkit_exchange.importing.staged import Staged
from crmkit_exchange.importing.telling import was_told
from crmkit_exchange.kinds import ExternalId

__all__ = ["brought_in"]

ABSENT = "there is no such record here yet"
GONE = "its record was deleted here, or you may not see it"
Twins = tuple[tuple[str, str], ...]
"""Other customers, each with id and name."""
TOLD = "this, or what came after it, was imported before"
HERE = "it is here already, and is the same"
LATE = "what was imported of its record before is true since a later time"
SAME = "nothing has changed since it was last imported"


def brought_in(tx: Transaction, layout: Layout, drafts: Sequence[Draft]) -> list[Outcome]:
    """Write what becomes of these rows, no two of which have one key; raises what a write raises."""
    known = looked_up(tx, layout, drafts)
    deciding = _Deciding(tx, layout, known, Staged())
    outcomes = [deciding.decide(each) for each in drafts]
    versions = deciding.staged.write(tx)
    if layout.times is not None and drafts and (since := drafts[0].effective):
        layout.times.update(dict.fromkeys(versions.items(), since))
    return outcomes


def _is_left_out(external: ExternalId | None, record: Record, path: str) -> bool:
    """Whether a field is empty since what the source said of it was not taken: nobody has written that here."""
    return external is not None and path in external.apart and record[path] in (None, "", ())


@attrs.frozen
class _Deciding(Building):
    """The decisions of one batch."""

    def decide(self, draft: Draft) -> Outcome:
        if draft.problem:
            return Outcome(draft=draft, action="invalid", reason=draft.problem)
        if draft.skip:
            return Outcome(draft=draft, action="skip", reason=draft.skip)
        external = self.known.externals.get((self.layout.preset.object, draft.key))
        if external is not None:
            return self._again(draft, external)
        if self.layout.preset.history and self.layout.preset.history.of:
            return self._changing(draft, self.layout.preset.history.of)
        found = self.known.candidates.get(draft.key, [])
        if len(found) > 1:
            named = ", ".join(f"{self.layout.kind.title_of(each)} ({each.id})" for each in found)
            return Outcome(draft=draft, action="invalid", reason=f"could be any of these: {named}")
        own = found[0] if found else self.known.records.get(draft.key)
        if own is not None and own.__kind__ == self.layout.kind.name:
            return self._update(draft, own, None, None)
        if self.layout.preset.only_update:
            return Outcome(draft=draft, action="skip", reason=ABSENT)
        return self._create(draft)

    def _changing(self, draft: Draft, object: str) -> Outcome:
        """The first change that is told of a record which was imported as that object."""
        external = self.known.externals.get((object, draft.key))
        if external is None:
            return Outcome(draft=draft, action="skip", reason=ABSENT)
        record = self.known.records.get(external.record_id)
        if record is None or record.__kind__ != self.layout.kind.name:
            return Outcome(draft=draft, action="skip", reason=GONE, version=external.version)
        if self._is_late(draft):
            return self._unchanged(draft, record, LATE)
        return self._update(draft, record, None, None)

    def _is_late(self, draft: Draft) -> bool:
        """Whether a row of a history would set back what another table of the source has told."""
        history = self.layout.preset.history
        objects = history.yields_to if history else ()
        found = (self.known.externals.get((each, draft.key)) for each in objects)
        times = [each.as_of for each in found if each is not None and each.as_of is not None]
        return draft.effective is not None and any(draft.effective < each for each in times)

    # A row that was here before --------------------------------------------------------------------------------

    def _again(self, draft: Draft, external: ExternalId) -> Outcome:
        record = self.known.records.get(external.record_id)
        if record is None:
            return Outcome(draft=draft, action="skip", reason=GONE, version=external.version)
        if record.__kind__ != self.layout.kind.name:
            reason = f"was imported as {record.__kind__} {record.id}; take that import back first"
            return Outcome(draft=draft, action="invalid", reason=reason, version=external.version)
        if was_told(external, draft, self.digest(draft)):
            return self._unchanged(draft, record, TOLD)
        if external.digest == self.digest(draft):
            return self._unchanged(draft, record, SAME)
        if self._is_late(draft):
            return self._unchanged(draft, record, LATE)
        return self._update(draft, record, external, self._base(external, record))

    def _base(self, external: ExternalId, record: Record) -> Record | None:
        """The record as the last import left it, None if that is not known any more."""
        if record.version == external.record_version:
            return record
        try:
            return self.tx.at_version(
                external.record_kind, external.record_id, external.record_version
            )
        except NotFound:
            return None

    def _update(
        self, draft: Draft, record: Record, external: ExternalId | None, base: Record | None
    ) -> Outcome:
        """Set what the source has changed: a field that people changed here stays unless the source changed it too."""
        notes = list(draft.notes)
        fresh = record
        also: list[str] = []
        # What only adds says nothing of the record as a whole: its own row keeps the digest and the details.
        adds = self.layout.preset.only_update
        apart = dict(external.apart) if external else {}
        values = self.fields(draft, notes, also, record)
        for path, value in values.items():
            before = None if base is None else self.said(external, base, path)
            apart.pop(path, None)
            if record[path] == value:
                continue
            if base is not None and before == value:
                apart[path] = self.plain(path, value)
                continue
            if adds and record[path] not in (None, "", ()):
                continue
            if self.is_in_history(draft, record, path, value):
                continue
            if (
                base is not None
                and record[path] != before
                and not _is_left_out(external, record, path)
            ):
                notes.append(
                    f"{path}: {record[path]!r:.60} was written here, and {value!r:.60} there since"
                )
            fresh = fresh.set(path, value)
        fresh = self.since(draft, fresh, record)
        fresh = self.fitted(draft, fresh, record, values, apart, notes)
        twins, added = self._given(draft, fresh)
        # What a row of changes says besides is no news by itself; nor is what it said that was not taken.
        details = not (adds or self.tells_of_changes) and (
            external is None or dict(external.details) != dict(draft.details)
        )
        changes = difference(self.layout.kind, record, fresh)
        if not (changes or added or (details and external is not None)):
            return attrs.evolve(self._unchanged(draft, record, HERE), notes=tuple(notes))
        if changes:
            self.staged.change(fresh)
        if not adds:
            self.keep_external(draft, fresh, external, apart)
        parts = [*changes, *(["addresses"] if added else []), *also]
        reason = ", ".join(parts) or "details"
        return Outcome(
            draft=draft,
            action="update",
            reason=reason,
            record=record.id,
            title=self.layout.kind.title_of(fresh),
            version=record.version,
            changes=changes,
            notes=tuple(notes),
            twins=twins,
        )

    def _unchanged(self, draft: Draft, record: Record, reason: str) -> Outcome:
        title = self.layout.kind.title_of(record)
        return Outcome(
            draft=draft,
            action="skip",
            reason=reason,
            record=record.id,
            title=title,
            version=record.version,
        )

    # A new one -------------------------------------------------------------------------------------------------

    def _create(self, draft: Draft) -> Outcome:
        notes, also = list(draft.notes), list[str]()
        kind = self.layout.kind
        values = self.fields(draft, notes, also)
        if missing := self.missing(draft, values):
            return Outcome(draft=draft, action="invalid", reason=missing)
        people = [each for each in draft.addresses if each.role != "own"]
        values = {**self._addressing.correspondent(values, people, notes), **values}
        apart: dict[str, Any] = {}
        record = self.fitted(draft, self.built(draft, values), None, values, apart, notes)
        self.add(record)
        for path in self.layout.preset.if_free:
            self.known.taken[path].setdefault(values.get(path), record.id)
        if values.get("type", "organization") == "organization":
            self.known.titled[kind.name, kind.title_of(record)].append(record.id)
        self._addressing.participants(record, values, people)
        twins, _ = self._given(draft, record)
        self.keep_external(draft, record, None, apart)
        return Outcome(
            draft=draft,
            action="create",
            reason=", ".join(also),
            record=record.id,
            title=kind.title_of(record),
            notes=tuple(notes),
            twins=twins,
        )

    # Addresses -------------------------------------------------------------------------------------------------

    @property
    def _addressing(self) -> Addressing:
        return Addressing(self.tx, self.layout, self.known, self.staged)

    def _given(self, draft: Draft, record: Record) -> tuple[Twins, bool]:
        """Give a customer the addresses of its row: (other customers who have one of them, whether any was added)."""
        if record.__kind__ != Customer.__kind__:
            return (), False
        ids, added = self._addressing.give(record, draft.addresses)
        return tuple((id, self._name_of(id)) for id in ids), added

    def _name_of(self, id: str) -> str:
        staged = self.staged.new.get(id) or self.known.records.get(id)
        found = staged or self.tx.get_many(Customer, [id])[0]
        return self.layout.kind.title_of(found) if found else ""
