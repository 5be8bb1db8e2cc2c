"""Asking a report: what its function is given, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from crmkit import CRM, Handle, ValueRefused
from crmkit.errors import nearest
from crmkit_analytical.engine.engine import engine
from crmkit_analytical.engine.filling import Telling
from crmkit_analytical.engine.journal import JOURNAL, history_name
from crmkit_analytical.engine.seen import Sight
from crmkit_analytical.report.answer import Answer, Column, Excluded, Explained, Window
from crmkit_analytical.report.definition import Report
from crmkit_analytical.report.registry import fields_of, named, sources_of
from crmkit_analytical.words import _

__all__ = ["Ask", "ask", "naive"]


@attrs.frozen
class Ask:
    """What the function of a report is given.

    `reader` is the app as whoever asks sees it, for names and small things; what there are many of is asked of
    `table`, `history` and `journal`, which are tables of Ibis in which only counts what they may read. Times are in
    UTC without a zone there: compare them with `naive`. `parameters` has all that the report declares.
    """

    report: Report
    reader: Handle
    crm: CRM
    since: datetime | None
    until: datetime | None
    now: datetime
    parameters: Mapping[str, Any]
    _con: Any
    _sight: Sight

    def table(self, kind: str) -> Any:
        """The records of a kind: `id`, and the fields that the report declares, in their columns."""
        fields = fields_of(self.crm, self.report, kind)
        table = self._con.table(kind)
        columns = [name for each in ("id", *fields) for name in self._columns(kind, each)]
        return self._sight.of(table.select(*dict.fromkeys(columns)), kind, fields)

    def history(self, kind: str) -> Any:
        """What the declared fields of a kind were: `position`, `id`, `action`, `effective`, `FIELD__before`, `FIELD__after`."""
        table = self._con.table(history_name(kind))
        return self._sight.of(table, kind, tuple(self.report.histories[kind]))

    def journal(self) -> Any:
        """Who did what when: see `crmkit_analytical.engine.journal.journal_batches`. For reports that show no record."""
        return self._con.table(JOURNAL)

    def _columns(self, kind: str, field: str) -> Sequence[str]:
        from crmkit_analytical.engine.columns import column_names

        return column_names(self.crm.schema[kind].field(field))

    def rows(self, table: Any) -> list[dict[str, Any]]:
        """The rows of a table of Ibis; times are aware."""
        found = table.to_pyarrow().to_pylist()
        return [{name: _aware(value) for name, value in row.items()} for row in found]

    def arrow(self, table: Any) -> Any:
        """The same as a `pyarrow.Table`, for many rows; times are naive, in UTC."""
        return table.to_pyarrow()

    @property
    def zone(self) -> tzinfo:
        """The company's time zone."""
        return ZoneInfo(self.crm.company.timezone)

    @property
    def last_day(self) -> date:
        """The last day of the window, as the company's calendar has it: today if it has no end."""
        moment = self.now if self.until is None else self.until - timedelta(microseconds=1)
        return moment.astimezone(self.zone).date()

    @property
    def currency(self) -> str:
        """The company's currency."""
        return self.crm.company.currency

    def within(self, moment: Any) -> Any:
        """The condition that a column of times is in the window."""
        import ibis

        found = ibis.literal(True)
        if self.since is not None:
            found = found & (moment >= naive(self.since))
        if self.until is not None:
            found = found & (moment < naive(self.until))
        return found

    @property
    def least(self) -> int:
        """From how many on the report concludes anything."""
        return int(self.parameters["least"])

    def explained(
        self,
        *,
        denominator: str,
        total: int,
        excluded: Sequence[Excluded] = (),
        ids: Mapping[str, tuple[str, ...]] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Explained:
        """How the figures came about: what the report declares, and what came of it; exclusions of nothing are left out."""
        return Explained(
            definition=tuple(map(_, self.report.measures)),
            window=self.window,
            denominator=denominator,
            total=total,
            excluded=tuple(each for each in excluded if each.count),
            parameters={**self.parameters, **(parameters or {})},
            ids=ids or {},
        )

    @property
    def window(self) -> Window:
        """The window, as an answer has it."""
        return Window(self.since, self.until, _(self.report.window))


def naive(moment: datetime) -> Any:
    """A time as the engine's tables have it, as a literal of Ibis."""
    import ibis

    return ibis.literal(moment.astimezone(UTC).replace(tzinfo=None), type="timestamp(6)")


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def ask(
    crm: CRM,
    name: str,
    *,
    reader: Handle | None = None,
    since: datetime | date | None = None,
    until: datetime | date | None = None,
    telling: Telling | None = None,
    waiting: Callable[[], None] | None = None,
    **parameters: Any,
) -> Answer:
    """Ask a report: `ask(crm, "lost-reasons", reader=crm.acting("kim"), since=january)`; unrestricted without a reader.

    `since` is in the window, `until` is not; days are those of the company's calendar, and both in it. `telling` shows progress, `waiting` is called if another process has the columns open.

    Raises `NotFound` for an unknown report, `ValueRefused` for a parameter that it has not, `RestrictedError` if it
    needs a field that may not be seen.
    """
    from importlib import import_module

    report = named(crm, name)
    given = _completed(report, parameters)
    zone = ZoneInfo(crm.company.timezone)
    begin, end = _moment(since, zone, 0), _moment(until, zone, 1)
    if begin is not None and end is not None and begin >= end:
        raise ValueRefused("the window ends before it begins; give --until behind --since")
    module, _, function = report.answer.partition(":")
    answer = getattr(import_module(module), function)
    with engine(crm, sources_of(crm, report), telling=telling, waiting=waiting) as con:
        who = reader or crm
        sight = Sight(crm, who, con)
        found: Answer = answer(Ask(report, who, crm, begin, end, crm.now(), given, con, sight))
    return _translated(found)


def _moment(given: datetime | date | None, zone: tzinfo, days: int) -> datetime | None:
    """A time as it is; of a day its beginning, or that of the day so many `days` later."""
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given + timedelta(days=days), time(), zone)


def _translated(answer: Answer) -> Answer:
    """The answer with its headings in the language of the command that is running."""
    chart = answer.chart
    if chart is not None and chart.columns is not None:
        chart = attrs.evolve(chart, columns=tuple(map(_labelled, chart.columns)))
    return attrs.evolve(answer, columns=tuple(map(_labelled, answer.columns)), chart=chart)


def _labelled(column: Column) -> Column:
    return attrs.evolve(column, label=_(column.label))


def _completed(report: Report, given: Mapping[str, Any]) -> dict[str, Any]:
    known = {each.name: each for each in report.all_parameters}
    for name in given:
        if name not in known:
            hint = nearest(name, known) or f"; it has {', '.join(known) or 'none'}"
            raise ValueRefused(f"the report {report.name!r} has no parameter {name!r}{hint}")
    return {
        name: given[name] if given.get(name) is not None else each.default
        for name, each in known.items()
    }
