"""Everything back in: a full export into an empty database, wholly or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from crmkit import CRM, Change, CrmError, Query, SchemaError
from crmkit.changes import Document
from crmkit.storage import Progress, Transaction
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.full.lines import FORMAT, change_from

__all__ = ["Restored", "is_full_export", "restore"]

BATCH = 500
"""How many records and changes are written together."""


@attrs.frozen
class Restored:
    """How many records and changes a full export had."""

    records: int
    changes: int


def is_full_export(path: Path) -> bool:
    """Whether a file begins like a full export of crmkit's."""
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(40).removeprefix(b"\xef\xbb\xbf").startswith(b'{"crmkit":"export"')


def restore(crm: CRM, path: Path, progress: Progress | None = None) -> Restored:
    """Write the records and the journal of a full export as they are, into an empty database.

    All in one transaction: nothing stays of a file that is cut, was altered, or whose reading was broken off. Raises
    `FileRefused` for such a file and for one of a newer format, `SchemaError` for a kind that is newer there, and
    `CrmError` if the database is not empty.
    """
    told = progress or (lambda done, total: None)
    reading = _Reading(path)
    header = reading.header()
    _check_empty(crm)
    _check_schemas(crm, header["catalogue"])
    crm.adopt(header["catalogue"])
    with crm.storage.transaction() as tx:
        _check_empty_within(crm, tx)
        writing = _Writing(crm, tx, header["catalogue"])
        for said in reading.rest():
            writing.take(said)
            if writing.count % BATCH == 0:
                told(reading.read, reading.size)
        writing.flush()
        reading.check(writing.records, writing.changes)
    told(reading.size, reading.size)
    crm.adopt({})
    return Restored(writing.records, writing.changes)


def _check_empty(crm: CRM) -> None:
    """Raise if there is anything."""
    with crm.storage.transaction(write=False) as tx:
        _check_empty_within(crm, tx)


def _check_empty_within(crm: CRM, tx: Transaction) -> None:
    if not tx.position():
        return
    there = {each.name: tx.count(Query(each.name)) for each in crm.schema}
    held = ", ".join(f"{count:,} {name}" for name, count in there.items() if count) or "a journal"
    raise CrmError(
        f"a full export goes into an empty database, and this one holds {held}; name a new one with --db"
    )


def _check_schemas(crm: CRM, theirs: Mapping[str, Any]) -> None:
    for name, entry in theirs.items():
        kind = crm.schema.kinds.get(name)
        if kind is not None and not kind.opaque and entry["schema"] > kind.schema:
            raise SchemaError(
                f"the export holds {name} records of schema {entry['schema']}, and {kind.owner} here knows {kind.schema}; "
                "upgrade that plugin first"
            )


class _Reading:
    """The lines of a full export, hashed as they are read; `read` is how many bytes of `size` are done."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self.read = 0
        self._digest = hashlib.sha256()
        self._end: Mapping[str, Any] | None = None
        self._lines = self._parsed(path)

    def _parsed(self, path: Path) -> Iterator[Mapping[str, Any]]:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    said = json.loads(line)
                    assert isinstance(said, dict)
                except (ValueError, AssertionError):
                    raise _damaged(f"line {number:,} is no JSON object") from None
                if "end" in said:
                    self._end = said["end"]
                    continue
                if self._end is not None:
                    raise _damaged(f"line {number:,} stands behind its end")
                self._digest.update(line)
                self.read += len(line)
                yield said

    def header(self) -> Mapping[str, Any]:
        """What the file says of itself."""
        said = next(self._lines, {})
        if said.get("crmkit") != "export" or not isinstance(said.get("catalogue"), dict):
            raise FileRefused("this is no full export of crmkit's; it begins with no header")
        if said["format"] > FORMAT:
            raise FileRefused(
                f"the export has format {said['format']}, and this crmkit reads {FORMAT}; upgrade crmkit-exchange"
            )
        return said

    def rest(self) -> Iterator[Mapping[str, Any]]:
        """Every line behind the header, the end apart."""
        return self._lines

    def check(self, records: int, changes: int) -> None:
        """Raise if the file is not what its end says."""
        if self._end is None:
            raise _damaged("it has no end, so it was cut off")
        if (self._end["records"], self._end["changes"]) != (records, changes):
            raise _damaged("it does not have as many records and changes as its end says")
        if self._end["sha256"] != self._digest.hexdigest():
            raise _damaged("its lines are not those that were written")


def _damaged(why: str) -> FileRefused:
    return FileRefused(f"the export is damaged: {why}; nothing was imported, get the whole file")


class _Writing:
    """What was read, written in batches; `records` and `changes` count it."""

    def __init__(self, crm: CRM, tx: Transaction, theirs: Mapping[str, Any]) -> None:
        self.records = self.changes = 0
        self._tx = tx
        self._older = {
            kind.name: (kind.cls, theirs[kind.name]["schema"])
            for kind in crm.schema
            if not kind.opaque and kind.name in theirs and theirs[kind.name]["schema"] < kind.schema
        }
        self._documents: list[tuple[str, Document]] = []
        self._changes: list[Change] = []

    @property
    def count(self) -> int:
        """How much was taken so far."""
        return self.records + self.changes

    def take(self, said: Mapping[str, Any]) -> None:
        """Take one line; what this version does not know is passed over."""
        try:
            if "record" in said:
                self.records += 1
                self._documents.append((said["record"], self._forward(said)))
            elif "change" in said:
                self.changes += 1
                self._changes.append(change_from(said))
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(f"a line lacks {error}") from error
        if len(self._documents) + len(self._changes) >= BATCH:
            self.flush()

    def _forward(self, said: Mapping[str, Any]) -> Document:
        """The document of a record, brought forward if its plugin is newer here."""
        document: Document = said["document"]
        if said["record"] not in self._older:
            return document
        cls, schema = self._older[said["record"]]
        fixed = {name: document[name] for name in ("id", "version", "created_at", "updated_at")}
        return {**cls.upgrade(dict(document), schema), **fixed}

    def flush(self) -> None:
        """Write what was taken."""
        if self._documents or self._changes:
            self._tx.restore(self._documents, self._changes)
            self._documents, self._changes = [], []
