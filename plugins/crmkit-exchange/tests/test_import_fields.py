"""Fields that a kind has in files only: a plugin says so, a row then makes what it leads to, and parts of its own."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ExternalId
from crmkit_exchange.presets.fields import ImportFields, Said
from crmkit_exchange.presets.preset import Part, Preset, Reference

from crmkit import (
    CRM,
    Config,
    Customer,
    Handle,
    Manifest,
    Money,
    PluginConflict,
    Record,
    field,
    hookimpl,
    kind,
)
from crmkit.testing.fixtures import FakeClock

KIM = "kim@acme.example"
STAYS = """code,visitor,arrives_at,room,price
s1,7,2026-05-01,201,100
s2,7,2026-06-01,305,
s3,8,2026-06-02,201,120
"""
SAID: dict[str, Any] = {
    "kind": "stay",
    "maps": (
        ("code", "id"),
        ("visitor", "guest"),
        ("arrives_at", "arrives_at"),
        ("price", "charge"),
    ),
}


@kind("stay", timeline="arrives_at", title="room")
class Stay(Record):
    """A stay at a hotel."""

    customer_id: str = field(refers_to=Customer)
    arrives_at: datetime = field()
    room: str = field()


@kind("charge", title="amount")
class Charge(Record):
    """What was charged for a stay; what it is of goes with it."""

    stay_id: str = field(refers_to=Stay, on_delete="cascade")
    amount: Money = field()
    left_at: datetime | None = field(default=None)


def _applied(crm: Handle, preset: Preset, said: Mapping[str, Said]) -> Preset:
    if "guest" in said:
        guest = Reference(said["guest"].value, makes="guest")
        preset = attrs.evolve(preset, references={**preset.references, "customer_id": guest})
    if "charge" in said:
        fields: dict[str, Any] = {"amount": said["charge"].value}
        fields |= {"left_at": said["left"].value} if "left" in said else {}
        part = Part(name="charge", kind=Charge, owner="stay_id", fields=fields)
        preset = attrs.evolve(preset, parts=(part,))
    return preset


def _hotel(name: str = "hotel") -> types.ModuleType:
    module = types.ModuleType(f"tests_{name}")
    names = {"guest": "whose", "charge": "what it cost", "left": "until when"}

    @hookimpl
    def crm_kinds() -> list[type[Record]]:
        return [Stay, Charge] if name == "hotel" else []

    @hookimpl(optionalhook=True)
    def crm_import_fields() -> list[ImportFields]:
        return [ImportFields(kind="stay", fields=names, applied=_applied)]

    module.__dict__.update(
        manifest=Manifest(name=name, extends=("exchange",)),
        crm_kinds=crm_kinds,
        crm_import_fields=crm_import_fields,
    )
    return module


@pytest.fixture(params=["memory", "sqlite"])
def crm(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[CRM]:
    """The app of a hotel."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/crm.db"
    plugins = ["sqlite", "exchange", _hotel()]
    with CRM.open(url, plugins=plugins, config=Config(), clock=clock) as crm:
        yield crm


def _guests(crm: CRM) -> list[str]:
    return sorted(each.name for each in crm.find(Customer))


def test_a_row_makes_its_customer_and_its_part(crm: CRM, bring: Any):
    done = bring.text(STAYS, "stays.csv", **SAID)

    assert done.sums == (3, 3, 0, 0, 0)
    assert _guests(crm) == ["7", "8"]
    rooms = {each.id: each.room for each in crm.find(Stay)}
    assert sorted((rooms[each.stay_id], each.amount.minor) for each in crm.find(Charge)) == [
        ("201", 100),
        ("201", 120),
    ]
    # The charge is no detail of the stay, for it was taken.
    details = [each.details for each in crm.find(ExternalId) if each.record_kind == "stay"]
    assert all("price" not in each for each in details)


def test_the_same_again_changes_nothing_and_undoing_takes_all(crm: CRM, bring: Any, snapshot: Any):
    done = bring.text(STAYS, "stays.csv", **SAID)
    before = snapshot()

    assert bring.text(STAYS, "stays.csv", **SAID).sums == (3, 0, 0, 3, 0)
    assert snapshot() == before

    undo(crm, crm.acting(KIM).actor, done.run)
    assert snapshot() == {}


