"""Deciding what becomes of each row: a new record, a changed one, nothing, or a reason why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit import Customer, NotFound, Record, Transaction
from crmkit.codec import difference
from crmkit_exchange.importing.addressing import Addressing
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.importing.known import Known, looked_up
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.making import made
from crmkit_exchange.importing.outcome import Outcome
from crmkit_exchange.importing.staged import Staged
from crmkit_exchange.kinds import ExternalId

__all__ = ["brought_in"]

ABSENT = "there is no such record here yet"
GONE = "its record was deleted here, or you may not see it"
Twins = tuple[tuple[str, str], ...]
"""Other customers, each with id and name."""
TOLD = "this, or what came after it, was imported before"
LATE = "what was imported of its record before is true since a later time"
SAME = "nothing has changed since it was last imported"


def brought_in(tx: Transaction, layout: Layout, drafts: Sequence[Draft]) -> list[Outcome]:
    """Write what becomes of these rows, no two of which have one key; raises what a write raises."""
    known = looked_up(tx, layout, drafts)
    deciding = _Deciding(tx, layout, known, Staged())
    outcomes = [deciding.decide(each) for each in drafts]
    deciding.staged.write(tx)
    return outcomes


@attrs.frozen
class _Deciding:
    """The decisions of one batch: reads through `tx` and `known`, writes into `staged`."""

    tx: Transaction
    layout: Layout
    known: Known
    staged: Staged

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
        if _was_told(external, draft, self._digest(draft)):
            return self._unchanged(draft, record, TOLD)
        if external.digest == self._digest(draft):
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
        # What only adds says nothing of the record as a whole: its own row keeps the digest and the details.
        adds = self.layout.preset.only_update
        apart = dict(external.apart) if external else {}
        for path, value in self._fields(draft, notes, record).items():
            before = None if base is None else self._said(external, base, path)
            apart.pop(path, None)
            if record[path] == value:
                continue
            if base is not None and before == value:
                apart[path] = self._plain(path, value)
                continue
            if adds and record[path] not in (None, "", ()):
                continue
            if base is not None and record[path] != before:
                notes.append(
                    f"{path}: {record[path]!r:.60} was written here, and {value!r:.60} there since"
                )
            fresh = fresh.set(path, value)
        fresh = self._since(draft, fresh, record)
        twins, added = self._given(draft, fresh)
        details = not adds and (external is None or dict(external.details) != dict(draft.details))
        changes = difference(self.layout.kind, record, fresh)
        if not (changes or added or (details and external is not None)):
            same = "it is here already, and is the same"
            return attrs.evolve(self._unchanged(draft, record, same), notes=tuple(notes))
        if changes:
            self.staged.change(fresh)
        if not adds:
            self._keep_external(draft, fresh, external, apart)
        reason = ", ".join([*changes, *(["addresses"] if added else [])]) or "details"
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
        notes = list(draft.notes)
        kind = self.layout.kind
        values = self._fields(draft, notes)
        missing = [n for n in draft.pointers if kind.field(n).required and n not in values]
        if missing:
            given = draft.pointers[missing[0]].external_id
            reason = f"{missing[0]} is {given!r:.60}, which is not here; import that first"
            return Outcome(draft=draft, action="invalid", reason=reason)
        people = [each for each in draft.addresses if each.role != "own"]
        values = {**self._addressing.correspondent(values, people, notes), **values}
        own = {name: value for name, value in values.items() if "." not in name}
        record = self._since(draft, kind.cls(**own), None)
        for name in values.keys() - own.keys():
            record = record.set(name, values[name])
        self.staged.add(record)
        self.known.records[record.id] = record
        for path in self.layout.preset.if_free:
            self.known.taken[path].setdefault(values.get(path), record.id)
        if values.get("type", "organization") == "organization":
            self.known.titled[kind.name, kind.title_of(record)].append(record.id)
        self._addressing.participants(record, values, people)
        twins, _ = self._given(draft, record)
        self._keep_external(draft, record, None)
        return Outcome(
            draft=draft,
            action="create",
            record=record.id,
            title=kind.title_of(record),
            notes=tuple(notes),
            twins=twins,
        )

    # What belongs to either ------------------------------------------------------------------------------------

    def _fields(self, draft: Draft, notes: list[str], own: Record | None = None) -> dict[str, Any]:
        """The values of a row's fields, its references resolved; what leads nowhere is made, or noted."""
        values = dict(draft.values)
        for path in self.layout.preset.if_free:
            holder = self.known.taken[path].get(values.get(path))
            if holder and (own is None or holder != own.id):
                another = f"another {self.layout.kind.name}"
                notes.append(f"{path}: {values.pop(path)!r:.60} is that of {another} here")
        for path, pointer in draft.pointers.items():
            target = self.known.target(pointer)
            if target is None and pointer.reference.makes:
                kind, source = self.tx.schema[pointer.kind], self.layout.preset.source
                values[path] = made(source, kind, self.known, self.staged, pointer)
            elif target is None:
                notes.append(f"{path}: {pointer.external_id!r:.60} is not here yet")
            else:
                values[path] = target
        return values

    def _since(self, draft: Draft, fresh: Record, before: Record | None) -> Record:
        """With the times since when fields have their values, of those that the row changes."""
        since = self.layout.preset.history.since if self.layout.preset.history else {}
        for path, of in since.items():
            if before is None or fresh[of] != before[of]:
                fresh = fresh.set(path, draft.effective)
        return fresh

    def _digest(self, draft: Draft) -> str:
        """What the row says, and which of its references lead somewhere by now."""
        led = "".join("1" if self.known.target(each) else "0" for each in draft.pointers.values())
        return f"{draft.digest}{led}"

    def _plain(self, path: str, value: Any) -> Any:
        return None if value is None else self.layout.kind.field(path).type.dump(value)

    def _said(self, external: ExternalId | None, base: Record, path: str) -> Any:
        """What the source last said of a field: what the last import left, unless that was what people had written."""
        if external is None or path not in external.apart:
            return base[path]
        kept = external.apart[path]
        return None if kept is None else self.layout.kind.field(path).type.load(kept)

    def _keep_external(
        self,
        draft: Draft,
        record: Record,
        external: ExternalId | None,
        apart: Mapping[str, Any] | None = None,
    ) -> None:
        said: Mapping[str, Any] = {
            "digest": self._digest(draft),
            "details": draft.details,
            "record_version": record.version,
            "customer_id": self._customer(record),
            "apart": apart or {},
            **_told(draft, external, self._digest(draft)),
        }
        if external is not None:
            self.staged.change(external.evolve(**said))
            return
        fresh = ExternalId(
            source=self.layout.preset.source,
            kind=self.layout.preset.object,
            external_id=draft.key,
            record_kind=record.__kind__,
            record_id=record.id,
            **said,
        )
        self.staged.add(fresh)
        self.known.externals[fresh.kind, fresh.external_id] = fresh

    def _customer(self, record: Record) -> str | None:
        """Whose record it is: the customer's own id, or the customer that it belongs to."""
        if record.__kind__ == Customer.__kind__:
            return record.id
        owner = self.layout.kind.customer
        return record[owner] if owner else None

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


def _was_told(external: ExternalId, draft: Draft, digest: str) -> bool:
    """Whether a row of a history, leading where it does now, or one of a later time was imported before."""
    if draft.effective is None or external.as_of is None:
        return False
    same = draft.effective == external.as_of and digest in external.told
    return same or draft.effective < external.as_of


def _told(draft: Draft, external: ExternalId | None, digest: str) -> dict[str, Any]:
    """What is kept of a history with a row: its time, and the digests of the rows of that time."""
    if draft.effective is None:
        return {}
    earlier = external.told if external and external.as_of == draft.effective else ()
    return {"as_of": draft.effective, "told": (*earlier, digest)}
