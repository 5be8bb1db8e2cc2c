"""Histories in which each row tells of one property: read as if the property were a column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from crmkit_exchange.formats.items import Item
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.rows import FoldedRow

__all__ = ["with_properties"]

LONGEST = 200
"""So many characters the name of a property has at most: names of columns are kept in caches."""


def with_properties(items: Iterable[Item], layout: Layout) -> Iterator[Item]:
    """The items, each with the property that it tells of, and with what earlier ones of its record say of carried ones.

    Items of other tables are as they are. What is carried is held for every record: short texts of few properties.
    """
    history = layout.preset.history
    if history is None or history.properties is None:
        yield from items
        return
    carried: dict[str, dict[str, Any]] = {}
    for item in items:
        row = FoldedRow(item.values)
        name, value = (row.get(each) for each in history.properties)
        own = {str(name): value} if name and len(str(name)) <= LONGEST else {}
        key = str(row.get(layout.preset.key or "") or "").strip()
        if history.tells_of(row, history.carried):
            carried.setdefault(key, {}).update(own)
        yield attrs.evolve(item, values={**carried.get(key, {}), **own, **item.values})
