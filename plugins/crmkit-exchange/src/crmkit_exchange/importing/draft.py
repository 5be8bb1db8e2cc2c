"""A draft: one row, read as a record of a kind, before anybody has looked whether it is there already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import attrs

from crmkit_exchange.channels import Address
from crmkit_exchange.formats.items import Item
from crmkit_exchange.presets.preset import Reference

__all__ = ["Draft", "Pointer"]


@attrs.frozen
class Pointer:
    """A reference to what has this id in the source, or this name, and is a record of `kind` here."""

    kind: str
    reference: Reference
    external_id: str


@attrs.frozen(kw_only=True, slots=False)
class Draft:
    """One row as it would be kept.

    `key` is its id in the source, or what stands for one. `values` are by field, accepted by the field's type.
    `pointers` are references by field. `details` are the columns that nothing takes. `notes` say what was not taken
    and why, one clause each. `skip` is why it is no record; `problem` why it cannot be one. `effective` is since when
    the row is true, None outside of histories. `parts` are the drafts of further records that the row makes, by the
    field that refers to its own.
    """

    item: Item
    key: str = ""
    values: Mapping[str, Any] = attrs.field(factory=dict)
    pointers: Mapping[str, Pointer] = attrs.field(factory=dict)
    addresses: tuple[Address, ...] = ()
    details: Mapping[str, Any] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    effective: datetime | None = None
    parts: Mapping[str, Draft] = attrs.field(factory=dict)
    skip: str | None = None
    problem: str | None = None

    @cached_property
    def digest(self) -> str:
        """What the row says, as a short hash: rows that say the same have the same."""
        said = {
            "values": {name: str(value) for name, value in self.values.items()},
            "pointers": {name: each.external_id for name, each in self.pointers.items()},
            "addresses": [(*each.place, each.role) for each in self.addresses],
            "details": self.details,
        }
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
