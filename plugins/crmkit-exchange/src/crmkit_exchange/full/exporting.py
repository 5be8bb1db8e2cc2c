"""Everything out: all records of all kinds and the whole journal, from one snapshot, line by line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import crmkit
from crmkit import CRM, Actor, CrmError, Query
from crmkit.catalogue import catalogue
from crmkit.codec import dump_document
from crmkit.opening import NORMALISERS
from crmkit.past import Horizon
from crmkit.restrictions import Views
from crmkit.schema import Schema
from crmkit.storage import Progress, Reads
from crmkit.values import format_time
from crmkit_exchange.full.lines import FORMAT, change_line, dumped, record_line

__all__ = ["check_unrestricted", "export_lines", "in_order"]

PAGE = 1000
"""How many changes are read together."""


def export_lines(crm: CRM, progress: Progress | None = None) -> Iterator[str]:
    """The lines of a full export, as the database is now; nothing but one line is held.

    `progress` is told how many records and changes of how many are done. Raises `CrmError` if another process brought
    a kind since this app was opened: its records cannot be read here.
    """
    told = progress or (lambda done, total: None)
    with crm.storage.transaction(write=False) as tx:
        total = sum(tx.count(Query(each.name)) for each in crm.schema) + tx.count_changes()
        digest, records, changes = hashlib.sha256(), 0, 0
        for line in _header(crm, tx):
            digest.update(line.encode())
            yield line
        for line in _records(crm.schema, tx):
            records += 1
            digest.update(line.encode())
            yield line
            if records % PAGE == 0:
                told(records, total)
        for line in _changes(crm.schema, tx):
            changes += 1
            digest.update(line.encode())
            yield line
            if changes % PAGE == 0:
                told(min(records + changes, total), total)
        told(total, total)
    end = {"records": records, "changes": changes, "sha256": digest.hexdigest()}
    yield dumped({"end": end})


def _header(crm: CRM, reads: Reads) -> Iterator[str]:
    yield dumped(
        {
            "crmkit": "export",
            "format": FORMAT,
            "version": crmkit.__version__,
            "exported_at": format_time(crm.clock()),
            "catalogue": catalogue(crm.schema),
            "normalisers": reads.state(NORMALISERS),
            **_trimmed(reads),
        }
    )


def _trimmed(reads: Reads) -> dict[str, str]:
    horizon = Horizon.of(reads)
    return {} if horizon is None else {"trimmed_before": format_time(horizon.before)}


def _records(schema: Schema, reads: Reads) -> Iterator[str]:
    for name in in_order(schema):
        kind = schema[name]
        for record in reads.find(Query(name)):
            yield record_line(name, dump_document(kind, record))


def in_order(schema: Schema) -> list[str]:
    """The kinds, those that others refer to first as far as that goes: people read the file, too."""
    left = {kind.name: {str(f.refers_to) for f in kind.references} - {kind.name} for kind in schema}
    order: list[str] = []
    while left:
        ready = [name for name, needs in left.items() if not needs & left.keys()] or [min(left)]
        order += ready
        for name in ready:
            del left[name]
    return order


def _changes(schema: Schema, reads: Reads) -> Iterator[str]:
    after = 0
    while page := reads.changes(after, limit=PAGE):
        after = page[-1].position
        for change in page:
            if change.kind not in schema.kinds:
                raise CrmError(
                    f"the kind {change.kind} came while this app was open, so its records are unknown here; "
                    "open it again, then export"
                )
            yield change_line(change)


def check_unrestricted(
    crm: CRM,
    actor: Actor,
    what: str = "a full export",
    instead: str = "export what you see, kind by kind: crm export KIND",
) -> None:
    """Raise `CrmError` if anything is hidden from an actor: a full export, or a copy, is whole, or it is none."""
    views = Views(crm.plugins, actor, crm)
    for kind in crm.schema:
        view = views.of(crm.schema, kind.name)
        if view.conditions or view.masked:
            raise CrmError(
                f"{actor} may not see all of {kind.name}, and {what} is whole; {instead}"
            )
