"""The journal: every change, in the order of the commits."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crmkit.changes import Actor, Cause
from crmkit.codec import dump_document
from crmkit.schema import BASE
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Colour, Slip, Specimen
from crmkit.testing.lab import Lab
from crmkit.values import Money

__all__ = ["Journal", "check_law"]


def check_law(lab: Lab, kind: str, id: str) -> None:
    """The law of the journal: versions 1..n, each delta's after = the next one's before, the last = the record."""
    history = lab.storage.history(kind, id)
    assert [each.version for each in history] == list(range(1, len(history) + 1))
    (record,) = lab.storage.get(kind, [id])
    later: dict[str, Any] = {}
    if record is not None:
        assert record.version == len(history)
        later = dump_document(lab.schema[kind], record)
    for change in reversed(history):
        if change.action == "delete":
            later = {name: each for name, each in (change.delta or {}).items() if name not in BASE}
        elif change.action == "insert":
            later = {}
        else:
            for field, (before, after) in (change.delta or {}).items():
                if later or change.action == "update":
                    assert later.get(field) == after, (field, change)
                later[field] = before


class Journal(Contract):
    """Every committed write leaves one change."""

    def test_an_insert_leaves_a_change_without_a_delta(self, lab: Lab) -> None:
        """An insert is one change of version 1 whose delta is None: the record itself says the rest."""
        record = lab.add(Specimen(name="a"))
        (change,) = lab.storage.history("specimen", record.id)
        assert (change.kind, change.id, change.version) == ("specimen", record.id, 1)
        assert (change.action, change.delta, change.cause) == ("insert", None, None)

    def test_an_update_keeps_what_changed(self, lab: Lab) -> None:
        """An update's delta has before and after of each changed field in plain form, None for missing, no other."""
        record = lab.add(
            Specimen(name="a", number=1, added={"custom.tier": "x"}, extra={"old": [1]})
        )
        lab.update(
            record,
            name="b",
            number=None,
            price=Decimal("1.50"),
            seen_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
            day=date(2026, 1, 1),
            colour=Colour.BLUE,
            worth=Money(5, "KRW"),
            labels=("x",),
            flag=False,
            details={"a": 1},
            added={"clinic.chart": "7"},
            extra={},
        )
        delta = lab.storage.history("specimen", record.id)[1].delta
        assert delta == {
            "name": ("a", "b"),
            "number": (1, None),
            "price": (None, "1.50"),
            "seen_at": (None, "2026-01-01T09:00:00.000000+00:00"),
            "day": (None, "2026-01-01"),
            "colour": (None, "blue"),
            "worth": (None, {"minor": 5, "currency": "KRW"}),
            "labels": ([], ["x"]),
            "flag": (None, False),
            "details": (None, {"a": 1}),
            "custom.tier": ("x", None),
            "clinic.chart": (None, "7"),
            "old": ([1], None),
        }
        assert type(delta["flag"][1]) is bool

    def test_an_update_of_nothing_is_a_change_too(self, lab: Lab) -> None:
        """An update without a difference makes a version, and a change with an empty delta."""
        record = lab.add(Specimen(name="a"))
        again = lab.update(record)
        assert lab.get(record) == again
        assert lab.storage.history("specimen", record.id)[1].delta == {}

    def test_a_delete_keeps_the_document(self, lab: Lab) -> None:
        """A delete's delta is the whole document as it was; its version is the next one."""
        record = lab.add(Specimen(name="a", worth=Money(1, "EUR"), extra={"x.y": 1}))
        lab.delete(record)
        change = lab.storage.history("specimen", record.id)[-1]
        assert (change.action, change.version) == ("delete", 2)
        assert change.delta == dump_document(lab.schema["specimen"], record)

    def test_the_law_of_the_journal(self, lab: Lab) -> None:
        """For each record: versions 1..n without a gap, each after is the next before, the last is the record."""
        draw = random.Random(4)
        alive: dict[str, Specimen] = {}
        ids = [f"id-{number}" for number in range(6)]
        for _ in range(120):
            id = draw.choice(ids)
            values: dict[str, Any] = {
                "name": draw.choice("abc"),
                "number": draw.choice([None, 1, 2]),
                "worth": draw.choice([None, Money(1, "EUR"), Money(1, "KRW")]),
                "added": draw.choice([{}, {"custom.tier": "x"}, {"custom.tier": "y"}]),
                "extra": draw.choice([{}, {"e": [1]}]),
            }
            if id not in alive:
                alive[id] = lab.add(Specimen(id=id, **values))
            elif draw.random() < 0.25:
                lab.delete(alive.pop(id))
            elif draw.random() < 0.1:
                alive[id] = lab.redact(alive[id], name="")
            else:
                alive[id] = lab.update(alive[id], **values)
        for id in ids:
            check_law(lab, "specimen", id)
        assert {each.id: each for each in lab.find()} == alive

    def test_changes_come_in_the_order_of_writing(self, lab: Lab) -> None:
        """Positions rise with the commits, and within a batch in the order of its writes, over all kinds."""
        a, b = lab.named("a", "b")
        slips = lab.insert(*(Slip(specimen_id=a.id, text=each) for each in "xyz"))
        lab.update(b, name="c")
        changes = lab.storage.changes()
        assert [each.id for each in changes] == [a.id, b.id, *(each.id for each in slips), b.id]
        positions = [each.position for each in changes]
        assert positions == sorted(set(positions))
        assert positions[0] > 0
        assert lab.storage.position() == positions[-1]

    def test_changes_go_on_behind_a_position(self, lab: Lab) -> None:
        """`changes(after)` are those behind a position; in steps of a limit they are all, each once."""
        record = lab.named(*"abc")[0]
        for number in range(6):
            record = lab.update(record, number=number)
        whole, position, steps = lab.storage.changes(), 0, []
        while True:
            step = lab.storage.changes(position, limit=2)
            if not step:
                break
            assert len(step) <= 2
            steps += step
            position = step[-1].position
        assert steps == whole
        assert lab.storage.changes(position) == []
        assert lab.storage.changes(whole[4].position) == whole[5:]
        assert lab.storage.changes(limit=0) == []

    def test_changes_of_some_kinds(self, lab: Lab) -> None:
        """`kinds` leaves the others out, before the limit counts; no kinds are no changes."""
        record = lab.add(Specimen(name="a"))
        for number in range(3):
            lab.add(Slip(specimen_id=record.id))
            record = lab.update(record, number=number)
        assert {each.kind for each in lab.storage.changes(kinds=["slip"])} == {"slip"}
        assert len(lab.storage.changes(kinds=["slip"])) == 3
        assert len(lab.storage.changes(kinds=["slip"], limit=2)) == 2
        assert len(lab.storage.changes(kinds=["slip", "specimen"])) == 7
        assert lab.storage.changes(kinds=[]) == []

    def test_changes_are_counted(self, lab: Lab) -> None:
        """`count_changes` is how many `changes` gives, behind a position and of some kinds."""
        record = lab.add(Specimen(name="a"))
        for number in range(3):
            lab.add(Slip(specimen_id=record.id))
            record = lab.update(record, number=number)
        assert lab.storage.count_changes() == 7
        assert lab.storage.count_changes(lab.storage.changes()[2].position) == 4
        assert lab.storage.count_changes(kinds=["slip"]) == 3
        assert lab.storage.count_changes(lab.storage.changes()[2].position, ["slip"]) == 2
        assert lab.storage.count_changes(lab.storage.position()) == 0
        assert lab.storage.count_changes(kinds=[]) == 0

    def test_changes_recorded_since(self, lab: Lab) -> None:
        """`since` gives the changes that were recorded later, not those of that very moment, to the microsecond."""
        moment = datetime(2026, 6, 1, 12, 0, 0, 500, tzinfo=UTC)
        step = timedelta(microseconds=1)
        for name, at in (("a", moment - step), ("b", moment), ("c", moment + step)):
            lab.add(Specimen(name=name), at=at)
        changes = lab.storage.changes(since=moment)
        assert [each.at for each in changes] == [moment + step]
        assert len(lab.storage.changes(since=moment - 2 * step, limit=2)) == 2

    def test_changes_keep_who_when_and_why(self, lab: Lab) -> None:
        """A change keeps its transaction, both times to the microsecond, actor and cause."""
        stamp = {
            "transaction": "t'1\"",
            "at": datetime(2026, 6, 1, 12, 0, 0, 1, tzinfo=UTC),
            "effective": datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            "actor": Actor("김@회사.example", "bot", "import"),
            "cause": Cause("t'0", ("worker a", "b")),
        }
        record = lab.add(Specimen(name="a"), **stamp)
        (change,) = lab.storage.history("specimen", record.id)
        assert {name: getattr(change, name) for name in stamp} == stamp
        assert change.cause is not None
        assert change.cause.depth == 2
        assert change.at.tzinfo is UTC

    def test_deltas_are_plain(self, lab: Lab) -> None:
        """Deltas are JSON but for the pairs, and reading them gives nobody a hold on the journal."""
        record = lab.add(Specimen(items=({"a": [1]},), details={"a": [1]}, extra={"e": {"f": [1]}}))
        lab.update(record, items=(), details={"a": [2]}, extra={})
        (change,) = lab.storage.changes(after=lab.storage.changes()[0].position)
        assert change.delta is not None
        assert all(type(pair) is tuple for pair in change.delta.values())
        text = json.dumps(change.delta)
        change.delta["details"][0]["a"].append(9)
        change.delta["items"][0].append(9)
        assert json.dumps(lab.storage.changes()[1].delta) == text

    def test_the_past_is_the_present_undone(self, lab: Lab) -> None:
        """Undoing deltas step by step gives every earlier document."""
        record: Specimen = lab.add(Specimen(name="0", labels=("a",), added={"custom.score": 0}))
        kind, pasts = lab.schema["specimen"], []
        for number in range(1, 6):
            pasts.append(record)
            record = lab.update(
                record,
                name=str(number),
                worth=Money(number, "EUR") if number % 2 else None,
                added={"custom.score": number} if number % 3 else {},
            )
        document = _fields(dump_document(kind, record))
        for change in reversed(lab.storage.history("specimen", record.id)[1:]):
            for field, (before, _) in (change.delta or {}).items():
                document[field] = before
            present = {name: each for name, each in document.items() if each is not None}
            assert present == _fields(dump_document(kind, pasts.pop()))

    def test_history_is_of_one_record(self, lab: Lab) -> None:
        """`history` has one record's changes only, oldest first, after its end too; of an unknown id, none."""
        a, b = lab.named("a", "b")
        a = lab.update(a, name="c")
        lab.update(b, name="d")
        lab.delete(a)
        history = lab.storage.history("specimen", a.id)
        assert [each.action for each in history] == ["insert", "update", "delete"]
        assert {each.id for each in history} == {a.id}
        assert lab.storage.history("specimen", "nobody") == []
        assert lab.storage.history("slip", a.id) == []

    def test_writes_of_one_call_share_a_stamp(self, lab: Lab) -> None:
        """All changes of a batch have its transaction, times, actor and cause."""
        lab.insert(*(Specimen(name=each) for each in "abc"), transaction="tx", actor=Actor("kim"))
        changes = lab.storage.changes()
        assert len(changes) == 3
        assert {(each.transaction, each.actor.id, each.at) for each in changes} == {
            ("tx", "kim", changes[0].at)
        }

    def test_a_transaction_hands_back_its_changes(self, lab: Lab) -> None:
        """Once it is committed: as the journal has them, positions included; those of savepoints undone are not there."""
        old = lab.named("old", "gone", "blank")
        with lab.storage.transaction() as tx:
            new = lab.add(Specimen(name="new", details={"k": [1, 1e22, None]}), tx=tx)
            lab.update(old[0], tx=tx, name="changed", price=Decimal("1.50"))
            with suppress(ZeroDivisionError), tx.savepoint():
                lab.add(Specimen(name="undone"), tx=tx)
                raise ZeroDivisionError
            lab.delete(old[1], tx=tx)
            lab.redact(old[2], tx=tx, name="")
        found = tx.committed()
        assert [each.action for each in found] == ["insert", "update", "delete", "redact"]
        assert [each.id for each in found] == [new.id, *(each.id for each in old)]
        assert found == lab.storage.changes(3)

    def test_many_changes_are_handed_back(self, lab: Lab) -> None:
        """However many they are, in their order, and none of those that others commit later."""
        for number in (1, 5, 20, 60, 2_100):
            before = lab.storage.position()
            with lab.storage.transaction() as tx:
                lab.insert(*(Specimen(number=n) for n in range(number)), tx=tx)
            lab.add(Specimen(name="later"))
            assert tx.committed() == lab.storage.changes(before)[:-1]
            assert len(lab.storage.changes(before)) == number + 1

    def test_without_a_write_nothing_is_handed_back(self, lab: Lab) -> None:
        """A transaction that wrote no record made no change."""
        lab.add(Specimen(name="a"))
        with lab.storage.transaction() as tx:
            tx.set_state("k", 1)
        assert tx.committed() == []


def _fields(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in BASE}
