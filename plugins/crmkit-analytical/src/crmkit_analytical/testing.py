"""The contract of reports, as tests that a vendor inherits.

```python
import visits
from crmkit import Customer
from crmkit_analytical.testing import ReportContract


class TestVisits(ReportContract):
    name = "visits"
    kind = "visit"
    plugins = ["analytical", visits]

    def fill(self, crm):
        with crm.transaction() as tx:
            who = tx.add(Customer(name="김하늘"))
            tx.add_all(visits.Visit(customer_id=who.id, at=crm.now()) for _ in range(6))
```
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import ModuleType
from typing import Any, ClassVar

import pytest

from crmkit import CRM, Config, Customer, Manifest, Money, Restriction, hookimpl, where
from crmkit.testing.fixtures import FakeClock
from crmkit_analytical.report.answer import Answer, Unit
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.definition import Report
from crmkit_analytical.report.registry import named

__all__ = ["ReportContract"]

ENOUGH_FOR_NOBODY = 10**9


class ReportContract:
    """What every report must do.

    Set `name`; `kind`, that of the records whose ids the answer names; `plugins`, the analytical one and those that the
    report needs; and `parameters` if it concludes something of the company only with these, as in `{"least": 2}`.
    Override `fill`, which writes a small company in which there is something to report.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    plugins: ClassVar[Sequence[Any]] = ("analytical",)
    parameters: ClassVar[Mapping[str, Any]] = {}
    config: ClassVar[Config] = Config()

    def fill(self, crm: CRM) -> None:
        """Write the company: at least two records of `kind` that the report counts."""
        raise NotImplementedError(
            "override fill: write a small company in which there is something to report"
        )

    def change_something_else(self, crm: CRM) -> None:
        """Write what the report does not count: a customer with whom nothing ever happened."""
        with crm.transaction() as tx:
            tx.add(Customer(name="아무 일도 없는 고객"))

    # What the rules are tried on: asked once for all of them.

    @pytest.fixture(scope="class")
    @classmethod
    def allowed(cls) -> dict[str, list[str]]:
        """Of some actors, which records of `kind` they may see."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def company(cls, allowed: dict[str, list[str]]) -> Iterator[CRM]:
        """An app in memory with the company."""
        plugins = [*cls.plugins, _restricting(cls.kind, allowed)]
        clock = FakeClock()
        with CRM.open("memory://", plugins=plugins, config=cls.config, clock=clock) as crm:
            cls().fill(crm)
            yield crm

    @pytest.fixture(scope="class")
    @classmethod
    def report(cls, company: CRM) -> Report:
        """The report, as the plugins bring it."""
        return named(company, cls.name)

    @pytest.fixture(scope="class")
    @classmethod
    def answer(cls, company: CRM) -> Answer:
        """What it answers to whoever may see all."""
        return ask(company, cls.name, **cls.parameters)

    # The rules.

    def test_it_says_what_it_answers(self, report: Report) -> None:
        """Its name is one to type; its question, whose time the window is of, and each figure are said in sentences."""
        assert report.name == self.name == report.name.casefold()
        assert report.question.strip(), "give it the question that it answers"
        assert report.window.strip(), "say whose time --since and --until are of"
        assert report.measures, "say in `measures` what each figure is"
        assert all(each.strip() for each in report.measures)
        for each in report.parameters:
            assert each.help.strip(), f"say what the parameter {each.name!r} is for"

    def test_it_answers(self, answer: Answer) -> None:
        """With rows, a sentence, what shares are of, and ids; of this company it concludes something."""
        assert answer.rows, "there is nothing to report of this company; see `fill`"
        assert answer.is_enough, (
            f"too little to conclude anything, give `parameters`: {answer.sentence}"
        )
        assert answer.sentence.strip()
        explained = answer.explained
        assert explained.definition
        assert explained.denominator.strip(), "say of what shares are"
        assert explained.total > 0
        assert any(explained.ids.values()), "name the records behind the rows in `ids`"

    def test_its_rows_have_the_columns_that_it_declares(self, answer: Answer) -> None:
        """Each column has a name of its own and a heading; each value is one of its column's unit, or None."""
        names = [each.name for each in answer.columns]
        assert len(names) == len({*names})
        assert all(each.label.strip() for each in answer.columns)
        for row in answer.rows:
            for each in answer.columns:
                value = row.get(each.name)
                assert value is None or IS_OF[each.unit](value), (
                    f"{each.name} is {value!r}, which is no {each.unit}"
                )
        for name in names:
            assert any(name in row for row in answer.rows), f"no row has the column {name!r}"

    def test_its_chart_is_of_columns_that_are_there(self, answer: Answer) -> None:
        """What the chart names are columns of its rows."""
        if answer.chart is None:
            pytest.skip("it has no chart")
        chart = answer.chart
        rows = answer.rows if chart.rows is None else chart.rows
        columns = {each.name for each in chart.columns or answer.columns}
        for name in filter(None, (chart.x, chart.y, chart.series, chart.low, chart.high)):
            assert name in columns or any(name in row for row in rows), f"no column {name!r}"

    def test_the_records_behind_it_are_there(self, company: CRM, answer: Answer) -> None:
        """Every id behind a row is that of a record, which whoever asked may read."""
        ids = {id for behind in answer.explained.ids.values() for id in behind}
        assert ids <= {each.id for each in company.get_many(self.kind, sorted(ids)) if each}

    def test_it_concludes_nothing_from_too_little(self, company: CRM) -> None:
        """Where `least` is not reached it says so in its sentence, and that it is not enough."""
        few = ask(company, self.name, **{**self.parameters, "least": ENOUGH_FOR_NOBODY})
        assert not few.is_enough, "compare what there is with `ask.least`"
        assert few.sentence.strip()

    def test_nothing_at_all_is_no_failure(self) -> None:
        """A company in which nothing has happened yet is told so."""
        with CRM.open("memory://", plugins=self.plugins, config=self.config) as nothing:
            answer = ask(nothing, self.name)
        assert not answer.is_enough
        assert answer.sentence.strip()

    def test_whoever_sees_less_is_told_less(
        self, company: CRM, answer: Answer, allowed: dict[str, list[str]]
    ) -> None:
        """The id of a record that whoever asks may not see is nowhere in the answer, and no more is counted."""
        every = sorted(each.id for each in company.find(self.kind))
        assert len(every) > 1, f"write at least two records of the kind {self.kind!r} in `fill`"
        allowed["somebody"] = every[::2]
        less = ask(company, self.name, reader=company.acting("somebody"), **self.parameters)
        text = json.dumps(self.document(company, less))
        told = [id for id in every[1::2] if id in text]
        assert not told, f"somebody is told of {told[:3]}; ask `ask.table`, or `ask.reader`"
        assert less.explained.total <= answer.explained.total

    def test_asked_again_it_says_the_same(self, company: CRM, answer: Answer) -> None:
        """At the same time, of the same records, the answer is the same: rows, order, ids, words."""
        again = ask(company, self.name, **self.parameters)
        said, first = (json.dumps(self.document(company, each)) for each in (again, answer))
        assert said == first, "the engine has no order of its own: sort rows, groups and ids"

    def test_what_it_does_not_count_changes_nothing(self, company: CRM, answer: Answer) -> None:
        """After a change of something else the rows, the ids and the sentence are the same."""
        self.change_something_else(company)
        later = ask(company, self.name, **self.parameters)
        assert _counted(self.document(company, later)) == _counted(self.document(company, answer))

    def test_scripts_get_plain_values(self, company: CRM, answer: Answer) -> None:
        """What `--format json` prints is JSON as every program reads it, without NaN."""
        found = self.document(company, answer)
        assert json.loads(json.dumps(found, allow_nan=False)) == found

    def document(self, crm: CRM, answer: Answer) -> dict[str, Any]:
        """An answer as scripts get it."""
        from crmkit_analytical.terminal.answering import document

        return document(named(crm, self.name), answer)


