"""Undoing an import: what it created goes, what it changed is as before, what people did since stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import attrs

from crmkit import (
    CRM,
    Actor,
    Change,
    CrmError,
    InvalidRecords,
    Kind,
    Record,
    Transaction,
    TrimmedError,
    where,
)
from crmkit.codec import difference, dump_document
from crmkit_exchange.importing.runs import mark, progress_key
from crmkit_exchange.kinds import ExternalId, ImportRun

__all__ = ["Kept", "Undone", "undo"]

PAGE = 500
"""How many changes are looked at together."""


@attrs.frozen
class Kept:
    """A record that undoing left as it is, or in some fields, and why."""

    kind: str
    id: str
    title: str
    reason: str


@attrs.define
class Undone:
    """What undoing did: how many records it deleted, how many it changed back, and what it left to people."""

    deleted: int = 0
    restored: int = 0
    kept: list[Kept] = attrs.field(factory=list)


class _Undo(Exception):
    """Leaves a transaction without its writes."""


def undo(crm: CRM, actor: Actor, run: ImportRun, *, plan: bool = False) -> Undone:
    """Undo an import, with those that were made in one transaction with it: wholly or not at all.

    With `plan`, nothing is written. Raises `CrmError` for one that was undone already, and `TrimmedError` for one of
    which the journal does not know all any more.
    """
    if run.status == "undone":
        raise CrmError(f"import {run.id} was undone already; import the file again to have it back")
    done = Undone()
    through = run.through or run.id
    handle = crm.acting(attrs.evolve(actor, via=f"undo:{through}"))
    with suppress(_Undo), handle.transaction() as tx:
        since = _known_since(tx, run, through)
        for names in _passes(tx):
            _Undoing(tx, through, done).go_through(names, since)
        for each in list(tx.find(ImportRun, where.through == through)):
            tx.update(each.evolve(status="undone"))
            tx.set_state(progress_key(each), None)
        if plan:
            raise _Undo
    return done


def _known_since(tx: Transaction, run: ImportRun, through: str) -> datetime:
    """A moment just before the first of the imports that are undone together."""
    began = min(each.created_at for each in [run, *tx.find(ImportRun, where.through == through)])
    since = began - timedelta(microseconds=1)
    try:
        tx.changes(since=since, limit=1)
    except TrimmedError as error:
        raise TrimmedError(
            f"import {run.id} began before {error.since.isoformat()}, up to which the journal is trimmed, so what was "
            "there before it is not known any more; change or delete what it brought by hand",
            error.since,
        ) from None
    return since


def _passes(tx: Transaction) -> Iterator[list[str]]:
    """The kinds in the order in which they go: those that refer to others first."""
    last = ["participant", "interaction", "identity", "customer"]
    left = {each.name for each in tx.schema} - {*last, ImportRun.__kind__}
    while left:
        free = {name for name in left if not _pointed_to(tx, name, left)} or left
        yield sorted(free)
        left -= free
    yield from ([name] for name in last)


def _pointed_to(tx: Transaction, name: str, others: Iterable[str]) -> bool:
    """Whether another kind among these refers to a kind."""
    referring = (kind.name for kind, _ in tx.schema.referring(name))
    return any(each != name and each in others for each in referring)


@attrs.frozen
class _Undoing:
    """Undoing what one import did, within a transaction; `done` is added to."""

    tx: Transaction
    through: str
    done: Undone

    def go_through(self, names: Sequence[str], since: datetime) -> None:
        """Undo what it did to records of these kinds, page by page of the journal from a moment on."""
        after = 0
        while page := self.tx.changes(after, names, PAGE, since):
            after = page[-1].position
            touched: dict[str, dict[str, Change]] = {}
            for change in page:
                if change.actor.via == mark(self.through):
                    touched.setdefault(change.kind, {}).setdefault(change.id, change)
            for kind, firsts in touched.items():
                self._undo(self.tx.schema[kind], firsts)

    def _undo(self, kind: Kind, firsts: Mapping[str, Change]) -> None:
        """Undo what it did to these records of one kind, each with the first change of it on this page."""
        going: list[Record] = []
        for id, record in zip(firsts, self.tx.get_many(kind.name, list(firsts)), strict=True):
            if record is None or record.id != id:  # deleted or merged away since
                continue
            if record.version == 1 and firsts[id].action == "insert":
                going.append(record)
                continue
            history = self.tx.history(kind.name, id)
            if self._is_ours(history[0]):
                if self._is_as_left(kind, record, history):
                    going.append(record)
                else:
                    self._keep(kind, record, "was changed since")
            else:
                self._change_back(kind, record, history)
        self._delete(kind, self._without_those_of_kept(kind, going))

    def _without_those_of_kept(self, kind: Kind, records: Sequence[Record]) -> list[Record]:
        """Those that do not belong to a record that stays: its external ids and addresses stay with it."""
        if kind.name not in {ExternalId.__kind__, "identity"}:
            return list(records)
        owners: dict[tuple[str, str], list[Record]] = {}
        for each in records:
            owner = (
                (each["record_kind"], each["record_id"])
                if kind.name == ExternalId.__kind__
                else ("customer", each["customer_id"])
            )
            owners.setdefault(owner, []).append(each)
        stays = self._staying(owners)
        return [each for owner, found in owners.items() if owner not in stays for each in found]

    def _staying(self, owners: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these records, by kind and id, the import created and undoing is going to keep."""
        by_kind: dict[str, list[str]] = {}
        for name, id in owners:
            if id and name in self.tx.schema.kinds:
                by_kind.setdefault(name, []).append(id)
        stays: set[tuple[str, str]] = set()
        for name, ids in by_kind.items():
            untouched = []
            for id, record in zip(ids, self.tx.get_many(name, ids), strict=True):
                history = self.tx.history(name, id) if record is not None else []
                if record is None or record.id != id or not self._is_ours(history[0]):
                    continue
                if self._is_as_left(self.tx.schema[name], record, history):
                    untouched.append(record)
                else:
                    stays.add((name, id))
            in_use = self._in_use(self.tx.schema[name], untouched)
            stays |= {(name, id) for id in in_use}
        return stays

    def _is_ours(self, change: Change) -> bool:
        return change.actor.via in {mark(self.through), f"undo:{self.through}"}

    def _is_as_left(self, kind: Kind, record: Record, history: Sequence[Change]) -> bool:
        """Whether a record is as the import left it: nobody else changed it, or that was undone."""
        last = [each for each in history if self._is_ours(each)][-1]
        if last is history[-1]:
            return all(map(self._is_ours, history))
        left = self.tx.at_version(kind.name, record.id, last.version)
        return not difference(kind, left, record)

    def _keep(self, kind: Kind, record: Record, reason: str) -> None:
        self.done.kept.append(Kept(kind.name, record.id, kind.title_of(record), reason))

    # What it changed -------------------------------------------------------------------------------------------

    def _change_back(self, kind: Kind, record: Record, history: Sequence[Change]) -> None:
        """Give the fields that it set the values from before, where they are still as it left them."""
        steps = [each for each in history if each.actor.via == mark(self.through)]
        names = dict.fromkeys(name for each in steps for name in each.delta or {})
        now = dump_document(kind, record)
        back, left = record, []
        for name in names:
            value, was = now.get(name), now.get(name)
            for before, after in _deltas(steps, name):
                if value != after:
                    break
                value = before
            else:
                if value == was:  # it came back to what it was by itself
                    continue
            if value != was and name in kind.fields:
                back = back.set(name, None if value is None else kind.field(name).type.load(value))
            elif value == was:
                left.append(name)
        if left and back is record and self._is_back(steps, now):
            return
        if left:
            self._keep(kind, record, f"{', '.join(left)} changed since")
        if back is not record:
            self._restore(kind, back)

    def _restore(self, kind: Kind, back: Record) -> None:
        """Write a record as it was before; one that a rule does not let back is kept, with the reason."""
        try:
            with self.tx.savepoint():
                self.tx.update(back)
            self.done.restored += 1
        except InvalidRecords as error:
            self._keep(kind, back, " ".join(str(error).split()))

    def _is_back(self, steps: Sequence[Change], now: Mapping[str, Any]) -> bool:
        """Whether every field is as it was before: undone on an earlier page, or by somebody."""
        firsts: dict[str, Any] = {}
        for step in steps:
            for name, (before, _) in (step.delta or {}).items():
                firsts.setdefault(name, before)
        return all(now.get(name) == before for name, before in firsts.items())

    # What it created -------------------------------------------------------------------------------------------

    def _delete(self, kind: Kind, records: Sequence[Record]) -> None:
        """Delete records that nobody else has changed or refers to; one that cannot go is kept, with the reason."""
        in_use = self._in_use(kind, records)
        for record in records:
            if record.id in in_use:
                self._keep(kind, record, in_use[record.id])
        self._delete_all(kind, [each for each in records if each.id not in in_use])

    def _in_use(self, kind: Kind, records: Sequence[Record]) -> dict[str, str]:
        """Which of these records other people's records refer to, and how; what imports leave is nobody's work."""
        found: dict[str, str] = {}
        ids = [each.id for each in records]
        referring = self.tx.schema.referring(kind.name) if ids else ()
        for other, field in (pair for pair in referring if pair[0].name != ExternalId.__kind__):
            for each in self.tx.find(other.name, where[field.name].in_(ids)):
                if not self._set_it(self.tx.history(other.name, each.id), field.name):
                    found.setdefault(each[field.name], f"{other.name} {each.id} refers to it")
        return found

    def _set_it(self, history: Sequence[Change], name: str) -> bool:
        """Whether it was the import that gave a field its value: with the record, or by changing it last."""
        changing = (each for each in reversed(history) if name in (each.delta or {}))
        return self._is_ours(next(changing, history[0]))

    def _delete_all(self, kind: Kind, records: Sequence[Record]) -> None:
        if not records:
            return
        try:
            with self.tx.savepoint():
                # Those before it in the batch may have cleared a reference of one.
                self.tx.delete_all(self.tx.get_many(kind.name, [each.id for each in records]))  # type: ignore[arg-type]
            self.done.deleted += len(records)
        except CrmError as error:
            if len(records) == 1:
                self._keep(kind, records[0], " ".join(str(error).split()))
                return
            half = len(records) // 2
            self._delete_all(kind, records[:half])
            self._delete_all(kind, records[half:])


def _deltas(steps: Sequence[Change], name: str) -> Iterator[tuple[Any, Any]]:
    """(before, after) of one field in each change that set it, the last first."""
    for step in reversed(steps):
        if step.delta and name in step.delta:
            yield step.delta[name]
