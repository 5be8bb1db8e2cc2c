"""The catalogue: the kinds as the database keeps them, so that records whose plugin is gone can still be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.plain import attributes
from crmkit.records import FieldOptions, KindOptions, OpaqueRecord
from crmkit.schema import Field, Kind, Schema
from crmkit.types import described

__all__ = ["catalogue", "from_catalogue"]

_KIND = ("owner", *(each.name for each in attrs.fields(KindOptions) if each.name != "name"))
_FIELD = ("owner", "required")
_OPTIONS = ("index", "search", "personal", "on_delete", "label")


def catalogue(schema: Schema) -> dict[str, Any]:
    """The kinds as JSON, from which `from_catalogue` makes those again whose plugin is gone."""
    return {
        kind.name: {
            **attributes(kind, _KIND),
            "fields": {
                each.name: {
                    **each.type.describe(),
                    **attributes(each, _FIELD),
                    **attributes(each.options, _OPTIONS),
                }
                for each in kind.fields.values()
            },
        }
        for kind in schema
    }


def from_catalogue(name: str, kept: Mapping[str, Any]) -> Kind:
    """The opaque kind that a catalogue's entry describes."""
    fields = {path: _field(path, each) for path, each in kept["fields"].items()}
    return Kind(name=name, cls=OpaqueRecord, fields=fields, **{each: kept[each] for each in _KIND})


def _field(path: str, kept: Mapping[str, Any]) -> Field:
    options = FieldOptions(**{each: kept[each] for each in _OPTIONS if each in kept})
    own = {each: kept[each] for each in _FIELD}
    return Field(path, described(kept), options=options, **own)
