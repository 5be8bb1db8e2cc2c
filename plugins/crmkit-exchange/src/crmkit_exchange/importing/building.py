"""Building records of rows: what they refer to first, fitted to the rules here, with the ids that they have in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit import Change, Customer, Record, Transaction, ValueRefused, where
from crmkit_exchange.importing.draft import Draft, Pointer
from crmkit_exchange.importing.drafting import drafted
from crmkit_exchange.importing.known import Known, looked_up
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.making import made
from crmkit_exchange.importing.staged import Staged
from crmkit_exchange.importing.telling import is_in, told_with
from crmkit_exchange.kinds import ExternalId
from crmkit_exchange.presets.preset import Fitting, Preset

__all__ = ["Building"]

LONGEST = 1000
"""So many characters has at most what something is made under: databases index it."""


@attrs.frozen
class Building:
    """Building records of the rows of one batch: reads through `tx` and `known`, writes into `staged`."""

    tx: Transaction
    layout: Layout
    known: Known
    staged: Staged

    def fields(
        self, draft: Draft, notes: list[str], also: list[str], own: Record | None = None
    ) -> dict[str, Any]:
        """The values of a row's fields, its references resolved; what leads nowhere is made, or noted.

        What is made of the row by a preset stands in `also`.
        """
        values = dict(draft.values)
        for path in self.layout.preset.if_free:
            holder = self.known.taken[path].get(values.get(path))
            if holder and (own is None or holder != own.id):
                another = f"another {self.layout.kind.name}"
                notes.append(f"{path}: {values.pop(path)!r:.60} is that of {another} here")
        for path, pointer in draft.pointers.items():
            target = self.known.target(pointer) or self._made(draft, pointer, notes, also)
            if target is None:
                notes.append(f"{path}: {pointer.external_id!r:.60} is not here yet")
            else:
                values[path] = target
        return values

    def missing(self, draft: Draft, values: Mapping[str, Any]) -> str:
        """What a new record cannot be without, and is not here; nothing if all is."""
        for path, pointer in draft.pointers.items():
            if self.layout.kind.field(path).required and path not in values:
                return (
                    f"{path} is {pointer.external_id!r:.60}, which is not here; import that first"
                )
        return ""

    def _made(
        self, draft: Draft, pointer: Pointer, notes: list[str], also: list[str]
    ) -> str | None:
        """The id of what a reference means, made if it says how; None if not, or if what a preset made was deleted here."""
        preset = pointer.reference.makes
        if isinstance(preset, str):
            kind, source = self.tx.schema[pointer.kind], self.layout.preset.source
            return made(source, kind, self.known, self.staged, pointer)
        if preset is None or (preset.object, pointer.external_id) in self.known.externals:
            return None
        if len(pointer.external_id) > LONGEST:
            raise ValueRefused(f"{pointer.external_id:.60}… is too long for a name")
        own = attrs.evolve(self, layout=_layout_for(self.tx, self.layout, preset))
        fresh = _draft_for(draft, own.layout, pointer.external_id)
        self.known.add(looked_up(self.tx, own.layout, [fresh]))
        values = own.fields(fresh, notes, also)
        if missing := own.missing(fresh, values):
            raise ValueRefused(missing)
        record = own.fitted(fresh, own.built(fresh, values), None, values, {}, notes)
        kept = self.alike(record)
        if kept.id == record.id:
            also.append(f"{own.layout.kind.label} {own.layout.kind.title_of(record)!r} was made")
        own.keep_external(fresh, kept, None)
        return kept.id

    def built(self, draft: Draft, values: Mapping[str, Any]) -> Record:
        """A new record with these values."""
        own = {name: value for name, value in values.items() if "." not in name}
        record = self.since(draft, self.layout.kind.cls(**own), None)
        for name in values.keys() - own.keys():
            record = record.set(name, values[name])
        return record

    def add(self, record: Record) -> None:
        """Have a new record written, and found by the rows that follow."""
        self.staged.add(record)
        self.known.records[record.id] = record

    def alike(self, record: Record) -> Record:
        """The record that has the same in fields that are unique together; else this one, which is then staged."""
        found = _there_already(self.tx, self.staged, record)
        if found is None:
            self.add(record)
            return record
        self.known.records[found.id] = found
        return found

    def _get(self, kind: str, id: str) -> Record | None:
        known = self.staged.new.get(id) or self.known.records.get(id)
        return known or self.tx.get_many(kind, [id])[0]

    def fitted(
        self,
        draft: Draft,
        record: Record,
        before: Record | None,
        values: Mapping[str, Any],
        apart: dict[str, Any],
        notes: list[str],
    ) -> Record:
        """The record as the preset has it written; what that does not take is what the source says, so it is apart."""
        fit = self.layout.preset.fit
        if fit is None:
            return record
        said = Fitting(
            record=record,
            before=before,
            said=values,
            at=draft.effective,
            get=self._get,
            made=self.alike,
        )
        fitted, untaken = fit(said)
        notes += untaken
        for path, value in values.items():
            if fitted[path] != value and record[path] == value:
                apart[path] = self.plain(path, value)
        return fitted

    @property
    def tells_of_changes(self) -> bool:
        """Whether rows are changes of records that were imported before."""
        history = self.layout.preset.history
        return history is not None and history.of is not None

    def is_in_history(self, draft: Draft, record: Record, path: str, value: Any) -> bool:
        """Whether another table told of the same change of a record."""
        if not self.tells_of_changes or draft.effective is None:
            return False
        changes: Sequence[Change] = self.tx.history(record.__kind__, record.id)
        if times := self.layout.times:
            changes = [
                attrs.evolve(each, effective=times.get((each.id, each.version), each.effective))
                for each in changes
            ]
        now, wanted = self.plain(path, record[path]), self.plain(path, value)
        return is_in(changes, path, now, wanted, draft.effective)

    def since(self, draft: Draft, fresh: Record, before: Record | None) -> Record:
        """With the times since when fields have their values, of those that the row changes."""
        since = self.layout.preset.history.since if self.layout.preset.history else {}
        for path, of in since.items():
            if before is None or fresh[of] != before[of]:
                fresh = fresh.set(path, draft.effective)
        return fresh

    def digest(self, draft: Draft) -> str:
        """What the row says, and which of its references lead somewhere by now."""
        led = "".join("1" if self.known.target(each) else "0" for each in draft.pointers.values())
        return f"{draft.digest}{led}"

    def plain(self, path: str, value: Any) -> Any:
        """A field's value as it is stored."""
        return None if value is None else self.layout.kind.field(path).type.dump(value)

    def said(self, external: ExternalId | None, base: Record, path: str) -> Any:
        """What the source last said of a field: what the last import left, unless that was what people had written."""
        if external is None or path not in external.apart:
            return base[path]
        kept = external.apart[path]
        return None if kept is None else self.layout.kind.field(path).type.load(kept)

    def keep_external(
        self,
        draft: Draft,
        record: Record,
        external: ExternalId | None,
        apart: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what a record is called in the source, and what the row said."""
        said: Mapping[str, Any] = {
            "digest": self.digest(draft),
            "details": draft.details,
            "record_version": record.version,
            "customer_id": self._customer(record),
            "apart": apart or {},
            **told_with(draft, external, self.digest(draft)),
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


def _layout_for(tx: Transaction, layout: Layout, preset: Preset) -> Layout:
    """How the rows of a file become records of another preset."""
    kind = tx.schema[preset.becomes]
    constants = {
        path: kind.field(path).type.accept(each) for path, each in preset.constants.items()
    }
    return attrs.evolve(layout, preset=preset, kind=kind, keys=(), constants=constants, parts={})


def _draft_for(draft: Draft, layout: Layout, key: str) -> Draft:
    """The draft of what a row refers to by this key; raises `ValueRefused` if the row does not say enough of it.

    What no field of it takes is kept with the row's own record, and it is true whenever the row is.
    """
    fresh = drafted(draft.item, layout)
    if fresh.problem or fresh.skip:
        raise ValueRefused(fresh.problem or fresh.skip or "")
    return attrs.evolve(fresh, key=key, details={}, effective=None)


def _there_already(tx: Transaction, staged: Staged, record: Record) -> Record | None:
    """The record that has the same as this one in fields that are unique together; None if none has."""
    kind = tx.schema[record.__kind__]
    for names in kind.unique:
        wanted = {name: record[name] for name in names}
        if None in wanted.values():
            continue
        for each in staged.new.values():
            if each.__kind__ == kind.name and all(each[n] == v for n, v in wanted.items()):
                return each
        for each in tx.find(kind.name, *(where[n] == v for n, v in wanted.items()), limit=1):
            return each
    return None
