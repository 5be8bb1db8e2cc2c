"""Making what a reference leads to and is not here: a record of which only its id in the source is known."""

from __future__ import annotations

from typing import Any

from crmkit import Customer, Kind
from crmkit_exchange.importing.draft import Pointer
from crmkit_exchange.importing.known import Known
from crmkit_exchange.importing.staged import Staged
from crmkit_exchange.kinds import ExternalId

__all__ = ["made"]


def made(source: str, kind: Kind, known: Known, staged: Staged, pointer: Pointer) -> str:
    """The id of a new record of this kind, which is called what the pointer says, and is found again by it."""
    object, given = str(pointer.reference.makes), pointer.external_id
    values: dict[str, Any] = {kind.title: given}
    record = kind.cls(**values)
    staged.add(record)
    known.records[record.id] = record
    of: dict[str, Any] = {"record_kind": kind.name, "record_id": record.id}
    of |= {"customer_id": record.id} if kind.name == Customer.__kind__ else {}
    before = known.externals.get((object, given))
    if before is None:
        external = ExternalId(source=source, kind=object, external_id=given, **of)
        staged.add(external)
    else:  # that of a record which was deleted since; an id has one record
        external = before.evolve(**of, record_version=0, digest="")
        staged.change(external)
    known.externals[object, given] = external
    return record.id
