"""Everything back in: a full export into an empty database, wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import attrs

from crmkit import CRM, Change, CrmError, Kind, Query, SchemaError
from crmkit.changes import Document
from crmkit.codec import load_document
from crmkit.manifest import described
from crmkit.opening import NORMALISERS
from crmkit.past import TRIMMED, Horizon
from crmkit.storage import Progress, Transaction
from crmkit.values import parse_time
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.full.lines import change_from
from crmkit_exchange.full.reading import Reading

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
    `CrmError` if the database is not empty. Identities stay as they were normalised there; where plugins here do that
    in another way, the next opening does it again, as after any such change.
    """
    told = progress or (lambda done, total: None)
    reading = Reading(path)
    catalogue = reading.header["catalogue"]
    with crm.storage.transaction(write=False) as tx:
        _check_empty(crm, tx)
    _check_schemas(crm, catalogue)
    crm.adopt(catalogue)
    with crm.storage.transaction() as tx:
        _check_empty(crm, tx)
        writing = _Writing(crm, tx, catalogue)
        for said in reading.lines():
            writing.take(said)
            if writing.count % BATCH == 0:
                told(reading.read, reading.size)
        writing.flush()
        tx.set_state(NORMALISERS, reading.header.get("normalisers"))
        _keep_horizon(tx, reading.header.get("trimmed_before"))
    told(reading.size, reading.size)
    crm.reload_fields()
    return Restored(writing.records, writing.changes)


def _check_empty(crm: CRM, tx: Transaction) -> None:
    """Raise if there is anything."""
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


def _keep_horizon(tx: Transaction, trimmed: Any) -> None:
    """Let the past be known from when on it was there; where that is in the journal, positions here say."""
    if trimmed is None:
        return
    with _understood():
        before, position = parse_time(trimmed), 0
    while page := tx.changes(position, None, BATCH):
        old = list(takewhile(lambda each: each.at < before, page))
        position = old[-1].position if old else position
        if len(old) < len(page):
            break
    tx.set_state(TRIMMED, Horizon(before, position, position).plain())


class _Writing:
    """What was read, written in batches; `records` and `changes` count it."""

    def __init__(self, crm: CRM, tx: Transaction, theirs: Mapping[str, Any]) -> None:
        self.records = self.changes = 0
        self._tx = tx
        self._schema = crm.schema
        self._older = {
            kind.name: (kind, theirs[kind.name]["schema"])
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
        with _understood():
            if "record" in said:
                self.records += 1
                self._documents.append((said["record"], self._forward(said)))
            elif "change" in said:
                self.changes += 1
                self._changes.append(change_from(said))
                self._check(said["kind"], said)
        if len(self._documents) + len(self._changes) >= BATCH:
            self.flush()

    def _forward(self, said: Mapping[str, Any]) -> Document:
        """The document of a record, brought forward if its plugin is newer here; refused if it cannot be read here."""
        name: str = said["record"]
        document: Document = said["document"]
        if name in self._older:
            document = _upgraded(*self._older[name], document)
        load_document(self._check(name, document), document)
        return document

    def _check(self, name: str, said: Mapping[str, Any]) -> Kind:
        """The kind of that name; refuses an id or a version that no record has."""
        if not isinstance(said["id"], str) or type(said["version"]) is not int:
            raise TypeError("an id is text and a version a whole number")
        return self._schema[name]

    def flush(self) -> None:
        """Write what was taken."""
        with _understood():
            if self._documents or self._changes:
                self._tx.restore(self._documents, self._changes)
                self._documents, self._changes = [], []


@contextmanager
def _understood() -> Iterator[None]:
    """Refuses what no export of crmkit's says, though the file is as somebody made it."""
    try:
        yield
    except CrmError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileRefused(
            f"the export has something that is not understood ({described(error)}); nothing was imported, "
            "make it again with crm export --all"
        ) from error


def _upgraded(kind: Kind, schema: int, document: Document) -> Document:
    fixed = {name: document[name] for name in ("id", "version", "created_at", "updated_at")}
    try:
        return {**kind.cls.upgrade(dict(document), schema), **fixed}
    except Exception as error:
        raise SchemaError(
            f"the {kind.name} records of the export cannot be brought from schema {schema} to {kind.schema} by "
            f"{kind.owner}: {described(error)}; nothing was imported, mend its `upgrade` and import again"
        ) from error
