"""Trimming: what is old goes out of the journal, and nobody who asks for what is not notices."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from crmkit.errors import ConflictError, TransactionError
from crmkit.past import TRIMMED, Past
from crmkit.records import Record
from crmkit.storage import Trimmable
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Specimen
from crmkit.testing.lab import Lab

__all__ = ["Trimming", "trim"]


def trim(lab: Lab, before: datetime, limit: int = 1_000) -> list[tuple[int, int]]:
    """Trim the journal in steps of a limit, each a transaction; returns what each told."""
    with lab.storage.transaction(write=False) as tx:
        through = tx.trimmable(before).position
    steps = [(0, 0)]
    while steps[-1][0] < through:
        with lab.storage.transaction() as tx:
            steps.append(tx.trim(through, steps[-1][0], limit))
    return steps[1:]


def _shape(lab: Lab, id: str) -> list[tuple[int, str, bool]]:
    """Of each change of a specimen that is left: version, action, and whether it has a delta."""
    history = lab.storage.history("specimen", id)
    return [(each.version, each.action, each.delta is not None) for each in history]


def _now(lab: Lab) -> datetime:
    """A moment behind all that was written, and before all that will be."""
    return lab.stamp().at


def _live(lab: Lab, draw: random.Random, ids: list[str], steps: int) -> list[datetime]:
    """Random inserts, updates and deletes; returns the moments in between."""
    moments = []
    for _ in range(steps):
        id = draw.choice(ids)
        (record,) = lab.storage.get("specimen", [id])
        values: dict[str, Any] = {"name": draw.choice("abc"), "number": draw.choice([None, 1, 2])}
        if record is None:
            lab.add(Specimen(id=id, **values))
        elif draw.random() < 0.3:
            lab.delete(record)
        else:
            lab.update(record, **values)
        moments.append(_now(lab))
    return moments


def _as_of(lab: Lab, moment: datetime, ids: list[str]) -> list[Any]:
    past = Past(lab.storage, moment)
    every: dict[str, Record] = dict(sorted(past.all("specimen").items()))
    return [every, [past.get("specimen", id) for id in ids]]


class Trimming(Contract):
    """What was recorded before a moment goes, but for the last change of each record."""

    def test_trimming_leaves_the_last_change_of_each_record(self, lab: Lab) -> None:
        """Of what is trimmed the last change of each record stays, whatever it did, and forgets its delta."""
        lab.needs("trim")
        a, b, c = lab.named("a", "b", "c")
        lab.update(lab.update(a, name="a2"), name="a3")
        lab.delete(lab.update(b, name="b2"))
        horizon = _now(lab)
        lab.update(c, name="c2")
        trim(lab, horizon)
        assert _shape(lab, a.id) == [(3, "update", False)]
        assert _shape(lab, b.id) == [(3, "delete", False)]
        assert _shape(lab, c.id) == [(1, "insert", False), (2, "update", True)]
        assert lab.names(order="name") == ["a3", "c2"]

    def test_what_was_recorded_at_the_moment_stays(self, lab: Lab) -> None:
        """What is trimmed was recorded before the moment, to the microsecond; what was recorded at it stays whole."""
        lab.needs("trim")
        record = lab.update(lab.add(Specimen(name="a")), name="b")
        last = lab.storage.history("specimen", record.id)[-1]
        trim(lab, last.at)
        assert _shape(lab, record.id) == [(1, "insert", False), (2, "update", True)]
        trim(lab, last.at + timedelta(microseconds=1))
        assert _shape(lab, record.id) == [(2, "update", False)]

    def test_what_trimming_will_take_out_can_be_told(self, lab: Lab) -> None:
        """`trimmable` tells the last position, how many changes go, and when the first and last of them were recorded."""
        lab.needs("trim")
        a, b = lab.named("a", "b")
        lab.update(lab.update(a, name="a2"), name="a3")
        first, _, second, last = lab.storage.changes()
        with lab.storage.transaction(write=False) as tx:
            assert tx.trimmable(first.at) == Trimmable(0)
            assert tx.trimmable(second.at).count == 0
            told = tx.trimmable(_now(lab))
        assert told == Trimmable(last.position, 2, first.at, second.at)
        assert sum(taken for _, taken in trim(lab, _now(lab))) == told.count
        with lab.storage.transaction(write=False) as tx:
            assert tx.trimmable(_now(lab)) == Trimmable(last.position)
        assert lab.get(b) == b

    def test_trimming_ends_at_the_first_change_that_is_not_old(self, lab: Lab) -> None:
        """In the order of positions: an old change behind one that is not stays until that one goes, too."""
        lab.needs("trim")
        a = lab.update(lab.add(Specimen(name="a")), name="a2")
        horizon = _now(lab)
        lab.add(Specimen(name="b"), at=horizon + timedelta(days=1))
        c = lab.update(lab.add(Specimen(name="c"), at=horizon - timedelta(days=1)), name="c2")
        trim(lab, horizon + timedelta(hours=1))
        assert _shape(lab, a.id) == [(2, "update", False)]
        assert _shape(lab, c.id) == [(1, "insert", False), (2, "update", True)]

    def test_trimming_goes_in_steps(self, lab: Lab) -> None:
        """A step goes over as many changes as its limit says, and each leaves a journal without gaps."""
        lab.needs("trim")
        ids = [f"id-{number}" for number in range(4)]
        _live(lab, random.Random(3), ids, 30)
        horizon, positions = _now(lab), [each.position for each in lab.storage.changes()]
        _live(lab, random.Random(4), ids, 10)
        with lab.storage.transaction() as tx:
            told = tx.trimmable(horizon)
            assert told.position == positions[-1]
            reached, taken = tx.trim(told.position, 0, 7)
        assert reached == positions[6]
        while reached < told.position:
            for id in ids:
                versions = [each.version for each in lab.storage.history("specimen", id)]
                assert versions == list(range(versions[0], versions[-1] + 1))
            with lab.storage.transaction() as tx:
                start = reached
                reached, more = tx.trim(told.position, start, 7)
            assert reached in {positions[min(positions.index(start) + 7, 29)], told.position}
            assert more <= 7
            taken += more
        assert taken == told.count == 30 - len(ids)
        for id in ids:
            whole = [each.delta is not None for each in lab.storage.history("specimen", id)]
            assert not whole[0]

    def test_the_journal_goes_on_behind_what_was_trimmed(self, lab: Lab) -> None:
        """Versions and positions go on as if all were there, for records that are gone, too; stale writes are refused."""
        lab.needs("trim")
        a, b = lab.named("a", "b")
        newer = lab.update(a, name="a2")
        lab.delete(b)
        position = lab.storage.position()
        trim(lab, _now(lab))
        assert lab.storage.position() == position
        assert lab.storage.versions("specimen", [a.id, b.id]) == {a.id: 2, b.id: 2}
        with pytest.raises(ConflictError) as caught:
            lab.update(a, name="stale")
        assert (caught.value.expected, caught.value.actual) == (1, 2)
        lab.update(newer, name="a3")
        assert lab.add(Specimen(id=b.id, name="b2")).version == 3
        changes = lab.storage.changes(position)
        assert [(each.id, each.version) for each in changes] == [(a.id, 3), (b.id, 3)]
        assert changes[0].delta == {"name": ("a2", "a3")}
        assert changes[0].position > position

    def test_what_is_left_is_read_as_before(self, lab: Lab) -> None:
        """`changes` gives what is left, by position, kind and time, and counts it."""
        lab.needs("trim")
        a = lab.update(lab.add(Specimen(name="a")), name="a2")
        horizon = _now(lab)
        lab.update(a, name="a3")
        _, kept, later = lab.storage.changes()
        trim(lab, horizon)
        left = lab.storage.changes()
        assert [each.position for each in left] == [kept.position, later.position]
        assert left[1] == later
        assert lab.storage.changes(kept.position - 1, ["specimen"], 1)[0].version == 2
        assert lab.storage.changes(kept.position) == [later]
        assert lab.storage.changes(since=horizon) == [later]
        assert lab.storage.count_changes() == 2
        assert lab.storage.count_changes(kept.position, ["slip"]) == 0

    def test_the_past_since_the_moment_is_the_same(self, lab: Lab) -> None:
        """Every moment from there on is rebuilt as it was before, for records deleted and put in again, too."""
        lab.needs("trim")
        ids, draw = [f"id-{number}" for number in range(5)], random.Random(7)
        moments = _live(lab, draw, ids, 60)
        for cut in (20, 40):
            before = [_as_of(lab, each, ids) for each in moments[cut:]]
            trim(lab, moments[cut], limit=9)
            assert [_as_of(lab, each, ids) for each in moments[cut:]] == before

    def test_what_was_kept_goes_when_more_is_trimmed(self, lab: Lab) -> None:
        """A change that stayed as its record's last goes when a later one is trimmed."""
        lab.needs("trim")
        a = lab.update(lab.add(Specimen(name="a")), name="a2")
        trim(lab, _now(lab))
        lab.update(a, name="a3")
        trim(lab, _now(lab))
        assert _shape(lab, a.id) == [(3, "update", False)]

    def test_redaction_reaches_what_trimming_left(self, lab: Lab) -> None:
        """A record whose past was trimmed is redacted as any other, one that is gone, too."""
        lab.needs("trim")
        a, b = lab.named("secret a", "secret b")
        a = lab.update(a, name="secret a2")
        lab.delete(b)
        trim(lab, _now(lab))
        a = lab.update(a, name="secret a3")
        assert lab.redact(a, name="").version == 4
        lab.redact_gone(Specimen(id=b.id), "name")
        assert "secret" not in repr(lab.storage.changes())
        assert _shape(lab, a.id) == [(2, "update", False), (3, "update", True), (4, "redact", True)]
        assert _shape(lab, b.id) == [(2, "delete", False), (3, "redact", True)]

    def test_trimming_is_undone_with_its_transaction(self, lab: Lab) -> None:
        """A transaction that trims rolls back as any other, and one that only reads does not trim."""
        lab.needs("trim")
        lab.update(lab.add(Specimen(name="a")), name="a2")
        before = lab.storage.changes()
        with lab.undone() as tx:
            tx.trim(before[-1].position, 0, 10)
            assert len(tx.changes()) == 1
        assert lab.storage.changes() == before
        with (
            pytest.raises(TransactionError),
            lab.storage.transaction(write=False) as tx,
        ):
            tx.trim(before[-1].position, 0, 10)

    def test_a_storage_is_sound_after_trimming(self, lab: Lab) -> None:
        """`check` finds nothing wrong while the journal is trimmed and after, once the state says up to where."""
        lab.needs("trim")
        ids = [f"id-{number}" for number in range(4)]
        _live(lab, random.Random(5), ids, 20)
        horizon = _now(lab)
        _live(lab, random.Random(6), ids, 5)
        with lab.storage.transaction() as tx:
            through = tx.trimmable(horizon).position
            tx.set_state(TRIMMED, {"position": through})
            reached, _ = tx.trim(through, 0, 5)
        assert lab.storage.check() == []
        with lab.storage.transaction() as tx:
            tx.trim(through, reached, 100)
        assert lab.storage.check() == []
