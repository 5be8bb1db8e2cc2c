"""What an import leaves besides the records: the ids that they have elsewhere, and the import itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from crmkit import Customer, Record, field, kind

__all__ = ["ExternalId", "ImportRun"]


@kind(
    "external_id",
    label="External id",
    title="external_id",
    unique=(("source", "kind", "external_id"),),
    indexes=(("record_kind", "record_id"),),
)
class ExternalId(Record):
    """What a record is called where it came from.

    `kind` is the sort of thing in the source (`contact`, `company`), `record_kind` what became of it here. `digest`
    and `record_version` are of the last import: with them the next one tells what the source changed from what
    people changed here. `details` are the columns that no field takes, word for word. Of a history, `as_of` is the time of
    the last row that was imported, and `told` has the digests of those of that time. `apart` is what the source says of
    fields that people here have given another value. `customer_id` says whose record it is, so that whoever restricts reading by customers restricts this as well.
    """

    source: str = field()
    kind: str = field()
    external_id: str = field(label="External id")
    record_kind: str = field(label="Record kind")
    record_id: str = field(label="Record")
    customer_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")
    record_version: int = field(default=0, label="Record version")
    digest: str = field(default="")
    as_of: datetime | None = field(default=None, label="As of")
    told: tuple[str, ...] = field(default=())
    details: Mapping[str, Any] = field(factory=dict, personal=True)
    apart: Mapping[str, Any] = field(factory=dict, personal=True)


@kind("import_run", label="Import", title="file")
class ImportRun(Record):
    """One import of one file.

    Its changes in the journal are those whose actor acted through `import:THROUGH`: `through` is its own id, or that
    of the first of several files that are undone together: they were imported in one transaction, or are histories of what
    the first one brought.
    """

    file: str = field()
    through: str = field(default="")
    digest: str = field(label="Digest of the file")
    source: str = field(default="")
    options: Mapping[str, Any] = field(factory=dict)
    status: Literal["running", "done", "undone"] = field(default="running", index=True)
    finished_at: datetime | None = field(default=None)
    read: int = field(default=0)
    created: int = field(default=0)
    updated: int = field(default=0)
    skipped: int = field(default=0)
    invalid: int = field(default=0)
