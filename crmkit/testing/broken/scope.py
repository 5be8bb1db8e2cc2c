"""Faults of scope: ways to see what is hidden."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from crmkit.memory.reading import Reader, Row, View
from crmkit.query import Linked, Query, holds
from crmkit.storage import NO_SCOPE, Measure, Scope, Total
from crmkit.testing.broken.fault import Faults

__all__ = ["FAULTS"]

FAULTS = Faults()


@attrs.frozen
class _HopsFreely(View):
    def reference(self, record: Row, field: str) -> Row | None:
        return View.reference(View(self.data, self.schema, NO_SCOPE), record, field)


@FAULTS.caught_by(
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


@FAULTS.caught_by("test_linked_does_not_see_what_is_hidden")
class LinksOutOfScope(Reader):
    """`linked` finds records that the scope hides."""

    def _view(self, scope: Scope) -> View:
        return _LinksFreely(self._read(), self.schema, scope)


@attrs.frozen
class _ScopesItself(View):
    def sees(self, row: Row) -> bool:
        return all(holds(row, each, self) for each in self.scope.get(row.kind.name, ()))


@FAULTS.caught_by("test_the_scope_itself_is_read_without_a_scope")
class ScopesTheScope(Reader):
    """A scope's own conditions see only what the scope shows."""

    def _view(self, scope: Scope) -> View:
        return _ScopesItself(self._read(), self.schema, scope)


@FAULTS.caught_by("test_count_and_totals_obey_the_scope")
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
