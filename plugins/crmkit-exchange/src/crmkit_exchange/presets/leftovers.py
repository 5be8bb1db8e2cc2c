"""What other products export besides, and is not kept: known, so that every row of it is accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crmkit_exchange.presets.preset import Preset

__all__ = ["leftovers"]


def leftovers(
    source: str, product: str, reason: str, tables: Iterable[tuple[str, str]]
) -> Iterator[Preset]:
    """The presets of tables that are not kept, for one reason: each (object, columns).

    Columns stand with spaces between them, or with commas where their names have spaces; ` | ` stands between the
    signatures of which any will do.
    """
    for object, columns in tables:
        yield Preset(
            name=f"{source}-{object.replace('_', '-')}",
            source=source,
            object=object,
            label=f"{product}: {object.replace('_', ' ')}",
            reason=reason,
            signatures=[_names(each) for each in columns.split(" | ")],
        )


def _names(columns: str) -> list[str]:
    return columns.split(", ") if "," in columns else columns.split()
