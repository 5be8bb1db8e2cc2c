"""Files made ready to be imported: copied aside, opened, laid out; each that cannot be is refused alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import attrs

from crmkit import CRM, CrmError, Handle
from crmkit_exchange.dates import AmbiguousDates
from crmkit_exchange.formats.items import Source
from crmkit_exchange.formats.opening import open_source
from crmkit_exchange.formats.snapshot import Snapshot, taken
from crmkit_exchange.full.restoring import is_full_export
from crmkit_exchange.importing.choosing import all_presets, linked
from crmkit_exchange.importing.laying import Table, laid_out
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.said import all_fields

__all__ = ["Ask", "FullExport", "Ready", "RefusedFile", "made_ready"]

Ask: TypeAlias = Callable[[AmbiguousDates], str | None]
"""Asks a person for the order of a column's dates; None if nobody can be asked."""


@attrs.frozen
class RefusedFile:
    """A file that cannot be imported as things stand: the sentence that says why, and how many rows it has."""

    name: str
    error: CrmError
    total: int = 0


@attrs.frozen
class FullExport:
    """A full export of crmkit's own, to be restored as it is."""

    name: str
    path: Path


Ready: TypeAlias = Table | FullExport | RefusedFile


@contextmanager
def made_ready(
    crm: CRM, handle: Handle, paths: Sequence[Path], options: ImportOptions, ask: Ask
) -> Iterator[list[Ready]]:
    """The files in their order, ready or refused; their copies are there until the block ends."""
    with ExitStack() as stack:
        found = (_ready(stack, crm, handle, each, options, ask) for each in paths)
        yield _linked(handle, [each for ready in found for each in ready])


def _ready(
    stack: ExitStack, crm: CRM, handle: Handle, path: Path, options: ImportOptions, ask: Ask
) -> list[Ready]:
    """A file, ready or refused: twice, if its preset has its rows brought in again."""
    source: Source | None = None
    try:
        copy = stack.enter_context(taken(path))
        if is_full_export(copy.path):
            return [FullExport(copy.name, copy.path)]
        source = open_source(copy.path, copy.name, options.reading)
        first = _laid_out(crm, handle, source, copy, options, ask)
        again = first.layout.preset.again
        if again is None:
            return [first]
        options = attrs.evolve(options, preset=again)
        second = _laid_out(crm, handle, source, copy, options, ask)
        return [first, _named(second, again)]
    except CrmError as error:
        total = sum(1 for _ in source.items()) if source else 0
        return [RefusedFile(path.name or str(path), error, total)]


def _named(table: Table, preset: str) -> Table:
    """A file that is imported again, told from the first time: by its name, and where one that was broken off goes on."""
    path = Path(table.name)
    name = f"{path.stem} ({preset}){path.suffix}"
    return attrs.evolve(table, name=name, digest=f"{table.digest} {preset}")


def _laid_out(
    crm: CRM, handle: Handle, source: Source, copy: Snapshot, options: ImportOptions, ask: Ask
) -> Table:
    known = all_presets(crm), all_fields(crm)
    try:
        return laid_out(handle, *known, source, copy.name, copy.digest, options)
    except AmbiguousDates as error:
        order = ask(error)
        if order is None:
            raise
        chosen = attrs.evolve(options, date_order=order)
        return laid_out(handle, *known, source, copy.name, copy.digest, chosen)


def _linked(handle: Handle, files: Iterable[Ready]) -> list[Ready]:
    """The files, their references told what the other files bring."""
    found = list(files)
    tables = [each for each in found if isinstance(each, Table)]
    presets = iter(linked(handle, [each.layout.preset for each in tables]))
    return [
        attrs.evolve(each, layout=attrs.evolve(each.layout, preset=next(presets)))
        if isinstance(each, Table)
        else each
        for each in found
    ]
