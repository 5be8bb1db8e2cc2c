"""Storages with one fault each, to prove that the contract would catch it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from crmkit.changes import Change, Document, Stamp, Write
from crmkit.errors import Duplicate
from crmkit.memory import MemoryStorage, MemoryTransaction
from crmkit.memory.reading import Data, Reader, Row, View
from crmkit.query import AnyOf, Condition, Linked, Order, Query, Where
from crmkit.resolve import directions, make_cursor, read_cursor
from crmkit.schema import BASE, Field, Kind, Schema
from crmkit.storage import NO_SCOPE, Measure, Page, Scope, Total
from crmkit.text import Phrase, matches, search_tokens

__all__ = ["BROKEN", "Broken"]


@attrs.frozen
class Broken:
    """A storage with one fault, what the fault is, and the tests of the contract that it must fail."""

    storage: type[MemoryStorage]
    fault: str
    caught_by: tuple[str, ...]


BROKEN: list[Broken] = []
"""Every broken storage."""


def _caught_by(*tests: str) -> Any:
    """Make a storage of a fault in reading (a `Reader`), in writing (a `MemoryTransaction`) or of its own."""

    def add(fault: type) -> type:
        bases: tuple[type, ...] = (MemoryStorage,)
        transactions: type = MemoryTransaction
        if issubclass(fault, MemoryTransaction):
            transactions = fault
        elif issubclass(fault, MemoryStorage):
            bases = (fault,)
        else:
            bases = (fault, MemoryStorage)
            transactions = type(fault.__name__, (fault, MemoryTransaction), {})
        made = type(fault.__name__, bases, {"transactions": transactions})
        BROKEN.append(Broken(made, (fault.__doc__ or "").strip(), tests))
        return fault

    return add


# Values --------------------------------------------------------------------------------------------------------


class _Storing(MemoryTransaction):
    """Changes documents on their way in."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        raise NotImplementedError

    def _store(self, kind: Kind, document: Document) -> None:
        super()._store(kind, self.spoil(kind, document))


@_caught_by("test_times_keep_microseconds", "test_a_record_comes_back_as_it_was_written")
class LosesMicroseconds(_Storing):
    """Times are cut to milliseconds."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        found = {name: document[name] for name in document if name in kind.fields}
        times = [name for name in found if kind.fields[name].type.name == "datetime"]
        cut = {name: f"{document[name][:23]}000{document[name][26:]}" for name in times}
        return {**document, **cut}


@_caught_by("test_unknown_fields_come_back_word_for_word")
class DropsExtra(_Storing):
    """What the kind does not declare is not kept."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        return {name: each for name, each in document.items() if name in {*kind.fields, *BASE}}


@_caught_by("test_decimals_are_exact")
class DecimalsAsFloats(_Storing):
    """Decimals pass through a float."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        found = [name for name in document if name in kind.fields]
        names = [name for name in found if kind.fields[name].type.name == "decimal"]
        return {**document, **{name: f"{Decimal(float(document[name])):.2f}" for name in names}}


@_caught_by("test_text_is_kept_as_given", "test_equality_is_exact")
class ComposesText(_Storing):
    """Text is brought to NFC before it is kept."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        texts = {name: each for name, each in document.items() if isinstance(each, str)}
        return {**document, **{n: unicodedata.normalize("NFC", t) for n, t in texts.items()}}


@_caught_by("test_empty_text_is_not_missing")
class EmptyIsMissing(_Storing):
    """An empty text is kept as none."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        optional = [name for name, field in kind.fields.items() if not field.required]
        return {n: each for n, each in document.items() if each != "" or n not in optional}


@_caught_by("test_nobody_shares_what_is_stored")
class SharesState(MemoryTransaction):
    """Stored values are the very objects of the record that was written."""

    def _store(self, kind: Kind, document: Document) -> None:
        super()._store(kind, document)
        rows = self._data.rows[kind.name]
        rows[document["id"]] = attrs.evolve(rows[document["id"]], document=document)


# Conditions ----------------------------------------------------------------------------------------------------


@attrs.frozen
class _RewritingView(View):
    """Sees other conditions than those that were asked."""

    rewrite: Any

    def fulfilling(self, query: Query) -> Any:
        kind = self.schema[query.kind]
        found = (
            self.rewrite(kind, each) if isinstance(each, Where) else each
            for each in query.conditions
        )
        return View.fulfilling(self, attrs.evolve(query, conditions=tuple(found)))


class _Rewriting(Reader):
    """Asks another condition than it was asked."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        raise NotImplementedError

    def _view(self, scope: Scope) -> View:
        return _RewritingView(self._read(), self.schema, scope, self.rewrite)


