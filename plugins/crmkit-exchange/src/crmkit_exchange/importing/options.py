"""What a person may say of an import."""

from __future__ import annotations

from typing import Any

import attrs

from crmkit_exchange.formats.items import ReadOptions

__all__ = ["ImportOptions"]

Pairs = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class ImportOptions:
    """How files are to be imported, where that is not to be found out.

    `reading` is how to read them. `preset` and `kind` are names. `maps` are (column, field) pairs and `sets` (field,
    text) ones. `keys` are the columns that name a row. `source` is what external ids are kept under. `region` is that
    of telephone numbers, `timezone` of times without a zone, `date_order` one of ymd, dmy, mdy, ydm. `own` are
    addresses and `@domains` of the company. `new_customers`: unknown correspondents become customers.
    """

    reading: ReadOptions = attrs.field(factory=ReadOptions)
    preset: str | None = None
    kind: str | None = None
    maps: Pairs = ()
    sets: Pairs = ()
    keys: tuple[str, ...] = ()
    source: str | None = None
    region: str | None = None
    timezone: str | None = None
    date_order: str | None = None
    own: frozenset[str] = frozenset()
    new_customers: bool = False

    def said(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON: it is kept with the import, and decides whether one goes on."""
        plain = attrs.asdict(
            self, value_serializer=lambda _, __, v: sorted(v) if isinstance(v, frozenset) else v
        )
        reading = plain.pop("reading")
        usual = attrs.asdict(ImportOptions())
        found = {name: value for name, value in plain.items() if value not in (usual[name], [])}
        found |= {n: v for n, v in reading.items() if v != usual["reading"][n]}
        return {name: _listed(value) for name, value in sorted(found.items())}


def _listed(value: Any) -> Any:
    return [_listed(each) for each in value] if isinstance(value, tuple) else value
