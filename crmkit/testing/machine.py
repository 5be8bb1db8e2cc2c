"""Random histories for two storages side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from crmkit.changes import Change
from crmkit.codec import dump_document
from crmkit.past import TRIMMED
from crmkit.query import Query
from crmkit.records import Record
from crmkit.storage import Reads, Scope, Storage, Transaction
from crmkit.testing.lab import Lab
from crmkit.testing.side_by_side import BARE, KINDS, ZOO, SideBySide, Step, unplaced
from crmkit.testing.strategies import IDS, SEARCHES, TEXTS, measures, record_values, records

__all__ = ["StorageMachine", "storage_machine"]

_ANY_KIND = st.sampled_from(KINDS)
_NEEDED: dict[str, dict[str, Any]] = {"customer": {"name": "x"}, "slip": {"specimen_id": "a"}}


class StorageMachine(SideBySide):
    """Does the same to the reference and to another storage, and compares all that they answer.

    `storage_machine` makes one for a storage.
    """

    # Writing

    @initialize(data=st.data())
    def fill(self, data: st.DataObject) -> None:
        """Begin with some records of each kind."""
        for kind in KINDS:
            for _ in range(3):
                self.write(self._insert(kind, data))

    def _insert(self, kind: str, data: st.DataObject) -> Step:
        record = data.draw(records(self.schema[kind]))
        return lambda lab, tx: lab.insert(record, tx=tx)

    @rule(data=st.data(), kind=_ANY_KIND)
    def insert(self, data: st.DataObject, kind: str) -> None:
        """Insert a record, under an id that may be there."""
        self.write(self._insert(kind, data))

    @rule(data=st.data(), kind=_ANY_KIND)
    def insert_batch(self, data: st.DataObject, kind: str) -> None:
        """Insert several records at once."""
        made = data.draw(st.lists(records(self.schema[kind]), min_size=2, max_size=3))
        self.write(lambda lab, tx: lab.insert(*made, tx=tx), batch=len(made))

    def _update(self, kind: str, data: st.DataObject) -> Step:
        values = data.draw(record_values(self.schema[kind]))
        id, stale = data.draw(st.sampled_from(IDS)), data.draw(st.sampled_from([0, 0, 0, 1, -1]))

        def step(lab: Lab, tx: Transaction) -> Any:
            (record,) = tx.get(kind, [id])
            if record is None:
                record = self.schema[kind].cls(id=id, version=1, **_NEEDED.get(kind, {}))
            record = record.evolve(version=record.version + stale)
            new = record
            for name, value in values.items():
                new = new.set(name, value)
            own = {name: new[name] for name in record.field_names() if new[name] != record[name]}
            return lab.update(record, tx=tx, **own, added=new.added)

        return step

    @rule(data=st.data(), kind=_ANY_KIND)
    def update(self, data: st.DataObject, kind: str) -> None:
        """Change a record, of a version that may be stale."""
        self.write(self._update(kind, data))

    def _delete(self, kind: str, data: st.DataObject) -> tuple[Step, int]:
        ids = data.draw(st.lists(st.sampled_from(IDS), unique=True, min_size=1, max_size=2))

        def step(lab: Lab, tx: Transaction) -> None:
            found: list[Record] = [each for each in tx.get(kind, ids) if each is not None]
            if found:
                lab.delete(*found, tx=tx)

        return step, len(ids)

    @rule(data=st.data(), kind=_ANY_KIND)
    def delete(self, data: st.DataObject, kind: str) -> None:
        """Delete a record or two, which others may refer to."""
        self.write(*self._delete(kind, data))

    @rule(data=st.data())
    def several_steps(self, data: st.DataObject) -> None:
        """Several writes and reads in one transaction, which may be rolled back in the end."""
        steps: list[Step] = []
        for _ in range(data.draw(st.integers(2, 4))):
            kind = data.draw(_ANY_KIND)
            shape = data.draw(st.sampled_from(["insert", "update", "delete", "read", "search"]))
            if shape == "insert":
                steps.append(self._insert(kind, data))
            elif shape == "update":
                steps.append(self._update(kind, data))
            elif shape == "delete":
                steps.append(self._delete(kind, data)[0])
            elif shape == "read":
                query, scope = self.question(data)
                steps.append(lambda lab, tx, q=query, s=scope: list(tx.find(q, s)))  # type: ignore[misc]
            else:
                text = data.draw(st.sampled_from(SEARCHES))
                steps.append(lambda lab, tx, t=text: tx.search(t, KINDS, 9).records)  # type: ignore[misc]
        undo = data.draw(st.booleans())

        def work(lab: Lab) -> list[Any]:
            answers: list[Any] = []
            with lab.undone() if undo else lab.storage.transaction() as tx:
                answers += [step(lab, tx) for step in steps]
                answers += [list(tx.find(Query("specimen"))), unplaced(tx.changes())]
            return answers

        self.both(work, batch=2)

    @rule(kind=_ANY_KIND, id=st.sampled_from(IDS))
    def redact(self, kind: str, id: str) -> None:
        """Take personal data out of a record, or out of the past of one that is gone."""
        names = [field.name for field in self.schema[kind].personal]
        blanks: dict[str, Any] = {
            name: "" if self.schema[kind].fields[name].required else None for name in names
        }

        def work(lab: Lab) -> Any:
            (record,) = lab.storage.get(kind, [id])
            if record is not None:
                return lab.redact(record, **blanks)
            last = lab.storage.versions(kind, [id])
            if last:
                values = {**_NEEDED.get(kind, {}), **blanks}
                lab.redact_gone(self.schema[kind].cls(id=id, **values), *names)
            return last

        self.both(work)

    @rule(data=st.data(), kind=_ANY_KIND)
    def restore(self, data: st.DataObject, kind: str) -> None:
        """Restore a document, with the change that made it."""
        record = data.draw(records(self.schema[kind]))

        def step(lab: Lab, tx: Transaction) -> None:
            stamp = lab.stamp()
            version = tx.versions(kind, [record.id]).get(record.id, 0) + 1
            new = record.evolve(version=version, created_at=stamp.at, updated_at=stamp.at)
            step = (9, stamp.transaction, kind, record.id, version)
            change = Change(*step, "insert", stamp.at, stamp.at, stamp.actor)
            tx.restore([(kind, dump_document(self.schema[kind], new))], [change])

        self.write(step)

    @rule(
        key=st.sampled_from(["k", "K", "k%", "k_"]),
        value=st.sampled_from([None, 0, False, "", {"a": [1]}, 1.5]),
        expected=st.sampled_from([..., ..., None, 0, False, "", {"a": [1]}]),
    )
    def set_state(self, key: str, value: Any, expected: Any) -> None:
        """Set state, perhaps compared."""
        self.write(lambda lab, tx: tx.set_state(key, value, expected))
        self.both(lambda lab: (lab.storage.state(key), lab.storage.states("k")))

    @rule(bare=st.booleans())
    def prepare(self, bare: bool) -> None:
        """Take the plugins' fields away, or bring them back."""
        for lab in self.labs:
            lab.schema = BARE if bare else ZOO
            lab.storage.prepare(lab.schema)

    # Reading

    @rule(data=st.data())
    def find(self, data: st.DataObject) -> None:
        """Find, count, get and total, within a scope."""
        query, scope = self.question(data)
        self.both(lambda lab: list(lab.storage.find(query, scope)))
        self.both(lambda lab: lab.storage.count(query, scope))
        self.both(lambda lab: lab.storage.get(query.kind, IDS, scope))
        by, made = data.draw(measures(self.schema, self.schema[query.kind]))
        self.both(lambda lab: lab.storage.totals(query, by, made, scope))

    def _page(self, query: Query, scope: Scope) -> Any:
        return self.both(lambda lab: lab.storage.page(query, scope))

    @rule(data=st.data(), size=st.integers(1, 3))
    def page_to_the_end(self, data: st.DataObject, size: int) -> None:
        """Read all pages by their cursors."""
        query, scope = self.question(data)
        query = attrs.evolve(query, limit=size)
        for _ in range(10):
            page = self._page(query, scope)
            if page.after is None:
                return
            query = attrs.evolve(query, after=page.after)

    @rule(data=st.data(), size=st.integers(1, 3))
    def page_over_awrite(self, data: st.DataObject, size: int) -> None:
        """Go on behind a cursor after something was written."""
        query, scope = self.question(data)
        query = attrs.evolve(query, limit=size)
        page = self._page(query, scope)
        self.write(self._insert(query.kind, data))
        self.write(self._update(query.kind, data))
        rest = attrs.evolve(query, after=page.after)
        self._page(rest, scope)

    @rule(
        data=st.data(),
        text=st.one_of(st.sampled_from(SEARCHES), st.sampled_from(TEXTS)),
        kinds=st.lists(_ANY_KIND, unique=True, max_size=3),
        size=st.integers(1, 4),
        hidden=st.lists(st.sampled_from(["name", "notes", "text", "labels"]), max_size=2),
    )
    def search(
        self, data: st.DataObject, text: str, kinds: list[str], size: int, hidden: list[str]
    ) -> None:
        """Search, all pages, within a scope, some fields hidden."""
        _, scope = self.question(data)
        masks = {kind: frozenset(hidden) for kind in KINDS}

        def pages(lab: Lab) -> list[Any]:
            found, after = [], None
            for _ in range(12):
                page = lab.storage.search(text, kinds, size, after, scope, masks)
                found.append(page.records)
                after = page.after
                if after is None:
                    break
            return found

        self.both(pages)

    @rule(kind=_ANY_KIND, id=st.sampled_from(IDS))
    def history(self, kind: str, id: str) -> None:
        """The history and last version of a record."""
        self.both(lambda lab: unplaced(lab.storage.history(kind, id)))
        self.both(lambda lab: lab.storage.versions(kind, IDS))

    @rule(
        start=st.integers(0, 30),
        kinds=st.one_of(st.none(), st.lists(_ANY_KIND, max_size=2)),
        limit=st.one_of(st.none(), st.integers(0, 5)),
    )
    def changes(self, start: int, kinds: list[str] | None, limit: int | None) -> None:
        """The journal behind a position."""

        def work(lab: Lab) -> Any:
            positions = [0, *(each.position for each in lab.storage.changes())]
            after = positions[min(start, len(positions) - 1)]
            count = lab.storage.count_changes(after, kinds)
            return [unplaced(lab.storage.changes(after, kinds, limit)), count]

        self.both(work)

    @rule(place=st.integers(0, 30), size=st.integers(1, 4))
    def trim(self, place: int, size: int) -> None:
        """Take a beginning of the journal out, in steps, and tell what that will be."""

        def work(lab: Lab) -> Any:
            times = [each.at for each in lab.storage.changes()]
            if not times or "trim" not in lab.storage.capabilities:
                return None
            with lab.storage.transaction() as tx:
                told = tx.trimmable(times[min(place, len(times) - 1)])
                known = tx.state(TRIMMED) or {"position": 0}
                tx.set_state(TRIMMED, {"position": max(told.position, known["position"])})
                reached, taken = 0, []
                while reached < told.position:
                    reached, more = tx.trim(told.position, reached, size)
                    taken.append(more)
                return attrs.evolve(told, position=0), taken, unplaced(tx.changes())

        self.both(work)

    @rule(data=st.data())
    def columns(self, data: st.DataObject) -> None:
        """Columns, whatever the batches."""
        query, scope = self.question(data)
        names = sorted(self.schema[query.kind].fields)
        paths = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))

        def work(lab: Lab) -> list[list[Any]]:
            reads: Reads = lab.storage
            batches = list(reads.columns(query, paths, scope, batch=2))
            return [[each for batch in batches for each in batch[n]] for n in range(len(paths))]

        self.both(work)


def storage_machine(new_storage: Callable[[], Storage]) -> type[StorageMachine]:
    """A machine that drives a storage beside the reference; `new_storage` opens an empty database at each call.

    Run it with `hypothesis.stateful.run_state_machine_as_test(machine, settings=...)`.
    """
    return type("StorageMachine", (StorageMachine,), {"new_storage": staticmethod(new_storage)})
