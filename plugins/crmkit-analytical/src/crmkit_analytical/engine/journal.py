"""What the journal says, as columns: who did what when, and what some fields were before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crmkit import CRM, Change
from crmkit.schema import Kind
from crmkit_analytical.engine.columns import read_fastest

__all__ = [
    "JOURNAL",
    "PAGE",
    "history_batches",
    "history_name",
    "journal_batches",
    "journal_schema",
    "read_journal",
]

JOURNAL = "journal"
"""The table of who did what when: every change of every kind, without what it changed."""

PAGE = 10_000


def history_name(kind: str) -> str:
    """The table of what some fields of a kind were."""
    return f"{kind}__history"


def pages(crm: CRM, kinds: Sequence[str] | None, after: int, until: int) -> Iterator[list[Change]]:
    """The changes of some kinds behind a position, up to another, in order."""
    while after < until:
        page = crm.storage.changes(after, kinds, PAGE)
        yield [each for each in page if each.position <= until]
        after = page[-1].position if len(page) == PAGE else until


# Who did what ---------------------------------------------------------------------------------------------------


def journal_schema() -> Any:
    """The `pyarrow.Schema` of the journal: times are in UTC without a zone."""
    import pyarrow as pa

    time = pa.timestamp("us")
    return pa.schema(
        [
            ("position", pa.int64()),
            ("kind", pa.string()),
            ("id", pa.string()),
            ("version", pa.int64()),
            ("action", pa.string()),
            ("at", time),
            ("effective", time),
            ("actor", pa.string()),
            ("actor_type", pa.string()),
            ("via", pa.string()),
        ]
    )


def read_journal(crm: CRM, until: int) -> Iterator[Any]:
    """Every change up to a position as `pyarrow.RecordBatch`es, as fast as the storage can; the first one is empty."""
    yield _batch(journal_schema(), ())
    fastest = read_fastest(crm, "crm_arrow_journal", until=until)
    yield from fastest or journal_batches(crm, 0, until)


def journal_batches(crm: CRM, after: int, until: int) -> Iterator[Any]:
    """Every change behind a position up to another, through what every storage has."""
    for page in pages(crm, None, after, until):
        yield _batch(journal_schema(), (_entry(each) for each in page))
    yield _batch(journal_schema(), ())


def _entry(change: Change) -> tuple[Any, ...]:
    at, effective = change.at.replace(tzinfo=None), change.effective.replace(tzinfo=None)
    what = (change.position, change.kind, change.id, change.version, change.action)
    return (*what, at, effective, change.actor.id, change.actor.type, change.actor.via)


# What fields were -----------------------------------------------------------------------------------------------


def history_batches(
    crm: CRM, kind: Kind, fields: Sequence[str], after: int, until: int
) -> Iterator[Any]:
    """What fields of text became, as `pyarrow.RecordBatch`es: `position`, `id`, `action`, `effective`, and of each
    field `FIELD__before` and `FIELD__after`.

    Only changes that begin or end a record, or change one of the fields. What an insert made of a field the journal
    does not say: it is what the next change of it found before, or what it is now.
    """
    import pyarrow as pa

    names = [kind.field(each).column for each in fields]
    sides = [(f"{name}__{side}", pa.string()) for name in names for side in ("before", "after")]
    schema = pa.schema(
        [
            ("position", pa.int64()),
            ("id", pa.string()),
            ("action", pa.string()),
            ("effective", pa.timestamp("us")),
            *sides,
        ]
    )
    wanted = [kind.field(each).name for each in fields]
    for page in pages(crm, [kind.name], after, until):
        yield _batch(schema, _steps(page, wanted))
    yield _batch(schema, ())


def _steps(changes: Iterable[Change], fields: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for change in changes:
        delta: Any = change.delta or {}
        if change.action in ("insert", "delete") or any(each in delta for each in fields):
            sides = [side for each in fields for side in _sides(change, delta, each)]
            when = change.effective.replace(tzinfo=None)
            yield (change.position, change.id, change.action, when, *sides)


def _sides(change: Change, delta: Any, field: str) -> tuple[Any, Any]:
    found = delta.get(field)
    if change.action == "delete":
        return found, None
    return (found[0], found[1]) if isinstance(found, tuple | list) else (None, None)


def _batch(schema: Any, rows: Iterable[tuple[Any, ...]]) -> Any:
    import pyarrow as pa

    known = list(rows)
    columns = zip(*known, strict=True) if known else [()] * len(schema)
    arrays = [pa.array(values, each.type) for values, each in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
