"""Savepoints: a part of a transaction that is undone alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from crmkit.errors import Duplicate, MissingReference, TransactionError
from crmkit.storage import Transaction
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.lab import Lab

__all__ = ["Savepoints"]


class _Undo(Exception):
    """Raised in a savepoint to undo it."""


@contextmanager
def _undone(tx: Transaction) -> Iterator[None]:
    with suppress(_Undo), tx.savepoint():
        yield
        raise _Undo


def _spoil(lab: Lab, tx: Transaction) -> None:
    """One write that is fine, and one that clashes with the serial number 1."""
    lab.insert(Specimen(name="b"), tx=tx)
    lab.insert(Specimen(name="c", serial="1"), tx=tx)


class Savepoints(Contract):
    """What was written before a savepoint stays, what was written in one that raises does not."""

    def test_a_savepoint_that_raises_is_undone(self, lab: Lab) -> None:
        """Records, changes, search, state and unique values are as before the savepoint; the transaction goes on."""
        old = lab.add(Specimen(name="old word", serial="1"))
        gone = lab.add(Specimen(name="stays word"))
        with lab.storage.transaction() as tx:
            (first,) = lab.insert(Specimen(name="first word"), tx=tx)
            position = tx.position()
            with _undone(tx):
                lab.insert(Specimen(name="lost word", serial="2"), tx=tx)
                lab.update(old, tx=tx, name="changed word", serial="3")
                lab.delete(gone, tx=tx)
                tx.set_state("key", 1)
            assert lab.search("word", tx=tx) == ["first word", "stays word", "old word"]
            assert tx.position() == position
            assert tx.state("key") is None
            lab.insert(Specimen(name="second", serial="2"), tx=tx)
            lab.update(old, tx=tx, name="new", serial="3")
        assert lab.names() == ["new", "stays word", "first word", "second"]
        assert lab.get(first) == first
        assert lab.search("lost") == lab.search("changed") == []
        assert [each.version for each in lab.storage.history("specimen", old.id)] == [1, 2]
        assert [each.position for each in lab.storage.changes()] == [1, 2, 3, 4, 5]

    def test_a_savepoint_that_ends_well_is_kept(self, lab: Lab) -> None:
        """Its writes are those of the transaction, and go with it."""
        with lab.storage.transaction() as tx:
            with tx.savepoint():
                lab.insert(Specimen(name="kept"), tx=tx)
            assert lab.names(tx=tx) == ["kept"]
        with lab.undone() as tx, tx.savepoint():
            lab.insert(Specimen(name="lost"), tx=tx)
        assert lab.names() == ["kept"]

    def test_a_failed_write_spoils_its_savepoint_only(self, lab: Lab) -> None:
        """After a write in a savepoint has raised, what was written before it is kept and more can be written."""
        with lab.storage.transaction() as tx:
            lab.insert(Specimen(name="a", serial="1"), tx=tx)
            with pytest.raises(Duplicate), tx.savepoint():
                _spoil(lab, tx)
            with pytest.raises(MissingReference), tx.savepoint():
                lab.insert(Slip(specimen_id="nobody"), Slip(specimen_id="none"), tx=tx)
            lab.insert(Specimen(name="d"), tx=tx)
        assert lab.names() == ["a", "d"]
        assert lab.storage.position() == 2

    def test_a_failed_write_that_was_caught_is_undone_too(self, lab: Lab) -> None:
        """A savepoint in which a write has raised ends with a `TransactionError`, even if nobody passed that on."""
        with lab.storage.transaction() as tx:
            lab.insert(Specimen(name="a", serial="1"), tx=tx)
            with pytest.raises(TransactionError), tx.savepoint(), suppress(Duplicate):
                _spoil(lab, tx)
            assert lab.names(tx=tx) == ["a"]

    def test_savepoints_nest(self, lab: Lab) -> None:
        """An inner one is undone alone, or with the outer one."""
        with lab.storage.transaction() as tx:
            with tx.savepoint():
                lab.insert(Specimen(name="outer"), tx=tx)
                with _undone(tx):
                    lab.insert(Specimen(name="inner"), tx=tx)
                lab.insert(Specimen(name="after"), tx=tx)
            with _undone(tx):
                with tx.savepoint():
                    lab.insert(Specimen(name="kept for now"), tx=tx)
                assert len(lab.names(tx=tx)) == 3
        assert lab.names() == ["outer", "after"]

    def test_references_are_checked_after_a_savepoint_as_before(self, lab: Lab) -> None:
        """A batch that was undone leaves no reference unchecked, and none that is refused for it."""
        with lab.storage.transaction() as tx:
            with _undone(tx):
                lab.insert(Specimen(id="a"), Specimen(id="b", parent_id="a"), tx=tx)
            with pytest.raises(MissingReference), tx.savepoint():
                lab.insert(Specimen(id="c", parent_id="a"), tx=tx)
            lab.insert(Specimen(id="d", name="d", parent_id="d"), tx=tx)
        assert lab.names() == ["d"]

    def test_a_transaction_that_reads_has_no_savepoint(self, lab: Lab) -> None:
        """A savepoint in a transaction that was opened for reading, or is over, is a `TransactionError`."""
        with (
            lab.storage.transaction(write=False) as tx,
            pytest.raises(TransactionError),
            tx.savepoint(),
        ):
            pass
        with lab.storage.transaction() as tx:
            pass
        with pytest.raises(TransactionError), tx.savepoint():
            pass
