"""Laying out a file: which preset, which order its dates are in, how many rows; all that is found out by reading it once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from crmkit import Handle, Kind, QueryError, ValueRefused
from crmkit.errors import nearest
from crmkit_exchange.dates import DateOrder, Orders, decide
from crmkit_exchange.formats.items import FileRefused, Source
from crmkit_exchange.importing.choosing import chosen
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.importing.drafting import drafted, field_value
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.properties import with_properties
from crmkit_exchange.importing.repeating import told_apart
from crmkit_exchange.importing.rows import FoldedRow, spelt
from crmkit_exchange.importing.sorting import by_time
from crmkit_exchange.presets.fields import ImportFields
from crmkit_exchange.presets.preset import Preset
from crmkit_exchange.presets.values import Value
from crmkit_exchange.settings import Settings

__all__ = ["Table", "laid_out"]


@attrs.frozen
class Table:
    """A file that is ready to be imported: what it is called, its hash, its rows, and how they are read.

    `total` is how many rows it has. `left` are the columns that no field takes.
    """

    name: str
    digest: str
    source: Source
    layout: Layout
    total: int
    left: tuple[str, ...] = ()

    def drafts(self, after: int = 0) -> Iterator[Draft]:
        """The drafts of its rows in their order, those of a history by their times; from behind so many."""
        items = self.source.items()
        if self.layout.preset.history:
            items = with_properties(by_time(items, self.layout), self.layout)
        if self.layout.preset.repeats:
            yield from islice(told_apart(drafted(each, self.layout) for each in items), after, None)
            return
        for item in islice(items, after, None):
            yield drafted(item, self.layout)


def laid_out(
    crm: Handle,
    presets: Sequence[Preset],
    fields: Mapping[str, ImportFields],
    source: Source,
    name: str,
    digest: str,
    options: ImportOptions,
) -> Table:
    """The table that a file is; raises `FileRefused` or `AmbiguousDates` where somebody has to say more."""
    preset = chosen(crm, presets, fields, source, name, options)
    kind = _kind(crm, preset)
    only_here = fields[kind.name].fields if kind.name in fields else {}
    sets = [each for each in options.sets if each[0] not in only_here]
    company = crm.company
    layout = Layout(
        preset=preset,
        kind=kind,
        zone=_zone(options.timezone or preset.timezone or company.timezone),
        region=_region(options.region) if options.region else company.region,
        home=company.region,
        currency=company.currency,
        keys=options.keys,
        own=options.own | frozenset(map(str.casefold, crm.settings(Settings).own)),
        new_customers=options.new_customers,
    )
    layout = attrs.evolve(layout, constants=_constants(layout, sets), parts=_parts(crm, layout))
    total, orders, blank = _read_through(source, layout, options)
    used = {each for name in preset.columns for each in spelt(source.columns, name)}
    left = tuple(each for each in source.columns if each not in used and each not in blank)
    left = () if preset.again else left
    parts = {path: attrs.evolve(each, orders=orders) for path, each in layout.parts.items()}
    layout = attrs.evolve(layout, orders=orders, parts=parts)
    return Table(name, digest, source, layout, total, left)


def _kind(crm: Handle, preset: Preset) -> Kind:
    kind = preset.kind or "customer"
    return crm.schema[kind if isinstance(kind, str) else kind.__kind__]


def _region(code: str) -> str:
    """A country that has telephone numbers; raises `FileRefused` for any other text."""
    import phonenumbers

    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise FileRefused(f"there is no country {code!r} (ISO 3166); write it as in --region KR")
    return code


def _zone(name: str) -> tzinfo:
    import zoneinfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        hint = nearest(name, zoneinfo.available_timezones()) or "; write it as in Asia/Seoul"
        raise FileRefused(f"there is no time zone {name!r}{hint}") from None


def _parts(crm: Handle, layout: Layout) -> dict[str, Layout]:
    """How the same rows become further records, by the field of these that refers to the row's own."""
    found = {}
    for part in layout.preset.parts:
        preset = part.preset(layout.preset)
        own = attrs.evolve(layout, preset=preset, kind=_kind(crm, preset), keys=())
        found[part.owner] = attrs.evolve(own, constants=_constants(own, ()))
    return found


def _constants(layout: Layout, sets: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The values that are the same for every row: the preset's, then those that were said."""
    kind, given = layout.kind, layout.preset.constants
    found = {name: kind.field(name).type.accept(each) for name, each in given.items()}
    for path, text in sets:
        try:
            found[path] = field_value(layout, kind.field(path), text, path)
        except (QueryError, ValueRefused) as error:
            raise FileRefused(f"--set {path}={text}: {error}") from None
    return found


def _read_through(
    source: Source, layout: Layout, options: ImportOptions
) -> tuple[int, Mapping[str, DateOrder], set[str]]:
    """How many rows there are, the order of the dates in each column that has some, and the columns that have nothing."""
    dates = dict(_dates(layout)) if layout.preset.kind is not None else {}
    seen = {name: Orders(name) for name in dates}
    total, blank = 0, {*source.columns}
    for item in with_properties(source.items(), layout):
        total += 1
        blank -= {name for name in blank if item.values.get(name) not in (None, "", [], {})}
        if dates and not item.problem:
            row = FoldedRow(item.values)
            for name, value in dates.items():
                if isinstance(given := value(row), str) and given.strip():
                    seen[name].feed(given)
    orders = {name: decide(each, options.date_order) for name, each in seen.items()}
    return total, orders, blank


def _dates(layout: Layout) -> Iterator[tuple[str, Value]]:
    """Where dates and times come from, by the name under which their order is kept."""
    for each in (layout, *layout.parts.values()):
        for path, value in each.preset.fields.items():
            if each.kind.field(path).type.name in {"date", "datetime"}:
                yield ", ".join(value.columns), value
    if layout.preset.history:
        at = layout.preset.history.at
        yield ", ".join(at.columns), at
