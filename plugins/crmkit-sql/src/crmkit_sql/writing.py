"""Writing: records with their tokens, and the changes that this leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar

from psycopg import errors as postgres

from crmkit.changes import Change, Document, Stamp, Write
from crmkit.codec import blanked, delta_of, load_document
from crmkit.errors import ConflictError
from crmkit.records import Record
from crmkit_sql import diagnosis, journal
from crmkit_sql.begun import Begun
from crmkit_sql.layout import Table, dumped_json
from crmkit_sql.redacting import blank
from crmkit_sql.refusing import writing
from crmkit_sql.tokens import tokenizer
from crmkit_sql.updating import Updating

__all__ = ["SqlTransaction"]

T = TypeVar("T")

REFUSALS = (postgres.IntegrityError, postgres.ProgramLimitExceeded)
"""What a record can be refused for."""

FEW = 20
"""Up to so many rows go in one statement; more are copied."""


class SqlTransaction(Begun):
    """One transaction of one thread."""

    @writing
    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Rows with their tokens; the changes wait for the commit."""
        table = self._book.table(kind)
        records = [write.record for write in writes]
        self._check_again(table, records)
        self._add(table, records)
        row = journal.stamped_row(kind, stamp)
        self._record(row(each.id, each.version, "insert", None) for each in records)

    def _check_again(self, table: Table, records: Sequence[Record]) -> None:
        """Records that were deleted before go on from their last version."""
        # Version 1 needs no look: the journal has each version of a record once.
        again = [each for each in records if each.version != 1]
        last = self.versions(table.kind.name, [each.id for each in again]) if again else {}
        for record in again:
            if record.version - 1 != last.get(record.id, 0):
                diagnosis.refuse_present(self.link, table, record)
                expected = record.version - 1
                raise ConflictError(table.kind.name, record.id, expected, last.get(record.id, 0))

    def _add(self, table: Table, records: Sequence[Record]) -> None:
        if not records:
            return
        dump, tokens = table.dump, tokenizer(table, table.searched)
        rows = [(*dump(each), *tokens(each)) for each in records]
        try:
            if len(rows) > FEW and self._copied(table, rows):
                return
            inserted = self._inserted(table, records, rows)
        except REFUSALS as error:
            diagnosis.refuse_missing(table, records, error)
            diagnosis.refuse_too_long(table, records, error)
            raise
        if len(inserted) != len(records):
            diagnosis.refuse_not_inserted(self.link, table, records, inserted)

    def _inserted(
        self, table: Table, records: Sequence[Record], rows: Sequence[tuple[Any, ...]]
    ) -> list[str]:
        """Insert rows; the ids of those whose id and unique values were free."""
        if len(rows) == 1:
            return [records[0].id] * self.link.run(table.insert, rows[0])
        columns = [list(each) for each in zip(*rows, strict=True)]
        return [id for (id,) in self.link.rows(table.insert_many, columns)]

    def _copied(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Copy rows into the table, which is the fastest way; False if one of them clashes, and none is in."""
        self.link.run("SAVEPOINT crm_asking")
        try:
            with self.link.cursor.copy(table.copy) as copy:
                for row in rows:
                    copy.write_row(row)
        except postgres.UniqueViolation:
            self.link.run("ROLLBACK TO SAVEPOINT crm_asking")
            return False
        self.link.run("RELEASE SAVEPOINT crm_asking")
        return True

    def _record(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._pending.add(self.link, rows)

    @writing
    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Set what differs, where the version is still the one that the writer saw."""
        self._update(self._book.table(kind), writes, stamp, {})

    def _update(
        self, table: Table, writes: Sequence[Write], stamp: Stamp, blanks: Mapping[str, Any]
    ) -> None:
        kind = table.kind
        deltas = [{**(delta_of(kind, write) or {}), **blanks} for write in writes]
        for fields, run in groupby(zip(writes, deltas, strict=True), _changed):
            self._set(table, fields, [write for write, _ in run])
        row, action = journal.stamped_row(kind.name, stamp), "redact" if blanks else "update"
        self._record(
            row(each.record.id, each.record.version, action, dumped_json(delta))
            for each, delta in zip(writes, deltas, strict=True)
        )

    def _set(self, table: Table, fields: tuple[str, ...], writes: Sequence[Write]) -> None:
        """Set the same fields of some records."""
        updating: Updating = self._book.compiled(
            ("updating", table.kind.name, fields), lambda: Updating.of(table, fields)
        )
        dump, tokens = updating.dump, tokenizer(table, updating.searched)
        rows = [
            (
                *dump(write.record),
                *tokens(write.record),
                write.record.id,
                (write.previous or write.record).version,
            )
            for write in writes
        ]
        unique = any(field in group for group in table.kind.unique for field in fields)

        def run() -> int:
            if len(rows) == 1 or len({write.record.id for write in writes}) < len(writes):
                return sum(self.link.run(updating.one, row) for row in rows)
            columns = [list(each) for each in zip(*rows, strict=True)]
            written: int = self.link.run(updating.many, columns)
            return written

        records = [write.record for write in writes]
        last = self._last(table, writes) if len(writes) > 1 else None
        if self._asking(table, records, unique, run) != len(writes):
            if last is None:
                last = self._last(table, writes)
            diagnosis.refuse_stale(self.link, table, writes, last)

    def _last(self, table: Table, writes: Sequence[Write]) -> dict[str, int]:
        return self.versions(table.kind.name, [write.record.id for write in writes])

    def _asking(
        self, table: Table, records: Sequence[Record], protected: bool, run: Callable[[], T]
    ) -> T:
        """Run a write; what a broken rule means is found out, `protected` in a savepoint, behind which one can ask."""
        if protected:
            self.link.run("SAVEPOINT crm_asking")
        try:
            done = run()
        except REFUSALS as error:
            if protected:
                self.link.run("ROLLBACK TO SAVEPOINT crm_asking")
                if isinstance(error, postgres.UniqueViolation):
                    diagnosis.refuse_taken(self.link, table, records)
            diagnosis.refuse_missing(table, records, error)
            diagnosis.refuse_too_long(table, records, error)
            raise
        if protected:
            self.link.run("RELEASE SAVEPOINT crm_asking")
        return done

    @writing
    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Rows go with their tokens, the documents stay in the journal."""
        table = self._book.table(kind)
        ids = [write.record.id for write in writes]
        versions = [(write.previous or write.record).version for write in writes]
        last = self._last(table, writes)
        deltas = [dumped_json(delta_of(table.kind, write)) for write in writes]
        referred = bool(self._book.schema.referring(kind))
        if referred:
            self.link.run("SAVEPOINT crm_asking")
        try:
            gone = self.link.run(
                f"DELETE FROM {table.name} AS r USING unnest(%s::text[], %s::bigint[]) AS v(id, expected) "
                "WHERE r.id = v.id AND r.version = v.expected",
                (ids, versions),
            )
        except postgres.ForeignKeyViolation:
            self.link.run("ROLLBACK TO SAVEPOINT crm_asking")
            diagnosis.refuse_referenced(self.link, self._book, table, ids)
            raise
        if gone != len(writes):
            diagnosis.refuse_stale(self.link, table, writes, last)
        if referred:
            self.link.run("RELEASE SAVEPOINT crm_asking")
        row = journal.stamped_row(kind, stamp)
        self._record(
            row(write.record.id, write.record.version + 1, "delete", delta)
            for write, delta in zip(writes, deltas, strict=True)
        )

    @writing
    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        """Blank the records, their tokens and their changes."""
        table = self._book.table(kind)
        blanks = {name: blanked(table.kind, table.kind.field(name)) for name in fields}
        pairs = {name: (value, value) for name, value in blanks.items()}
        for there, run in groupby(writes, lambda write: write.previous is not None):
            if there:
                self._update(table, list(run), stamp, pairs)
            else:
                self._note_gone(table, list(run), stamp, pairs)
        self._journalled()
        blank(self.link, kind, dict.fromkeys(each.record.id for each in writes), blanks)

    def _note_gone(
        self, table: Table, writes: Sequence[Write], stamp: Stamp, pairs: Mapping[str, Any]
    ) -> None:
        kind = table.kind.name
        row = journal.stamped_row(kind, stamp)
        for write in writes:
            id = write.record.id
            diagnosis.refuse_present(self.link, table, write.record)
            version = self.versions(kind, [id]).get(id, 0) + 1
            self._record([row(id, version, "redact", dumped_json(pairs))])

    @writing
    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        """Everything as it is; the references are checked when the transaction ends."""
        if not self._deferred:
            self.link.run("SET CONSTRAINTS ALL DEFERRED")
        for name, run in groupby(documents, lambda each: each[0]):
            table = self._book.table(name)
            self._deferred.add(name)
            self._add(table, [load_document(table.kind, document) for _, document in run])
        self._record(map(journal.change_row, changes))


def _changed(pair: tuple[Write, Mapping[str, Any]]) -> tuple[str, ...]:
    write, delta = pair
    if write.previous is not None and write.previous.created_at != write.record.created_at:
        return (*delta, "created_at")
    return tuple(delta)