@_caught_by("test_ne_matches_missing")
class NeMissesMissing(_Rewriting):
    """`!=` is SQL's: unknown where there is no value."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op != "ne" or where.value is None:
            return where
        below = Where(where.path, "lt", where.value)
        return AnyOf((below, Where(where.path, "gt", where.value)))


@_caught_by("test_equality_is_exact")
class EqualsInAnyCase(_Rewriting):
    """`==` does not care for case."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op != "eq" or not isinstance(where.value, str):
            return where
        return Where(where.path, "in", (where.value, where.value.lower(), where.value.upper()))


@_caught_by("test_prefix_and_contains_are_literal")
class HasWildcards(_Rewriting):
    """`contains` goes to LIKE as it is."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op == "contains" and where.value in {"%", "_"}:
            return Where(where.path, "present", True)
        return where


@_caught_by("test_true_is_not_one")
class TrueEqualsOne(_Rewriting):
    """Members are compared by Python's `==`."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op != "has" or where.value not in (0, 1):
            return where
        same = (type_(where.value) for type_ in (bool, int, float))
        return AnyOf(tuple(Where(where.path, "has", each) for each in same))


# Orders and pages ----------------------------------------------------------------------------------------------


@_caught_by(
    "test_pages_hold_while_others_write",
    "test_writing_inside_of_a_find_loop",
    "test_a_cursor_outlives_its_record",
)
class PagesByOffset(Reader):
    """A cursor stands for how many records were read, not for a place."""

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        offsets: dict[str, int] = self.__dict__.setdefault("offsets", {})
        start = offsets.get(query.after or "", 0)
        whole = super().page(attrs.evolve(query, after=None, limit=None), scope).records
        size = len(whole) if query.limit is None else query.limit
        cut = super().page(attrs.evolve(query, after=None, limit=start + size), scope)
        if cut.after is not None:
            offsets[cut.after] = start + size
        return Page(cut.records[start:], cut.after)


@_caught_by("test_missing_comes_first_ascending")
class MissingComesLast(Reader):
    """Missing values sort as PostgreSQL does it: last ascending, first descending."""

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        page = super().page(query, scope)
        if not query.order or "." in query.order[0].path:
            return page
        path = query.order[0].path
        missing = tuple(each for each in page if each[path] is None)
        there = tuple(each for each in page if each[path] is not None)
        both = missing + there if query.order[0].descending else there + missing
        return Page(both, page.after)


@_caught_by("test_ties_go_by_id_the_way_of_the_last_order")
class TiesGoUp(Reader):
    """Ties go by id ascending, whatever the last order."""

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        last = directions(query)[-1]
        order = (*query.order, Order(last.path)) if last.descending else query.order
        free = attrs.evolve(query, order=order, after=None, limit=None)
        records = list(super().page(free, scope).records)
        if query.after is not None:
            id = read_cursor(self.schema, query)[1]
            records = records[[each.id for each in records].index(id) + 1 :]
        kept = tuple(records[: query.limit])
        more = kept and len(kept) < len(records)
        values = [kept[-1][each.path] for each in query.order] if more else []
        return Page(kept, make_cursor(self.schema, query, values, kept[-1].id) if more else None)


@_caught_by("test_a_cursor_only_where_something_follows")
class CursorsToNothing(Reader):
    """A full page always has a cursor."""

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        page = super().page(query, scope)
        if page.records and len(page) == query.limit and page.after is None:
            return Page(page.records, "end")
        return page


# Scope ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class _HopsFreely(View):
    def reference(self, record: Row, field: str) -> Row | None:
        return View.reference(View(self.data, self.schema, NO_SCOPE), record, field)


