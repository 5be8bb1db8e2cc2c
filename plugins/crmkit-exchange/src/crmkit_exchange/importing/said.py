"""What was said of fields that a kind has in files only, found in the options and the heading of one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from crmkit import CRM
from crmkit_exchange.importing.options import ImportOptions, Pairs
from crmkit_exchange.presets.fields import ImportFields, Said
from crmkit_exchange.presets.values import Column, Made

__all__ = ["all_fields", "same_for_all", "with_same_names"]


def all_fields(crm: CRM) -> dict[str, ImportFields]:
    """What plugins bring, by kind."""
    brought = crm.plugins.merged("crm_import_fields", ImportFields, key=lambda item, _: item.kind)
    return {kind: fields for kind, (fields, _) in brought.items()}


def same_for_all(names: Iterable[str], sets: Pairs) -> Iterator[tuple[str, Said]]:
    """What `--set` says of these fields."""
    for name, text in sets:
        if name in names:
            yield name, Said(_always(text))


def _always(text: str) -> Made:
    return Made(lambda _: text, ())


def with_same_names(
    said: Mapping[str, Said], names: Iterable[str], columns: Iterable[str], options: ImportOptions
) -> dict[str, Said]:
    """What was said, and the columns that are called just as a field of which nothing was."""
    mapped = {column for column, _ in options.maps}
    free = [each for each in columns if each not in mapped]
    return {each: Said(Column(each)) for each in names if each in free} | dict(said)
