"""What is made of the rows that name it, records fitted before they are written, and rows that tell of one property."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ExternalId
from crmkit_exchange.presets.preset import Fitting, History, Preset, Reference

from crmkit import CRM, Actor, Config, Manifest, Record, field, hookimpl, kind


@kind("shelf", label="Shelf", title="name", unique=(("name",),))
class Shelf(Record):
    """Where jars stand."""

    name: str = field()


@kind("jar", label="Jar", title="name")
class Jar(Record):
    """A jar, how full it is, and where it stands. It sorts before its shelf, which has to be written first."""

    name: str = field()
    shelf_id: str = field(refers_to=Shelf)
    full: int | None = field(default=None)
    label: str = field(default="")


def _at_most_full(it: Fitting) -> tuple[Record, Sequence[str]]:
    full = it.record["full"]
    return (it.record.set("full", 100), ["full: more than all"]) if (full or 0) > 100 else (it.record, ())  # fmt: skip


SHELVES = Preset(
    name="shelves", source="kitchen", object="shelf", label="Shelves", kind=Shelf, fields={"name": "SHELF"},
)  # fmt: skip
ON_SHELF = Reference("SHELF", "shelf", makes=SHELVES)
JARS = Preset(
    name="jars",
    source="kitchen",
    object="jar",
    label="Jars",
    kind=Jar,
    signatures=[["JAR", "SHELF", "FULL"]],
    key="JAR",
    fields={"name": "JAR", "full": "FULL"},
    references={"shelf_id": ON_SHELF},
    fit=_at_most_full,
)
CHANGES = Preset(
    name="jar-changes",
    source="kitchen",
    object="jar_change",
    label="What became of jars",
    kind=Jar,
    signatures=[["JAR", "AT", "WHAT", "VALUE"]],
    key="JAR",
    fields={"full": "FULL", "label": "LABEL"},
    references={"shelf_id": ON_SHELF},
    after=("jar",),
    history=History("AT", of="jar", properties=("WHAT", "VALUE"), carried="LABEL"),
)


def plugin() -> Any:
    @hookimpl
    def crm_kinds() -> list[type[Record]]:
        return [Jar, Shelf]

    @hookimpl
    def crm_import_presets() -> list[Preset]:
        return [JARS, CHANGES]

    hooks = {"crm_kinds": crm_kinds, "crm_import_presets": crm_import_presets}
    return SimpleNamespace(manifest=Manifest("jars", requires=["exchange"]), **hooks)


@pytest.fixture
def crm(clock: Any) -> Iterator[CRM]:
    with CRM.open("memory://", plugins=["exchange", plugin()], config=Config(), clock=clock) as crm:
        yield crm


TABLE = "JAR,SHELF,FULL\na,top,50\nb,top,300\nc,bottom,10\nd,,10\n"


def test_what_rows_name_is_made_once_and_goes_with_them(bring: Any):
    with bring.crm.transaction() as tx:
        own = tx.add(Shelf(name="bottom"))
    done = bring.text(TABLE)

    assert done.sums == (4, 3, 0, 0, 1)
    shelves = {each.name: each.id for each in bring.crm.find(Shelf)}
    assert set(shelves) == {"top", "bottom"}
    assert {each.name: each.shelf_id for each in bring.crm.find(Jar)} == {
        "a": shelves["top"],
        "b": shelves["top"],
        "c": own.id,
    }
    assert [each.reason for each in done.outcomes] == [
        "Shelf 'top' was made",
        "",
        "",
        "has no value for shelf_id",
    ]
    assert undo(bring.crm, Actor("user", "kim"), done.run).kept == []
    assert [each.id for each in bring.crm.find(Shelf)] == [own.id]


def test_what_a_preset_does_not_take_is_kept_as_what_the_source_says(bring: Any):
    done = bring.text(TABLE)
    again = bring.text(TABLE, "again.csv")

    assert [each.notes for each in done.outcomes][1] == ("full: more than all",)
    [jar] = [each for each in bring.crm.find(Jar) if each.name == "b"]
    [said] = [each for each in bring.crm.find(ExternalId) if each.record_id == jar.id]
    assert (jar.full, dict(said.apart)) == (100, {"full": 300})
    assert again.sums == (4, 0, 0, 3, 1)


def test_rows_that_tell_of_one_property_change_that_one(bring: Any):
    bring.text(TABLE)
    done = bring.text(
        "JAR,AT,WHAT,VALUE\na,2024-01-03,full,\na,2024-01-02,shelf,bottom\na,2024-01-01,label,jam\na,2024-01-04,full,much\n",
        "changes.csv",
    )

    assert done.sums == (4, 0, 3, 0, 1)
    [jar] = [each for each in bring.crm.find(Jar) if each.name == "a"]
    changes = [(each.effective.day, [*each.delta]) for each in bring.crm.history("jar", jar.id)[1:]]
    assert changes == [(1, ["label"]), (2, ["shelf_id"]), (3, ["full"])]
    assert (jar.full, jar.label, bring.crm.get(Shelf, jar.shelf_id).name) == (None, "jam", "bottom")
