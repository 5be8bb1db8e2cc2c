"""A customer's timeline: one stream, newest first, merged from every kind that has a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic

import attrs

from crmkit.query import Condition, Order, Query, where
from crmkit.records import Record
from crmkit.resolve import make_cursor, seal, unseal
from crmkit.schema import Kind

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from crmkit.reading import Reader

    R = TypeVar("R", bound=Record, default=Record)
else:
    from typing import TypeVar

    R = TypeVar("R", bound=Record)

__all__ = ["Records", "timeline"]


@attrs.frozen
class Records(Generic[R]):
    """Some records, and the cursor behind the last one: None if nothing follows."""

    records: tuple[R, ...]
    after: str | None = None

    def __iter__(self) -> Iterator[R]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: int) -> R:
        return self.records[place]


def timeline(
    reader: Reader,
    kinds: Iterable[Kind],
    customer_id: str,
    limit: int,
    after: str | None,
    as_of: datetime | None,
    conditions: Mapping[str, Sequence[Condition]],
) -> Records[Record]:
    """The next `limit` records of a customer: each kind's own page, merged by time, kind and id.

    `conditions` are by kind: what its records must fulfil besides.
    """
    wanted = {
        kind.name: kind for kind in kinds if kind.timeline and kind.customer and not kind.opaque
    }
    cursors = _read(after, wanted)
    pages: dict[str, Records[Record]] = {}
    for name, kind in wanted.items():
        if cursors.get(name, "") is not None:  # None: this kind has no more
            own = (where[str(kind.customer)] == customer_id, *conditions.get(name, ()))
            pages[name] = _page(reader, kind, own, limit, cursors.get(name), as_of)
    shown = [record for page in pages.values() for record in page.records]
    if len(pages) > 1:
        shown.sort(key=lambda record: _place(wanted[record.__kind__], record), reverse=True)
    for record in shown[:limit]:
        cursors[record.__kind__] = record  # type: ignore[assignment]  # made a cursor below
    for name, page in pages.items():
        cursors[name] = _cursor(reader, wanted[name], page, cursors.get(name))
    more = any(cursor is not None for cursor in cursors.values())
    return Records(tuple(shown[:limit]), seal(_CURSORS, cursors) if more else None)


def _page(
    reader: Reader,
    kind: Kind,
    conditions: Sequence[Condition],
    limit: int,
    after: str | None,
    as_of: datetime | None,
) -> Records[Record]:
    time = str(kind.timeline)
    dated = () if kind.field(time).required else (where[time].present(),)
    return reader.page(
        kind.name,
        *conditions,
        *dated,
        order=f"-{time}",
        limit=limit,
        after=after or None,
        as_of=as_of,
    )


def _place(kind: Kind, record: Record) -> tuple[Any, ...]:
    return (record[str(kind.timeline)], kind.name, record.id)


def _cursor(reader: Reader, kind: Kind, page: Records[Record], reached: Any) -> str | None:
    """Where a kind's page goes on, `reached` being its last record shown, or its old cursor if none was."""
    if not page.records:
        return None
    if not isinstance(reached, Record):
        return reached or ""
    if reached is page.records[-1]:
        return page.after
    query = Query(kind.name, order=(Order(str(kind.timeline), True),))
    return make_cursor(reader.schema, query, [reached[str(kind.timeline)]], reached.id)


_CURSORS = ["timeline"]
"""What a timeline's cursors are sealed for."""


def _read(text: str | None, kinds: Mapping[str, Kind]) -> dict[str, str | None]:
    def read(cursors: Any) -> dict[str, str | None]:
        if isinstance(cursors, dict) and cursors.keys() <= kinds.keys():
            return cursors
        raise ValueError("not of these kinds")

    return {} if text is None else unseal(_CURSORS, text, read)
