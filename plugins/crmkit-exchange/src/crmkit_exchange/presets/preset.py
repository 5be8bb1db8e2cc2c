"""Presets: what the tables of another product look like, and which records become of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from crmkit import Record
from crmkit.manifest import matching
from crmkit_exchange.presets.values import Row, Value, value_of

__all__ = ["Preset", "Reference"]


def _signatures(given: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(each) for each in given)


def _values(given: Mapping[str, str | Value]) -> dict[str, Value]:
    return {name: value_of(each) for name, each in given.items()}


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _channels(given: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {channel: _names(each) for channel, each in given.items()}


@attrs.frozen
class Reference:
    """A column that holds another record's id in the source; `object` is what sort of thing that is there.

    Several objects where the column may mean one of them: the first under which the id is known.
    """

    column: str
    object: tuple[str, ...] = attrs.field(converter=_names)


@attrs.frozen(kw_only=True)
class Preset:
    """One sort of thing of another product (HubSpot's contacts), and which records become of it.

    `name` is what people call it (`hubspot-contacts`); `source` and `object` are what its ids are kept under. `kind`
    is the kind of record that it becomes, None if it is known and not kept; then `reason` says why not.

    It is recognised by its `signatures`: sets of columns, each spelt as in the file (`property_firstname`; upper and
    lower case are alike), one of which must be there whole; `@users` is a page of an API with its objects under
    `users`. The longest that fits wins.

    `key` is the column with the id. `fields` says for each field of the kind the column, or a `Value` of several.
    `addresses` says for each channel in which columns a customer's addresses are. `references` lead to other records
    of the source. `constants` are the same for all. `skip` gives the reason why a row is none, or None. Columns may be
    spelt in any way that `crmkit_exchange.columns.plain` folds to the same. Times without a zone are in `timezone`,
    None for the company's. `after` names objects of the source that are imported before these.
    """

    name: str = attrs.field(validator=matching("[a-z][a-z0-9-]*", "hubspot-contacts"))
    source: str
    object: str
    label: str
    kind: type[Record] | str | None = None
    reason: str = ""
    signatures: tuple[tuple[str, ...], ...] = attrs.field(default=(), converter=_signatures)
    key: str | None = None
    only_update: bool = False
    fields: Mapping[str, Value] = attrs.field(factory=dict, converter=_values)
    addresses: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, converter=_channels)
    references: Mapping[str, Reference] = attrs.field(factory=dict)
    constants: Mapping[str, Any] = attrs.field(factory=dict)
    skip: Callable[[Row], str | None] | None = None
    timezone: str | None = "UTC"
    after: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it takes."""
        found = [self.key] if self.key else []
        found += [name for value in self.fields.values() for name in value.columns]
        found += [name for names in self.addresses.values() for name in names]
        found += [each.column for each in self.references.values()]
        return tuple(dict.fromkeys(found))

    def fits(self, columns: Iterable[str], within: str | None = None) -> int:
        """How many columns of the longest signature that is there whole there are; 0 if there is none."""
        there = {name.strip().casefold() for name in columns} | {f"@{within}"}
        sizes = (len(each) for each in self.signatures if {n.casefold() for n in each} <= there)
        return max(sizes, default=0)