def _restricting(kind: str, allowed: Mapping[str, list[str]]) -> ModuleType:
    """A plugin that hides records of a kind from actors, but those that they are allowed."""
    hidden, plugin = kind, ModuleType("restricting")

    @hookimpl
    def crm_restrict(actor: Any, kind: str) -> Restriction | None:
        if kind != hidden or actor.id not in allowed:
            return None
        return Restriction(conditions=[where.id.in_(allowed[actor.id])])

    vars(plugin).update(manifest=Manifest(name="restricting"), crm_restrict=crm_restrict)
    return plugin


def _counted(document: Mapping[str, Any]) -> tuple[Any, ...]:
    explained = document["explain"]
    return document["rows"], document["sentence"], explained["total"], explained["ids"]


# What values of a unit are --------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_money(value: Any) -> bool:
    many = value if isinstance(value, tuple | list) else (value,)
    return all(isinstance(each, Money) for each in many)


IS_OF: Mapping[Unit, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "count": lambda value: _is_number(value) and value >= 0 and value == int(value),
    "number": _is_number,
    "share": lambda value: _is_number(value) and -1 <= value <= 1,
    "days": _is_number,
    "duration": lambda value: isinstance(value, timedelta),
    "money": _is_money,
    "date": lambda value: isinstance(value, date),
    "time": lambda value: isinstance(value, datetime) and value.tzinfo is not None,
}
"""For each unit whether a value is one of it; a difference of shares is one, too."""