@_caught_by(
    "test_a_path_does_not_lead_to_what_is_hidden",
    "test_paths_inside_of_linked_obey_the_scope",
    "test_totals_by_a_path_obey_the_scope",
)
class HopsOutOfScope(Reader):
    """Paths lead to records that the scope hides."""

    def _view(self, scope: Scope) -> View:
        return _HopsFreely(self._read(), self.schema, scope)


@attrs.frozen
class _LinksFreely(View):
    def linked(self, record: Row, condition: Linked) -> Iterable[Row]:
        return View.linked(View(self.data, self.schema, NO_SCOPE), record, condition)


@_caught_by("test_linked_does_not_see_what_is_hidden")
class LinksOutOfScope(Reader):
    """`linked` finds records that the scope hides."""

    def _view(self, scope: Scope) -> View:
        return _LinksFreely(self._read(), self.schema, scope)


@attrs.frozen
class _ScopesItself(View):
    def sees(self, row: Row) -> bool:
        from crmkit.query import holds

        return all(holds(row, each, self) for each in self.scope.get(row.kind.name, ()))


@_caught_by("test_the_scope_itself_is_read_without_a_scope")
class ScopesTheScope(Reader):
    """A scope's own conditions see only what the scope shows."""

    def _view(self, scope: Scope) -> View:
        return _ScopesItself(self._read(), self.schema, scope)


@_caught_by("test_count_and_totals_obey_the_scope")
class TotalsOutOfScope(Reader):
    """Totals are of everything."""

    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        return super().totals(query, by, measures)


@_caught_by("test_sums_of_whole_numbers_pass_64_bits")
class SumsInFloats(Reader):
    """Sums are added up as floats."""

    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        found = super().totals(query, by, measures, scope)
        return [attrs.evolve(each, measures=tuple(map(_floated, each.measures))) for each in found]


def _floated(value: Any) -> Any:
    return int(float(value)) if type(value) is int else value


# Search --------------------------------------------------------------------------------------------------------


@_caught_by("test_phrases_do_not_cross_fields_or_members")
class SearchesAcrossFields(Reader):
    """All fields are searched as one text."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        values = [row.document.get(field.name) or "" for field in fields]
        text = "".join("".join(map(str, each)) for each in values)
        return all(matches(phrase, search_tokens(text)) for phrase in phrases)


@_caught_by("test_all_words_must_occur")
class FindsAnyWord(Reader):
    """One word of the query is enough."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        return any(super(FindsAnyWord, self)._has(row, fields, [each]) for each in phrases)


@_caught_by("test_runs_are_contiguous", "test_repeated_syllables")
class FindsBagsOfSyllables(Reader):
    """A run is found by its parts in any order."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        parts = [Phrase((token,), each.prefix) for each in phrases for token in each.tokens]
        return super()._has(row, fields, parts)


@_caught_by("test_hidden_fields_are_not_looked_into")
class SearchesHiddenFields(Reader):
    """Hidden fields are searched like others."""

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        return super().search(text, kinds, limit, after, scope)


@_caught_by("test_newest_stored_first_over_all_kinds")
class OldestFirst(Reader):
    """A page of hits begins with the oldest of them."""

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        page = super().search(text, kinds, limit, after, scope, hidden)
        return Page(page.records[::-1], page.after)


@_caught_by("test_no_ghosts")
class FindsGhosts(Reader):
    """Old words go on finding a record after an update."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        past = [dict(row.document)]
        for change in reversed(self.history(row.kind.name, row.id)):
            if change.action == "update":
                undone = {name: before for name, (before, _) in (change.delta or {}).items()}
                past.append({**past[-1], **undone})
        documents = [Row(row.kind, each, row.number) for each in past]
        return any(super(FindsGhosts, self)._has(each, fields, phrases) for each in documents)


# Writing -------------------------------------------------------------------------------------------------------


@_caught_by("test_a_stale_update_names_both_versions", "test_only_one_of_two_stale_writers_wins")
class LosesUpdates(MemoryTransaction):
    """The last writer wins."""

    def _check_version(self, data: Data, write: Write) -> None:
        if write.action != "update":
            super()._check_version(data, write)


