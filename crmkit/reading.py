"""Reading as one actor: everything that can be asked of an app, in a transaction or outside of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmkit.changes import Actor, Change
from crmkit.codec import dump_document, load_document
from crmkit.errors import NotFound, PluginError, QueryError, UnsupportedError
from crmkit.kinds import Alias
from crmkit.past import Horizon, Past, changes_behind, version_of
from crmkit.query import Condition, Order, Query, kind_name, ordered
from crmkit.records import Record
from crmkit.resolve import resolve
from crmkit.restrictions import View, Views
from crmkit.schema import Schema
from crmkit.storage import Measure, Page, Reads, Total
from crmkit.timeline import Records, timeline
from crmkit.values import utc

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from crmkit.config import Company
    from crmkit.crm import CRM

    R = TypeVar("R", bound=Record, default=Record)
    T = TypeVar("T")
else:
    from typing import TypeVar

    R = TypeVar("R", bound=Record)
    T = TypeVar("T")

__all__ = ["Reader", "Records"]

Paths = str | Sequence[str]


def _paths(paths: Paths) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else tuple(paths)


class Reader(ABC):
    """What an actor can read. Kinds are given as classes or as names; ids that were merged away are followed."""

    actor: Actor
    _app: CRM

    @property
    def company(self) -> Company:
        """Whose CRM it is, from `[company]` of crm.toml: region, time zone, currency, language."""
        return self._app.config.company

    def settings(self, of: type[T]) -> T:
        """A plugin's settings, from `[plugin.NAME]` of crm.toml: `of` is its manifest's `config` class."""
        for name, manifest in self._app.plugins.manifests.items():
            if manifest.config is of:
                found: T = self._app.plugins.config(name)
                return found
        raise PluginError(f"no loaded plugin has settings of {of!r}; give Manifest(config=...)")

    def now(self) -> datetime:
        """The time on the app's clock."""
        return self._app.clock()

    @property
    def schema(self) -> Schema:
        """The kinds there are."""
        return self._app.schema

    @abstractmethod
    def _reads(self) -> Reads:
        """Where to read; raises if this is not the time to."""

    @abstractmethod
    def _views(self) -> Views:
        """What the actor may see."""

    def _reload(self) -> bool:
        """Look for fields that people added meanwhile; whether there are any. A transaction has those of its beginning."""
        return False

    # One record ------------------------------------------------------------------------------------------------

    def get(self, kind: type[R] | str, id: str, *, as_of: datetime | None = None) -> R:
        """The record with this id, now or as it was; raises `NotFound`."""
        name = kind_name(kind)
        found: Any = None
        if as_of is None:
            view = self._views().of(self.schema, name)
            found = self._reads().get(name, (id,), view.scope)[0]
            if found is not None and view.masked:
                found = view.show(found)
        if found is None:
            found = self.get_many(name, (id,), as_of=as_of)[0]
        if found is None:
            raise NotFound(name, id)
        return found  # type: ignore[no-any-return]  # the schema maps the name to the class

    def get_many(
        self, kind: type[R] | str, ids: Sequence[str], *, as_of: datetime | None = None
    ) -> list[R | None]:
        """The records with these ids, in their order; None for those that are not there."""
        name = kind_name(kind)
        reads = self._reads()
        view = self._views().of(self.schema, name)
        scope = view.scope
        found: Any
        if as_of is None:
            found = reads.get(name, ids, scope)
            if None in found:
                found = [
                    record if record is not None else self._taken_in(reads, name, id, scope)
                    for record, id in zip(found, ids, strict=True)
                ]
        else:
            past = Past(reads, utc(as_of), scope)
            self.schema[name]
            found = [past.get(name, id) for id in ids]
        if view.masked:
            found = [record if record is None else view.show(record) for record in found]
        return list(found)

    def _taken_in(self, reads: Reads, name: str, id: str, scope: Any) -> Record | None:
        alias = reads.get(Alias.__kind__, [id])[0]
        if not isinstance(alias, Alias) or alias.of != name:
            self.schema[name]  # an unknown kind is an error, not an empty answer
            return None
        return reads.get(name, [alias.target], scope)[0]

    # Many records ----------------------------------------------------------------------------------------------

    def find(
        self,
        kind: type[R] | str,
        *conditions: Condition,
        order: str | Order | Sequence[str | Order] | None = None,
        limit: int | None = None,
        as_of: datetime | None = None,
    ) -> Iterator[R]:
        """The records that fulfil all conditions, one after the other; the loop over them may write."""
        query = self._query(kind, conditions, order, limit)
        found: Iterable[Any] = self._answer("find", query, as_of)
        view = self._views().of(self.schema, query.kind)
        return (view.show(record) for record in found) if view.masked else iter(found)  # type: ignore[misc]

    def page(
        self,
        kind: type[R] | str,
        *conditions: Condition,
        order: str | Order | Sequence[str | Order] | None = None,
        limit: int = 50,
        after: str | None = None,
        as_of: datetime | None = None,
    ) -> Records[R]:
        """Up to `limit` of the records that fulfil all conditions, from behind the cursor `after`."""
        query = self._query(kind, conditions, order, limit, after)
        found: Page = self._answer("page", query, as_of)
        return self._shown(found, {query.kind: self._views().of(self.schema, query.kind)})

    def count(
        self, kind: type[Record] | str, *conditions: Condition, as_of: datetime | None = None
    ) -> int:
        """How many records fulfil all conditions."""
        return self._answer("count", self._query(kind, conditions), as_of)  # type: ignore[no-any-return]  # a number

    def totals(
        self,
        kind: type[Record] | str,
        *conditions: Condition,
        by: Paths = (),
        sum: Paths = (),
        min: Paths = (),
        max: Paths = (),
        as_of: datetime | None = None,
    ) -> list[Total]:
        """Counts, sums, smallest and largest values, in groups; measures in the order sum, min, max.

        Missing values are left out of measures. Sums of money are split by currency.
        """
        if as_of is not None:
            raise UnsupportedError(
                "totals are of the present; find(..., as_of=...) gives the records to add up"
            )
        measures = [Measure("sum", path) for path in _paths(sum)]
        measures += [Measure("min", path) for path in _paths(min)]
        measures += [Measure("max", path) for path in _paths(max)]
        query = self._query(kind, conditions)
        used = (*_paths(by), *(measure.path for measure in measures))
        scope = self._views().scope_of(self.schema, query, *used)
        return self._reads().totals(query, _paths(by), measures, scope)

    def at_version(self, kind: type[R] | str, id: str, version: int) -> R:
        """The record as it was at a version; raises `NotFound` if it was not there, or may not be read now.

        An update of it is merged with what was changed since.
        """
        name = kind_name(kind)
        view = self._views().of(self.schema, name)
        reads = self._reads()
        [current] = reads.get(name, [id], view.scope)
        if current is not None:
            owner = self.schema[name]
            history = reads.history(name, id)
            document = version_of(dump_document(owner, current), history, version)
            if document is not None:
                return view.show(load_document(owner, document))  # type: ignore[return-value]  # asked for by kind
        raise NotFound(
            name, f"{id} at version {version}", f"`crm history {name} {id}` shows what there is"
        )

    def columns(
        self, kind: type[Record] | str, paths: Sequence[str], *conditions: Condition
    ) -> Iterator[list[list[Any]]]:
        """The values of some fields, column by column, in batches: for analytics, without making records."""
        query = self._query(kind, conditions)
        owner = self.schema[query.kind]
        names = [owner.field(path).name for path in paths]
        scope = self._views().scope_of(self.schema, query, *names)
        return self._reads().columns(query, names, scope)

    def search(
        self,
        text: str,
        kinds: Iterable[type[Record] | str] | None = None,
        *,
        limit: int = 20,
        after: str | None = None,
        as_of: datetime | None = None,
    ) -> Records[Record]:
        """Records with all words of the text, newest stored first; a part of a Korean word will do."""
        if as_of is not None:
            raise UnsupportedError(
                "search is of the present; find(..., as_of=...) takes conditions"
            )
        wanted = self.schema if kinds is None else [self.schema[kind_name(each)] for each in kinds]
        names = [kind.name for kind in wanted if kind.searchable]
        views = {name: self._views().of(self.schema, name) for name in names}
        scope = {name: view.conditions for name, view in views.items() if view.conditions}
        hidden = {name: view.masked for name, view in views.items() if view.masked}
        return self._shown(self._reads().search(text, names, limit, after, scope, hidden), views)

    # The journal -----------------------------------------------------------------------------------------------

    def history(self, kind: type[Record] | str, id: str) -> list[Change]:
        """Every change of one record, oldest first; that of a deleted one is for the unrestricted only."""
        name = kind_name(kind)
        view = self._views().of(self.schema, name)
        if view.conditions and self.get_many(name, [id])[0] is None:
            raise NotFound(name, id)
        found = self._reads().history(self.schema[name].name, id)
        if not found:
            raise NotFound(name, id)
        return [view.show_change(change) for change in found]

    def changes(
        self,
        after: int = 0,
        kinds: Iterable[type[Record] | str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        """Changes behind a position of the journal, in order, of records that the actor may read now.

        Raises `TrimmedError` if some of them were trimmed; 0 stands for where the journal begins.
        """
        names = None if kinds is None else [self.schema[kind_name(kind)].name for kind in kinds]
        if since is not None:
            Horizon.check(self._reads(), since)
        shown: list[Change] = []
        while found := changes_behind(self._reads(), after, names, limit, since):
            for change in filter(self._visible, found):
                shown.append(self._views().of(self.schema, change.kind).show_change(change))
            after = found[-1].position
            if limit is None or len(found) < limit or len(shown) >= limit:
                break
        return shown[:limit]

    def _visible(self, change: Change) -> bool:
        if change.kind not in self.schema.kinds:
            return not self._views().restricted
        scope = self._views().of(self.schema, change.kind).scope
        return not scope or self._reads().get(change.kind, [change.id], scope)[0] is not None

    # A customer ------------------------------------------------------------------------------------------------

    def timeline(
        self,
        customer_id: str,
        kinds: Iterable[type[Record] | str] | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        as_of: datetime | None = None,
        conditions: Mapping[str, Sequence[Condition]] | None = None,
    ) -> Records[Record]:
        """What happened with a customer, newest first, over all kinds that have a timeline.

        `conditions` are by kind's name: what records of that kind must fulfil to be among them.
        """
        wanted = self.schema if kinds is None else [self.schema[kind_name(each)] for each in kinds]
        return timeline(self, wanted, customer_id, limit, after, as_of, conditions or {})

    def _query(
        self,
        kind: type[Record] | str,
        conditions: Sequence[Condition],
        order: str | Order | Sequence[str | Order] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Query:
        query = Query(kind_name(kind), tuple(conditions), ordered(order), limit, after)
        try:
            return resolve(self.schema, query)
        except QueryError:
            if not self._reload():
                raise
            return resolve(self.schema, query)

    def _answer(self, what: str, query: Query, as_of: datetime | None) -> Any:
        """What a query finds, its page or its count, now or as it was."""
        scope = self._views().scope_of(self.schema, query)
        if as_of is None:
            return getattr(self._reads(), what)(query, scope)
        past = Past(self._reads(), utc(as_of), scope)
        return past.count(query) if what == "count" else past.page(query)

    def _shown(self, page: Page, views: Mapping[str, View]) -> Records[Any]:
        if any(view.masked for view in views.values()):
            shown = tuple(views[record.__kind__].show(record) for record in page.records)
            return Records(shown, page.after)
        return Records(page.records, page.after)
