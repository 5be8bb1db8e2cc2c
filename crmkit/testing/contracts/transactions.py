"""Transactions: all or nothing, a snapshot, and one writer after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from crmkit.changes import Write
from crmkit.errors import ClosedError, ConflictError, Duplicate, TransactionError
from crmkit.query import where
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.lab import Lab, Opener

__all__ = ["Transactions"]


def _in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start work in another thread; the function returned waits for its result, or raises its error."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append((work(), None))
        except BaseException as error:
            results.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> Any:
        thread.join(30)
        assert not thread.is_alive(), "the thread still waits"
        value, error = results[0]
        if error is not None:
            raise error
        return value

    return wait


class Transactions(Contract):
    """A transaction is left with all of its writes or with none."""

    def test_own_writes_are_seen(self, lab: Lab) -> None:
        """Inside of a transaction every read sees what it wrote so far."""
        old = lab.add(Specimen(name="old word", number=1))
        with lab.storage.transaction() as tx:
            (new,) = lab.insert(Specimen(name="new word", number=2), tx=tx)
            changed = lab.update(old, tx=tx, name="changed", number=4)
            assert lab.get(new, tx) == new
            assert lab.get(old, tx) == changed
            assert lab.names(where.number > 0, tx=tx) == ["changed", "new word"]
            assert tx.count(lab.query("specimen")) == 2
            assert lab.search("word", tx=tx) == ["new word"]
            assert [each.version for each in tx.history("specimen", old.id)] == [1, 2]
            assert tx.versions("specimen", [old.id, new.id]) == {old.id: 2, new.id: 1}
            assert [each.id for each in tx.changes(1)] == [new.id, old.id]
            assert tx.position() == 3
            assert sum(each.count for each in tx.totals(lab.query("specimen"))) == 2
            tx.set_state("key", 1)
            assert tx.state("key") == 1
            lab.delete(changed, tx=tx)
            assert lab.names(tx=tx) == ["new word"]
        assert lab.names() == ["new word"]

    def test_a_rollback_leaves_nothing(self, lab: Lab) -> None:
        """An exception takes back records, journal, search and state; ids and unique values are free again."""
        kept = lab.add(Specimen(name="kept", serial="1"))
        gone = lab.add(Specimen(name="stays"))
        before = (lab.find(), lab.storage.changes(), lab.storage.position())
        lost = Specimen(name="lost", serial="2")
        with lab.undone() as tx:
            lab.insert(lost, tx=tx)
            lab.update(kept, tx=tx, name="changed", serial="3")
            lab.delete(gone, tx=tx)
            tx.set_state("key", {"a": 1})
        assert (lab.find(), lab.storage.changes(), lab.storage.position()) == before
        assert lab.storage.state("key") is None
        assert lab.search("lost") == lab.search("changed") == []
        assert lab.search("kept") == ["kept"]
        assert lab.storage.versions("specimen", [lost.id]) == {}
        assert lab.add(lost).version == 1
        assert lab.add(Specimen(serial="3")).serial == "3"

    def test_the_exception_comes_out_as_it_is(self, lab: Lab) -> None:
        """An exception from the block is raised again, the same object."""
        error = KeyError("mine")
        with pytest.raises(KeyError) as caught, lab.storage.transaction():
            raise error
        assert caught.value is error
        with pytest.raises(KeyboardInterrupt), lab.storage.transaction():
            raise KeyboardInterrupt
        assert lab.add(Specimen(name="after")).version == 1

    def test_a_failed_write_leaves_the_transaction_unusable(self, lab: Lab) -> None:
        """After a write has raised, nothing more can be done in the transaction, and leaving it writes nothing."""
        record = lab.add(Specimen(name="a", serial="1"))
        with lab.storage.transaction() as tx:
            lab.insert(Specimen(name="b"), tx=tx)
            with pytest.raises(Duplicate):
                lab.insert(Specimen(name="c", serial="1"), tx=tx)
            with pytest.raises(TransactionError):
                tx.insert("specimen", [Write("insert", Specimen(version=1))], lab.stamp())
            with pytest.raises(TransactionError):
                tx.get("specimen", [record.id])
            with pytest.raises(TransactionError):
                tx.set_state("key", 1)
        assert lab.find() == [record]
        assert lab.storage.position() == 1
        assert lab.add(Specimen(name="d")).version == 1

    def test_an_insert_that_failed_halfway_leaves_nothing(self, lab: Lab) -> None:
        """A conflict caught inside of the block takes back the writes before it as well."""
        record = lab.add(Specimen(name="a"))
        newer = lab.update(record, name="b")
        with lab.storage.transaction() as tx:
            lab.insert(Specimen(name="lost word"), tx=tx)
            with pytest.raises(ConflictError):
                lab.update(record, tx=tx, name="stale")
        assert lab.find() == [newer]
        assert lab.search("lost") == []

    def test_transactions_do_not_nest(self, lab: Lab) -> None:
        """A second transaction in the same thread is a `TransactionError`; the first goes on."""
        for outer in (True, False):
            with lab.storage.transaction(write=outer) as tx:
                for inner in (True, False):
                    with (
                        pytest.raises(TransactionError),
                        lab.storage.transaction(write=inner),
                    ):
                        pass
                assert tx.position() == lab.storage.position()
        assert lab.add(Specimen(name="a")).version == 1

    def test_a_transaction_that_is_over_is_refused(self, lab: Lab) -> None:
        """A transaction used after its block is a `TransactionError`, for reading as well."""
        for write in (True, False):
            with lab.storage.transaction(write=write) as tx:
                pass
            with pytest.raises(TransactionError):
                tx.get("specimen", ["a"])
            with pytest.raises(TransactionError):
                tx.insert("specimen", [], lab.stamp())
        with lab.undone() as tx:
            pass
        with pytest.raises(TransactionError):
            tx.position()

    def test_a_transaction_that_reads_does_not_write(self, lab: Lab) -> None:
        """A write in a transaction that was opened for reading is a `TransactionError`."""
        record = lab.add(Specimen(name="a"))
        with pytest.raises(TransactionError), lab.storage.transaction(write=False) as tx:
            lab.insert(Specimen(name="b"), tx=tx)
        with pytest.raises(TransactionError), lab.storage.transaction(write=False) as tx:
            lab.delete(record, tx=tx)
        with pytest.raises(TransactionError), lab.storage.transaction(write=False) as tx:
            tx.set_state("key", 1)
        assert lab.find() == [record]

    def test_a_read_transaction_sees_one_snapshot(self, lab: Lab) -> None:
        """What others commit after the first read of a read transaction does not show in it."""
        record = lab.add(Specimen(name="old word"))
        with lab.storage.transaction(write=False) as tx:
            assert lab.names(tx=tx) == ["old word"]
            _in_thread(lambda: lab.update(record, name="new"))()
            _in_thread(lambda: lab.add(Specimen(name="other word")))()
            assert lab.names(tx=tx) == ["old word"]
            assert lab.get(record, tx) == record
            assert lab.search("word", tx=tx) == ["old word"]
            assert tx.position() == 1
            assert len(tx.history("specimen", record.id)) == 1
        assert lab.names() == ["new", "other word"]

    def test_others_do_not_see_what_is_not_committed(self, lab: Lab) -> None:
        """Another thread reads the last committed state while a transaction writes, and does not wait."""
        record = lab.add(Specimen(name="old"))
        with lab.storage.transaction() as tx:
            lab.update(record, tx=tx, name="new")
            lab.insert(Specimen(name="more"), tx=tx)
            assert _in_thread(lab.names)() == ["old"]
            assert _in_thread(lab.storage.position)() == 1
        assert _in_thread(lab.names)() == ["new", "more"]

    def test_a_second_writer_waits(self, lab: Lab) -> None:
        """Two threads that write take turns: the second sees what the first committed, and none is lost."""
        record = lab.add(Specimen(name="n", number=0))

        def count_up() -> None:
            for _ in range(10):
                with lab.storage.transaction() as tx:
                    tx.lock("counter")
                    now = lab.get(record, tx)
                    assert now is not None
                    time.sleep(0.0005)
                    lab.update(now, tx=tx, number=(now.number or 0) + 1)

        waits = [_in_thread(count_up) for _ in range(3)]
        for wait in waits:
            wait()
        assert [(each.number, each.version) for each in lab.find()] == [(30, 31)]
        assert [each.position for each in lab.storage.changes()] == sorted(
            each.position for each in lab.storage.changes()
        )

    def test_a_lock_guards_a_rule_over_several_records(self, lab: Lab) -> None:
        """With `lock` taken first, "at most one" holds against two threads that look first and write then."""

        def add_if_none() -> bool:
            with lab.storage.transaction() as tx:
                tx.lock("only one")
                if tx.count(lab.query("specimen")):
                    return False
                time.sleep(0.001)
                lab.insert(Specimen(name="only"), tx=tx)
                return True

        waits = [_in_thread(add_if_none) for _ in range(4)]
        assert sorted(wait() for wait in waits) == [False, False, False, True]
        assert lab.count() == 1

    def test_only_one_of_two_stale_writers_wins(self, lab: Lab) -> None:
        """Of two threads that update the same version, one gets a `ConflictError`."""
        record = lab.add(Specimen(name="a"))
        writes = [lab.changed(record, number=number) for number in range(4)]
        start = threading.Barrier(4)

        def write(number: int) -> tuple[int, int]:
            start.wait(10)
            try:
                with lab.storage.transaction() as tx:
                    tx.update("specimen", [writes[number]], lab.stamp())
            except ConflictError as error:
                return error.expected, error.actual
            return 0, 0

        waits = [_in_thread(lambda n=number: write(n)) for number in range(4)]  # type: ignore[misc]
        assert sorted(wait() for wait in waits) == [(0, 0), (1, 2), (1, 2), (1, 2)]
        assert len(lab.storage.history("specimen", record.id)) == 2

    def test_committed_writes_outlive_the_storage(self, lab: Lab, open_storage: Opener) -> None:
        """Opened again, a durable storage has everything that was committed: records, journal, search, state."""
        lab.needs("durable")
        record = lab.add(Specimen(name="kept word", added={"custom.tier": "x"}))
        lab.add(Slip(specimen_id=record.id))
        with lab.storage.transaction() as tx:
            tx.set_state("key", {"a": 1})
        history = lab.storage.changes()
        lab.storage.close()
        again = Lab(open_storage())
        assert again.get(record) == record
        assert again.search("word") == ["kept word"]
        assert again.storage.changes() == history
        assert again.storage.state("key") == {"a": 1}
        assert again.storage.prepare(again.schema) == []
        again.storage.close()

    def test_two_storages_share_one_database(self, lab: Lab, open_storage: Opener) -> None:
        """Two storages over one database, as in two processes, see each other's commits and conflicts."""
        lab.needs("processes")
        other = Lab(open_storage())
        record = lab.add(Specimen(name="a", serial="1"))
        assert other.get(record) == record
        newer = other.update(record, name="b")
        assert lab.get(record) == newer
        with pytest.raises(ConflictError):
            lab.update(record, name="c")
        with pytest.raises(Duplicate):
            other.add(Specimen(serial="1"))
        assert [each.version for each in lab.storage.changes()] == [1, 2]
        other.storage.close()

    def test_close_may_come_twice(self, lab: Lab) -> None:
        """`close` can be called again; after it, every use is a `ClosedError`."""
        lab.storage.close()
        lab.storage.close()
        with pytest.raises(ClosedError):
            lab.storage.get("specimen", ["a"])
        with pytest.raises(ClosedError), lab.storage.transaction():
            pass
