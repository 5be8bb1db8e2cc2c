"""Faults of queries: conditions, orders, pages and sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from crmkit.memory.reading import Reader, View
from crmkit.query import AnyOf, Condition, Order, Query, Where
from crmkit.resolve import directions, make_cursor, read_cursor
from crmkit.schema import Kind
from crmkit.storage import NO_SCOPE, Measure, Page, Scope, Total
from crmkit.testing.broken.fault import Faults

__all__ = ["FAULTS"]

FAULTS = Faults()


# Conditions -----------------------------------------------------------------------------------------------------


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


@FAULTS.caught_by("test_ne_matches_missing")
class NeMissesMissing(_Rewriting):
    """`!=` is SQL's: unknown where there is no value."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op != "ne" or where.value is None:
            return where
        below = Where(where.path, "lt", where.value)
        return AnyOf((below, Where(where.path, "gt", where.value)))


@FAULTS.caught_by("test_equality_is_exact")
class EqualsInAnyCase(_Rewriting):
    """`==` does not care for case."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op != "eq" or not isinstance(where.value, str):
            return where
        return Where(where.path, "in", (where.value, where.value.lower(), where.value.upper()))


@FAULTS.caught_by("test_prefix_and_contains_are_literal")
class HasWildcards(_Rewriting):
    """`contains` goes to LIKE as it is."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op == "contains" and where.value in {"%", "_"}:
            return Where(where.path, "present", True)
        return where


@FAULTS.caught_by("test_true_is_not_one")
class TrueEqualsOne(_Rewriting):
    """Members are compared by Python's `==`."""

    def rewrite(self, kind: Kind, where: Where) -> Condition:
        if where.op != "has" or where.value not in (0, 1):
            return where
        same = (type_(where.value) for type_ in (bool, int, float))
        return AnyOf(tuple(Where(where.path, "has", each) for each in same))


# Orders and pages -----------------------------------------------------------------------------------------------


@FAULTS.caught_by(
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


@FAULTS.caught_by("test_missing_comes_first_ascending")
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


@FAULTS.caught_by("test_ties_go_by_id_the_way_of_the_last_order")
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


@FAULTS.caught_by("test_a_cursor_only_where_something_follows")
class CursorsToNothing(Reader):
    """A full page always has a cursor."""

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        page = super().page(query, scope)
        if page.records and len(page) == query.limit and page.after is None:
            return Page(page.records, "end")
        return page


# Sums -----------------------------------------------------------------------------------------------------------


@FAULTS.caught_by("test_sums_of_whole_numbers_pass_64_bits")
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
