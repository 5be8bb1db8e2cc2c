"""What is done to a record for good, wherever it is referred to or remembered: merging, its opposite, redacting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from crmkit.changes import Write
from crmkit.codec import blanked, dump_document, load_document
from crmkit.errors import NotFound
from crmkit.kinds import Alias
from crmkit.past import Horizon
from crmkit.query import Query, where
from crmkit.records import Record
from crmkit.schema import Kind
from crmkit.writer import Writer, pointing

__all__ = ["absorb", "redact", "separate"]

_References: TypeAlias = Mapping[tuple[str, str], Sequence[str]]


def absorb(writer: Writer, kind: Kind, keep: Record, lose: Record) -> None:
    """Let everything that refers to `lose` refer to `keep`, delete `lose`, and let its id lead to `keep`."""
    with writer.whole("a merge"):
        for other, field in writer.schema.referring(kind.name):
            writer.point(other, field, writer.referring(other, field, [lose.id]), keep.id)
        [gone] = writer.storage.get(kind.name, [lose.id])  # it may have referred to itself
        writer.delete(kind, [gone or lose], frozenset())
        aliases = writer.schema[Alias.__kind__]
        earlier = list(writer.storage.find(Query(aliases.name, (where.target == lose.id,))))
        writer.write(
            aliases, [Write("update", each.set("target", keep.id), each) for each in earlier]
        )
        alias = Alias(id=lose.id, of=kind.name, target=keep.id)
        writer.write(aliases, [Write("insert", alias)])


def separate(
    writer: Writer,
    kind: Kind,
    id: str,
    references: _References,
    deleted: Mapping[str, Sequence[str]],
) -> None:
    """Let an id that leads elsewhere be a record again, to which those refer that are named; these others come back."""
    aliases = writer.schema[Alias.__kind__]
    [alias] = writer.storage.get(aliases.name, [id])
    if alias is None or alias["of"] != kind.name:
        raise NotFound(kind.name, id, "only an id that was merged away can be separated")
    with writer.whole("a separation"):
        writer.delete(aliases, [alias], frozenset())
        _bring_back(writer, kind, [id], alias, references)
        for (name, path), ids in references.items():
            found = [each for each in writer.storage.get(name, ids) if each is not None]
            led = [each for each in found if each[path] in (alias["target"], None)]
            writer.point(writer.schema[name], writer.schema[name].field(path), led, id)
        for name, ids in deleted.items():
            _bring_back(writer, writer.schema[name], ids, alias, references)


def _bring_back(
    writer: Writer, kind: Kind, ids: Sequence[str], alias: Record, references: _References
) -> None:
    """Insert records as they were when they were deleted; what they refer to may have been merged or deleted since.

    Of the fields that `references` names, those that led where the alias leads, or to what was deleted, lead to its id.
    """
    inserts = []
    for id in ids:
        history = writer.storage.history(kind.name, id)
        went = [each for each in history if each.action == "delete"]
        if not went:
            raise NotFound(kind.name, id, "only what was deleted can come back")
        if went[-1].delta is None:
            Horizon.check(writer.storage, went[-1].at)
        record = load_document(kind, went[-1].delta or {})
        for field in kind.references:
            to = record[field.name]
            if to in (alias["target"], None) and id in references.get((kind.name, field.name), ()):
                record = pointing(record, field, alias.id)
            elif to is not None:
                [there] = writer.guards.reader.get_many(str(field.refers_to), [to])
                if there or not field.required:
                    record = pointing(record, field, there and there.id)
        inserts.append(Write("insert", record))
    writer.write(kind, inserts)


def redact(writer: Writer, kind: Kind, ids: Sequence[str], names: Sequence[str]) -> None:
    """Blank these fields of records, there or deleted, in all that remembers them."""
    blanks = {name: blanked(kind, kind.field(name)) for name in names}
    current = writer.storage.get(kind.name, ids)
    blank = [
        _blank(writer, kind, id, record, blanks) for id, record in zip(ids, current, strict=True)
    ]
    writes = [
        Write("redact", each, record)
        for each, record in zip(blank, current, strict=True)
        if each is not None
    ]
    writer.guards.authorize(kind, writes)
    writer.touched.add(kind.name)
    with writer.whole("a redaction"):
        stamp = writer.stamp(write.record for write in writes)
        writer.storage.redact(kind.name, writer.stamped(writes, stamp), names, stamp)


def _blank(
    writer: Writer, kind: Kind, id: str, record: Record | None, blanks: Mapping[str, Any]
) -> Record | None:
    """The record without its values; of one that is deleted, what its last delete remembers, None if that is trimmed."""
    if record is not None:
        return load_document(kind, {**dump_document(kind, record), **blanks})
    history = writer.storage.history(kind.name, id)
    if not history:
        raise NotFound(kind.name, id)
    left: Any = [each.delta for each in history if each.action == "delete" and each.delta]
    version = {"version": history[-1].version}
    return load_document(kind, {**left[-1], **blanks, **version}) if left else None