def test_a_part_changes_with_its_column(crm: CRM, bring: Any):
    bring.text(STAYS, "stays.csv", **SAID)

    done = bring.text(STAYS.replace("120", "130").replace("305,", "305,9"), "stays.csv", **SAID)

    assert done.sums == (3, 0, 2, 1, 0)
    assert [each.reason for each in done.outcomes if each.action == "update"] == [
        "charge",
        "charge.amount",
    ]
    assert sorted(each.amount.minor for each in crm.find(Charge)) == [9, 100, 130]


def test_a_plan_knows_parts_that_changed_meanwhile(crm: CRM, bring: Any):
    bring.text(STAYS, "stays.csv", **SAID)
    path = bring.write("stays.csv", STAYS.replace("120", "130"))
    plan, outcomes = bring.plan(path, **SAID)
    assert [each.action for each in outcomes] == ["skip", "skip", "update"]

    with crm.transaction() as tx:
        [charge] = (each for each in tx.find(Charge) if each.amount.minor == 120)
        tx.update(charge.evolve(amount=Money(125, "KRW")))

    assert bring.plan(path, **SAID)[0].token != plan.token


def test_a_part_that_cannot_be_read_makes_its_row_invalid(crm: CRM, bring: Any):
    done = bring.text(STAYS.replace("120", "much"), "stays.csv", **SAID)

    assert done.sums == (3, 2, 0, 0, 1)
    assert "column 'price' holds 'much'" in done.outcomes[2].reason
    assert _guests(crm) == ["7"]


def test_dates_of_a_part_are_read_in_the_order_of_their_column(crm: CRM, bring: Any):
    text = "visitor,arrives_at,room,price,until\n7,2026-05-01,201,100,13/05/2026\n7,2026-06-01,305,1,03/06/2026\n"
    maps = (*SAID["maps"][1:], ("until", "left"))

    bring.text(text, "stays.csv", kind="stay", maps=maps)

    assert sorted(str(each.left_at.date()) for each in crm.find(Charge)) == [
        "2026-05-12",
        "2026-06-02",
    ]


def test_a_customer_who_was_deleted_is_made_anew(crm: CRM, bring: Any):
    bring.text(STAYS, "stays.csv", **SAID)
    with crm.transaction() as tx:
        tx.delete_all([each for each in tx.find(Stay) if each.room == "201"])
        tx.delete_all([each for each in tx.find(Customer) if each.name == "8"])

    done = bring.text(
        "code,visitor,arrives_at,room,price\ns9,8,2026-07-01,100,5\n", "stays.csv", **SAID
    )

    assert done.sums == (1, 1, 0, 0, 0)
    assert _guests(crm) == ["7", "8"]


def test_rows_that_are_alike_are_one_where_nobody_says_otherwise(crm: CRM, bring: Any):
    text = "visitor,arrives_at,room\n7,2026-05-01,201\n7,2026-05-01,201\n"

    assert bring.text(text, "stays.csv", kind="stay", maps=SAID["maps"][1:3]).sums == (
        2,
        1,
        0,
        1,
        0,
    )


def test_a_column_of_that_name_need_not_be_mapped(crm: CRM, bring: Any):
    text = "guest,arrives,room,charge\n7,2026-05-01,201,5\n"

    bring.text(text, "stays.csv", kind="stay", maps=(("arrives", "arrives_at"),))

    assert _guests(crm) == ["7"]
    assert crm.count(Charge) == 1


def test_a_column_that_was_mapped_otherwise_is_not_taken_for_its_name(crm: CRM, bring: Any):
    text = "guest,arrives,room,charge\n7,2026-05-01,201,5\n"

    bring.text(text, "stays.csv", kind="stay", maps=(("arrives", "arrives_at"), ("charge", "-")))

    assert crm.count(Charge) == 0


def test_a_wrong_name_is_told_the_nearest_of_all(bring: Any):
    for wrong, meant in (("gest", "guest"), ("rom", "room")):
        with pytest.raises(FileRefused, match=f"did you mean '{meant}'"):
            bring.text(STAYS, "stays.csv", kind="stay", maps=(("visitor", wrong),))


def test_two_plugins_with_fields_of_one_kind_are_a_conflict(tmp_path: Path, importer: Any):
    plugins = ["exchange", _hotel(), _hotel("motel")]
    with CRM.open("memory://", plugins=plugins, config=Config()) as crm:
        bring = importer(crm, tmp_path)
        with pytest.raises(PluginConflict, match=r"hotel.*motel"):
            bring.text(STAYS, "stays.csv", **SAID)
