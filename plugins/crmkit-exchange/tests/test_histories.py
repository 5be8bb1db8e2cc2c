"""Histories: rows that are states or changes of one record, each as of its time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from crmkit_exchange.importing import sorting
from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ExternalId
from crmkit_exchange.presets.preset import History, Preset
from crmkit_exchange.presets.values import EMPTY, Made

from crmkit import CRM, Actor, Config, Manifest, Record, field, hookimpl, kind, where


@kind("cup", label="Cup", title="name")
class Cup(Record):
    """A cup, what is in it, and since when."""

    name: str = field()
    content: str | None = field(default=None)
    since: datetime | None = field(default=None)
    place: str = field(default="")


STATES = Preset(
    name="cups",
    source="kitchen",
    object="cup",
    label="Cups",
    kind=Cup,
    signatures=[["CUP", "CONTENT", "SEEN"]],
    key="CUP",
    fields={"name": "CUP", "content": "CONTENT", "place": "PLACE"},
    history=History("SEEN", since={"since": "content"}),
)
CHANGES = Preset(
    name="cup-places",
    source="kitchen",
    object="cup_place",
    label="Where cups were",
    kind=Cup,
    signatures=[["CUP", "MOVED_TO", "AT"]],
    key="CUP",
    fields={"place": "MOVED_TO"},
    history=History("AT", of="cup"),
    after=("cup",),
)
PLAIN = Preset(
    name="plain-cups",
    source="cupboard",
    object="cup",
    label="Cups as they are",
    kind=Cup,
    signatures=[["CUP", "INSIDE", "WHERE"]],
    key="CUP",
    fields={"name": "CUP", "content": "INSIDE", "place": "WHERE"},
)

# A table that has how cups began and how they are now; another tells what became of them in between.
NEW_CUPS = Preset(
    name="new-cups",
    source="bar",
    object="cup",
    label="New cups",
    kind=Cup,
    signatures=[["CUP", "MADE", "NOW", "TOUCHED"]],
    key="CUP",
    fields={"name": "CUP"},
    history=History("MADE"),
    again="cups-now",
)
CUPS_NOW = Preset(
    name="cups-now",
    source="bar",
    object="cup_now",
    label="Cups now",
    kind=Cup,
    key="CUP",
    fields={"content": "NOW"},
    ignored=("MADE",),
    after=("cup", "filling"),
    history=History("TOUCHED", of="cup", since={"since": "content"}, yields_to="filling"),
)
FILLINGS = Preset(
    name="fillings",
    source="bar",
    object="filling",
    label="What was filled in",
    kind=Cup,
    signatures=[["CUP", "FILLED", "AT"]],
    key="CUP",
    fields={"content": Made(lambda row: row.get("FILLED") or EMPTY, ["FILLED"])},
    after=("cup",),
    history=History("AT", of="cup", since={"since": "content"}, yields_to="cup_now"),
)


def plugin() -> Any:
    @hookimpl
    def crm_kinds() -> list[type[Record]]:
        return [Cup]

    @hookimpl
    def crm_import_presets() -> list[Preset]:
        return [STATES, CHANGES, PLAIN, NEW_CUPS, CUPS_NOW, FILLINGS]

    hooks = {"crm_kinds": crm_kinds, "crm_import_presets": crm_import_presets}
    return SimpleNamespace(manifest=Manifest("cups", requires=["exchange"]), **hooks)


@pytest.fixture
def crm(clock: Any) -> Iterator[CRM]:
    with CRM.open("memory://", plugins=["exchange", plugin()], config=Config(), clock=clock) as crm:
        yield crm


LOG = """CUP,CONTENT,SEEN,PLACE
a,tea,2024-01-03,shelf
b,milk,2024-01-02,
a,,2024-01-04,shelf
a,coffee,2024-01-01,sink
"""


def told(crm: CRM, name: str, *fields: str) -> list[tuple[Any, ...]]:
    [cup] = (each for each in crm.find(Cup) if each.name == name)
    found = []
    for change in crm.history("cup", cup.id):
        then = crm.at_version("cup", cup.id, change.version)
        found.append((change.effective.day, *(then[each] for each in fields)))
    return found


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


@pytest.mark.parametrize("held", [1, 2, 3, 20_000])
def test_states_come_by_their_times_however_many_fit_into_memory(
    bring: Any, monkeypatch: pytest.MonkeyPatch, held: int
):
    monkeypatch.setattr(sorting, "HELD", held)

    assert bring.text(LOG).sums == (4, 2, 2, 0, 0)
    assert told(bring.crm, "a", "content", "place", "since") == [
        (1, "coffee", "sink", day(1)),
        (3, "tea", "shelf", day(3)),
        (4, None, "shelf", day(4)),
    ]


def test_changes_are_of_what_was_imported_before(bring: Any):
    bring.text(LOG)
    moves = "CUP,MOVED_TO,AT\na,floor,2024-01-06\na,table,2024-01-05\nc,table,2024-01-05\n"

    assert bring.text(moves).sums == (3, 0, 2, 1, 0)
    assert told(bring.crm, "a", "place", "content")[-2:] == [(5, "table", None), (6, "floor", None)]
    assert bring.text(moves, "again.csv").sums == (3, 0, 0, 3, 0)


def test_undoing_changes_leaves_the_states(bring: Any, snapshot: Any):
    bring.text(LOG)
    before = snapshot()
    done = bring.text("CUP,MOVED_TO,AT\na,floor,2024-01-06\na,table,2024-01-05\n")
    assert snapshot() != before

    assert undo(bring.crm, Actor("user", "kim"), done.run).kept == []
    assert snapshot() == before


def test_what_people_wrote_is_not_taken_for_the_source_by_the_import_after_the_next(bring: Any):
    bring.text("CUP,INSIDE,WHERE\na,tea,shelf\n", "1.csv")
    with bring.crm.transaction() as tx:
        [cup] = tx.find(Cup)
        tx.update(cup.evolve(content="wine"))
    bring.text("CUP,INSIDE,WHERE\na,tea,table\n", "2.csv")
    bring.text("CUP,INSIDE,WHERE\na,tea,floor\n", "3.csv")

    [cup] = bring.crm.find(Cup)
    assert (cup.content, cup.place) == ("wine", "floor")
    bring.text("CUP,INSIDE,WHERE\na,water,floor\n", "4.csv")
    assert next(bring.crm.find(Cup)).content == "water"
    assert dict(next(bring.crm.find(ExternalId)).apart) == {}


# Rows that are brought in again ---------------------------------------------------------------------------------

CUPS = """CUP,MADE,NOW,TOUCHED,COLOUR
a,2024-01-01,tea,2024-01-05,blue
b,2024-01-02,milk,2024-01-03,
"""
FILLED = "CUP,FILLED,AT\na,,2024-01-04\na,wine,2024-01-03\n"


def cups(bring: Any) -> list[Any]:
    return [bring.write("cups.csv", CUPS), bring.write("fillings.csv", FILLED)]


def test_a_table_tells_how_records_began_and_after_what_became_of_them_how_they_are(bring: Any):
    done = bring(*cups(bring))

    names = [each.run.file for each in done]
    assert names == ["cups.csv", "fillings.csv", "cups (cups-now).csv"]
    assert [each.sums for each in done] == [(2, 2, 0, 0, 0), (2, 0, 2, 0, 0), (2, 0, 2, 0, 0)]
    assert told(bring.crm, "a", "content", "since") == [
        (1, None, None),
        (3, "wine", day(3)),
        (4, None, day(4)),
        (5, "tea", day(5)),
    ]
    kept = [dict(each.details) for each in bring.crm.find(ExternalId) if each.details]
    assert kept == [{"COLOUR": "blue"}]


def test_what_comes_too_late_sets_nothing_back_and_says_so(bring: Any):
    path, history = cups(bring)
    bring(path)
    [late] = bring(history)

    assert late.sums == (2, 0, 0, 2, 0)
    assert {each.reason for each in late.outcomes} == {
        "what was imported of its record before is true since a later time"
    }
    assert told(bring.crm, "a", "content") == [(1, None), (5, "tea")]
    later = bring.text("CUP,FILLED,AT\na,wine,2024-01-06\n")
    assert later.sums == (1, 0, 1, 0, 0)


def test_records_and_their_history_are_undone_together_whichever_is_named(
    bring: Any, snapshot: Any
):
    before = snapshot()
    done = bring(*cups(bring))
    assert [each.sums[1:3] for each in bring(*cups(bring))] == [(0, 0)] * 3

    assert undo(bring.crm, Actor("user", "kim"), done[-1].run).kept == []
    assert snapshot() == before


def test_a_row_is_refused_that_was_imported_as_another_kind(bring: Any):
    bring.text("CUP,INSIDE,WHERE\na,tea,shelf\n")
    people = bring.text("id,name\na,Ada\n", source="cupboard", maps=(("id", "id"),))
    with bring.crm.transaction() as tx:
        [external] = tx.find(ExternalId, where["kind"] == people.run.file.removesuffix(".csv"))
        tx.delete_all([each for each in tx.find(ExternalId) if each.id != external.id])
        tx.update(external.evolve(kind="cup"))

    refused = bring.text("CUP,INSIDE,WHERE\na,water,shelf\n", "again.csv")
    assert refused.sums == (1, 0, 0, 0, 1)
    assert "was imported as customer" in refused.outcomes[0].reason
