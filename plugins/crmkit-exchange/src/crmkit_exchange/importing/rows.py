"""A row whose columns are found however they are spelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from crmkit_exchange.columns import plain

__all__ = ["FoldedRow", "spelt"]


@lru_cache(maxsize=512)
def _folds(columns: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The columns of one row by their folded names; several may fold to one."""
    found: dict[str, tuple[str, ...]] = {}
    for name in columns:
        found[plain(name)] = (*found.get(plain(name), ()), name)
    return found


def spelt(columns: tuple[str, ...], name: str) -> tuple[str, ...]:
    """How a column that is meant by `name` is spelt among `columns`: exactly so, or alike; the best first."""
    alike = _folds(columns).get(plain(name), ())
    return (name, *(each for each in alike if each != name)) if name in columns else alike


class FoldedRow(Mapping[str, Any]):
    """The values of one item; `property_firstname` and `First Name` are both `firstname`.

    Of several columns that are alike, the one spelt exactly so goes first, then the first that has a value.
    """

    __slots__ = ("_columns", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._columns = tuple(values)

    def __getitem__(self, name: str) -> Any:
        if name in self._values and self._values[name] not in (None, ""):
            return self._values[name]
        alike = spelt(self._columns, name)
        if not alike:
            raise KeyError(name)
        return next((v for each in alike if (v := self._values[each]) not in (None, "")), None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
