"""Faults of writing: versions, uniqueness, references, and transactions that leave something behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from crmkit.changes import Change, Document, Write
from crmkit.errors import Duplicate
from crmkit.memory import MemoryTransaction
from crmkit.memory.reading import Data, Reader
from crmkit.schema import Kind, Schema
from crmkit.testing.broken.fault import Faults

__all__ = ["FAULTS"]

FAULTS = Faults()


@FAULTS.caught_by(
    "test_a_stale_update_names_both_versions", "test_only_one_of_two_stale_writers_wins"
)
class LosesUpdates(MemoryTransaction):
    """The last writer wins."""

    def _check_version(self, data: Data, write: Write) -> None:
        if write.action != "update":
            super()._check_version(data, write)


@FAULTS.caught_by("test_missing_never_clashes")
class MissingClashes(MemoryTransaction):
    """Two records clash in unique values that are partly missing."""

    def _store(self, kind: Kind, document: Document) -> None:
        for fields in kind.unique:
            values = tuple(document.get(name) for name in fields)
            for other in self._data.all(kind.name):
                same = tuple(other.document.get(name) for name in fields) == values
                if same and set(values) != {None} and other.id != document["id"]:
                    raise Duplicate(kind.name, fields, values, other.id)
        super()._store(kind, document)


@FAULTS.caught_by("test_unique_is_as_exact_as_equality")
class UniqueInAnyCase(MemoryTransaction):
    """Unique values clash with others of another case."""

    def _store(self, kind: Kind, document: Document) -> None:
        serial = document.get("serial")
        for other in self._data.all(kind.name):
            text = other.document.get("serial")
            if serial and text and text != serial and text.lower() == serial.lower():
                raise Duplicate(kind.name, ("serial",), (serial,), other.id)
        super()._store(kind, document)


@FAULTS.caught_by(
    "test_a_reference_must_lead_somewhere", "test_restored_references_hold_at_the_commit"
)
class TrustsReferences(MemoryTransaction):
    """References are not looked up."""

    def _check_references(self, kind: str, ids: Iterable[str]) -> None:
        return


@FAULTS.caught_by("test_versions_go_on_after_a_delete")
class VersionsStartAgain(Reader):
    """A record that is gone has no last version."""

    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        found = super().versions(kind, ids)
        return {id: found[id] for id in found if self._read().row(kind, id)}


@FAULTS.caught_by(
    "test_a_rollback_leaves_nothing",
    "test_others_do_not_see_what_is_not_committed",
    "test_no_ghosts_of_a_rollback",
)
class WritesAtOnce(MemoryTransaction):
    """Writes are there before the commit, and stay after a rollback."""

    def __init__(self, schema: Schema, data: Data, *, write: bool) -> None:
        super().__init__(schema, data, write=write)
        self._data = data


@FAULTS.caught_by("test_a_failed_write_leaves_the_transaction_unusable")
class GoesOnAfterFailure(MemoryTransaction):
    """A transaction goes on after a write that failed halfway."""

    @property
    def failed(self) -> bool:
        return False

    @failed.setter
    def failed(self, value: bool) -> None:
        pass


@FAULTS.caught_by("test_restored_references_hold_at_the_commit")
class ChecksRestoredAtOnce(MemoryTransaction):
    """Restored references are looked up document by document."""

    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        super().restore(documents, changes)
        self.end()


@FAULTS.caught_by(
    "test_a_savepoint_that_raises_is_undone", "test_a_failed_write_spoils_its_savepoint_only"
)
class KeepsSavepoints(MemoryTransaction):
    """What was written in a savepoint that raised stays."""

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.failed = False
