"""Presets: what the tables of another product look like, and which records become of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from crmkit import Record
from crmkit.manifest import matching
from crmkit_exchange.columns import plain
from crmkit_exchange.presets.values import Row, Value, is_blank, value_of

__all__ = ["Fit", "Fitting", "History", "Part", "Preset", "Reference"]


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

    Several objects where the column may mean one of them: the first under which the id is known. Instead of a column
    a `Value`; `otherwise` is the reference that counts in rows where this one says nothing.

    With `makes`, a record that is not here is made, of which nothing is known but its id, which is its title as well;
    the id is kept under the object that `makes` names. Where `makes` is a preset, it is made by that, of the same row:
    what has no table of its own, such as stages that stand in deals by their names. Then a record that has the same in
    the fields that are unique together is taken instead of a new one, and none is for its title alone.
    """

    value: Value = attrs.field(converter=value_of)
    object: tuple[str, ...] = attrs.field(default=(), converter=_names)
    otherwise: Reference | None = None
    makes: str | Preset | None = None

    @property
    def column(self) -> str:
        """The column that it looks at first."""
        return self.value.columns[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it may look at."""
        return (*self.value.columns, *(self.otherwise.columns if self.otherwise else ()))

    def found(self, row: Row) -> tuple[Reference, str] | None:
        """Which of the references counts in a row, and the id that it gives; None if none says anything."""
        given = self.value(row)
        if not is_blank(given):
            return self, str(given).strip()
        return self.otherwise.found(row) if self.otherwise else None


@attrs.frozen
class History:
    """Rows that tell what became of records over time: `at` is the column with the time from which each is true.

    Without `of`, a row is the whole state of the record under its key: the first makes it, later ones change it, and
    a blank cell says that there is nothing any more. With `of`, a row is a change of what was imported as that object
    of the source: fields that it says nothing of stay, and no record is made.

    `since` names fields that hold since when another one has its value: `{"state_since": "state"}`. `yields_to` names
    objects of the source that tell of the same records: a row of a time before what was imported last as one of these is
    skipped, for it would set back what is known already.

    `properties` are two columns, one with the name of a property and one with its value, of tables in which each row
    tells of one property: it is then read as if it had a column of that name, and a blank value says that there is
    nothing any more. Those that are `carried` count in all later rows of the record, too: why a deal was lost is
    often said before it is lost.
    """

    at: Value = attrs.field(converter=value_of)
    of: str | None = None
    since: Mapping[str, str] = attrs.field(factory=dict)
    yields_to: tuple[str, ...] = attrs.field(default=(), converter=_names)
    properties: tuple[str, str] | None = None
    carried: tuple[str, ...] = attrs.field(default=(), converter=_names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it looks at."""
        return (*self.at.columns, *(self.properties or ()))

    def tells_of(self, row: Row, columns: Iterable[str]) -> bool:
        """Whether the property that a row tells of is one of these columns."""
        return bool(self.properties) and self.named(row) in map(plain, columns)

    def named(self, row: Row) -> str:
        """The folded name of the property that a row tells of; nothing where rows tell of all."""
        given = str(row.get(self.properties[0]) or "") if self.properties else ""
        return plain(given) if len(given) < 1000 else ""


@attrs.frozen(kw_only=True)
class Fitting:
    """A record as a row makes it, before it is written: what a preset's `fit` looks at.

    `before` is the record that it changes, None for a new one; `said` has what the row says of fields, `at` since when
    it is true, None outside of histories. `get` finds a record by kind and id, among those that are about to be
    written, too. `made` gives the record that is there already with the same in the fields that are unique together,
    else it has this one written.
    """

    record: Record
    before: Record | None
    said: Mapping[str, Any]
    at: datetime | None
    get: Callable[[str, str], Record | None]
    made: Callable[[Record], Record]


Fit: TypeAlias = Callable[[Fitting], tuple[Record, Sequence[str]]]
"""Gives the record as it can be written, and a clause for each thing that was not taken."""


@attrs.frozen(kw_only=True)
class Part:
    """A further record that each row makes, which belongs to the row's own: the line of an order.

    `owner` is its field that refers to the row's record. `fields` and `constants` are as in a `Preset`. In a row that
    has no value for a field which must be given, there is none; one that is there stays. Its id in the source is the
    row's, kept under the object of the preset and `name` (`order/line`).
    """

    name: str
    kind: type[Record] | str
    owner: str
    fields: Mapping[str, Value] = attrs.field(factory=dict, converter=_values)
    constants: Mapping[str, Any] = attrs.field(factory=dict)

    def preset(self, whole: Preset) -> Preset:
        """The part as a preset of its own, for the rows of the whole."""
        return Preset(
            name=f"{whole.name}-{self.name}",
            source=whole.source,
            object=f"{whole.object}/{self.name}",
            label=whole.label,
            kind=self.kind,
            fields=self.fields,
            constants=self.constants,
        )


@attrs.frozen(kw_only=True)
class Preset:
    """One sort of thing of another product (HubSpot's contacts), and which records become of it.

    `name` is what people call it (`hubspot-contacts`); `source` and `object` are what its ids are kept under. `kind`
    is the kind of record that it becomes, None if it is known and not kept; then `reason` says why not.

    It is recognised by its `signatures`: sets of columns, each spelt as in the file (`property_firstname`; upper and
    lower case are alike), one of which must be there whole; `@users` is a page of an API with its objects under
    `users`, `@alone` a table without further columns. The longest that fits wins.

    `key` is the column with the id. `fields` says for each field of the kind the column, or a `Value` of several.
    `addresses` says for each channel in which columns a customer's addresses are. `references` lead to other records
    of the source. `constants` are the same for all. `skip` gives the reason why a row is none, or None. Columns may be
    spelt in any way that `crmkit_exchange.columns.plain` folds to the same. `ignored` columns say nothing of the
    thing itself, such as when a connector read it: they are not even kept as details. Times without a zone are in
    `timezone`, None for the company's. `after` names objects of the source, or presets, that are imported before
    these.

    With a `history` the rows are brought in by their times, whatever order they stand in, and each is written as of
    its time: `effective` in the journal.

    `fit` has the last word before a record is written: where rules here want what the source does not know, it says
    what is truest. What it does not take is kept as what the source says.

    `parts` are further records that a row makes. `if_free` names fields that stay empty where another record has the
    value already. With `repeats`, rows without an id that are alike word for word are as many records, and not one.
    `again` names another preset by which the same rows are brought in once more, after what that one comes `after`: a
    table that has both how records began and how they are now, while another tells what became of them in between. What no
    field takes is kept by that one.

    With `only_update` no record is made: a row adds to the one that is there under its key what that lacks, and
    changes nothing else.
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
    fit: Fit | None = None
    ignored: tuple[str, ...] = attrs.field(default=(), converter=_names)
    timezone: str | None = "UTC"
    after: tuple[str, ...] = ()
    history: History | None = None
    parts: tuple[Part, ...] = ()
    if_free: tuple[str, ...] = ()
    repeats: bool = False
    again: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it takes, or takes no notice of."""
        found = [self.key] if self.key else []
        fields = [self.fields, *(each.fields for each in self.parts)]
        found += [name for each in fields for value in each.values() for name in value.columns]
        found += [name for names in self.addresses.values() for name in names]
        found += [name for each in self.references.values() for name in each.columns]
        found += self.history.columns if self.history else ()
        return tuple(dict.fromkeys([*found, *self.ignored]))

    @property
    def becomes(self) -> str:
        """The kind of record that it becomes; of what is not kept, why not."""
        if self.kind is None:
            return self.reason
        return self.kind if isinstance(self.kind, str) else self.kind.__kind__

    def fits(self, columns: Iterable[str], within: str | None = None) -> int:
        """How many columns of the longest signature that is there whole there are; 0 if there is none."""
        named = {name.strip().casefold() for name in columns}
        there = named | {f"@{within}".casefold(), "@alone"}
        wanted = ({each.casefold() for each in signature} for signature in self.signatures)
        sizes = (
            len(each)
            for each in wanted
            if each <= there and ("@alone" not in each or named <= each)
        )
        return max(sizes, default=0)