@_caught_by("test_missing_never_clashes")
class MissingClashes(MemoryTransaction):
    """Two records clash in unique values that are partly missing."""

    def _store(self, kind: Kind, document: Document) -> None:
        for fields in kind.unique:
            values = tuple(document.get(name) for name in fields)
            for other in self._data.all(kind.name):
                same = tuple(other.document.get(name) for name in fields) == values
                if same and set(values) != {None} and other.id != document["id"]:
                    raise Duplicate(kind.name, fields, values, other.id)
        super()._store(kind, document)


@_caught_by("test_unique_is_as_exact_as_equality")
class UniqueInAnyCase(MemoryTransaction):
    """Unique values clash with others of another case."""

    def _store(self, kind: Kind, document: Document) -> None:
        serial = document.get("serial")
        for other in self._data.all(kind.name):
            text = other.document.get("serial")
            if serial and text and text != serial and text.lower() == serial.lower():
                raise Duplicate(kind.name, ("serial",), (serial,), other.id)
        super()._store(kind, document)


@_caught_by("test_a_reference_must_lead_somewhere", "test_restored_references_hold_at_the_commit")
class TrustsReferences(MemoryTransaction):
    """References are not looked up."""

    def _check_references(self, kind: str, ids: Iterable[str]) -> None:
        return


@_caught_by("test_versions_go_on_after_a_delete")
class VersionsStartAgain(Reader):
    """A record that is gone has no last version."""

    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        found = super().versions(kind, ids)
        return {id: found[id] for id in found if self._read().row(kind, id)}


@_caught_by(
    "test_a_rollback_leaves_nothing",
    "test_others_do_not_see_what_is_not_committed",
    "test_no_ghosts_of_a_rollback",
)
class WritesAtOnce(MemoryTransaction):
    """Writes are there before the commit, and stay after a rollback."""

    def __init__(self, schema: Schema, data: Data, *, write: bool) -> None:
        super().__init__(schema, data, write=write)
        self._data = data


@_caught_by("test_a_failed_write_leaves_the_transaction_unusable")
class GoesOnAfterFailure(MemoryTransaction):
    """A transaction goes on after a write that failed halfway."""

    @property
    def failed(self) -> bool:
        return False

    @failed.setter
    def failed(self, value: bool) -> None:
        pass


@_caught_by("test_restored_references_hold_at_the_commit")
class ChecksRestoredAtOnce(MemoryTransaction):
    """Restored references are looked up document by document."""

    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        super().restore(documents, changes)
        self.end()


# Journal and state ---------------------------------------------------------------------------------------------


@_caught_by("test_changes_come_in_the_order_of_writing", "test_writes_of_one_call_share_a_stamp")
class ForgetsChanges(MemoryTransaction):
    """Only the first record of a batch leaves a change."""

    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        super().insert(kind, writes, stamp)
        del self._data.journal[len(self._data.journal) - len(writes) + 1 :]


@_caught_by("test_redaction_leaves_nothing", "test_redacted_deltas_keep_their_shape")
class RedactionForgetsDeltas(MemoryTransaction):
    """A redaction blanks the record and leaves its past."""

    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        before = list(self._data.journal)
        super().redact(kind, writes, fields, stamp)
        self._data.journal[: len(before)] = before


@_caught_by("test_changes_keep_who_when_and_why", "test_changes_recorded_since")
class RoundsTheJournal(MemoryTransaction):
    """The journal keeps times to the second."""

    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        cut: datetime = stamp.at.replace(microsecond=0)
        super().insert(kind, writes, attrs.evolve(stamp, at=cut))


@_caught_by("test_a_delete_keeps_the_document")
class DeletesWithoutADocument(MemoryTransaction):
    """A delete's change says only that something was deleted."""

    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        super().delete(kind, writes, stamp)
        for place in range(len(self._data.journal) - len(writes), len(self._data.journal)):
            self._data.journal[place] = attrs.evolve(self._data.journal[place], delta=None)


@_caught_by("test_state_is_compared_and_set")
class SetsWithoutComparing(MemoryTransaction):
    """State is set whatever was expected."""

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        return super().set_state(key, value)


@_caught_by("test_a_plan_changes_nothing")
class PlansAndActs(MemoryStorage):
    """A plan is carried out at once."""

    def prepare(self, schema: Schema, *, plan: bool = False) -> list[str]:
        return super().prepare(schema)
