"""Versions, uniqueness, references: what a write may and may not do."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from crmkit.changes import Write
from crmkit.errors import ConflictError, Duplicate, MissingReference, ReferencedError
from crmkit.kinds import Customer
from crmkit.query import where
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.lab import Lab

__all__ = ["Writing"]


class Writing(Contract):
    """No lost update; uniqueness and references hold."""

    def test_a_stale_update_names_both_versions(self, lab: Lab) -> None:
        """An update of a version that is no longer the last is a `ConflictError` with both, and changes nothing."""
        first = lab.add(Specimen(name="first"))
        second = lab.update(first, name="second")
        with pytest.raises(ConflictError) as caught:
            lab.update(first, name="lost")
        error = caught.value
        assert (error.kind, error.id) == ("specimen", first.id)
        assert (error.expected, error.actual) == (1, 2)
        assert lab.get(first) == second
        assert len(lab.storage.history("specimen", first.id)) == 2

    def test_a_stale_delete_names_both_versions(self, lab: Lab) -> None:
        """A delete of a version that is no longer the last is a `ConflictError` with both."""
        first = lab.add(Specimen(name="first"))
        second = lab.update(first, name="second")
        with pytest.raises(ConflictError) as caught:
            lab.delete(first)
        assert (caught.value.expected, caught.value.actual) == (1, 2)
        assert lab.get(first) == second

    def test_writing_what_is_gone_is_a_conflict(self, lab: Lab) -> None:
        """An update or delete of a record that is gone is a `ConflictError` with 0 as the version there is."""
        gone = lab.add(Specimen(name="gone"))
        lab.delete(gone)
        with pytest.raises(ConflictError) as caught:
            lab.update(gone, name="back")
        assert (caught.value.expected, caught.value.actual) == (1, 0)
        with pytest.raises(ConflictError) as caught:
            lab.delete(gone)
        assert (caught.value.expected, caught.value.actual) == (1, 0)
        assert lab.get(gone) is None

    def test_writing_what_was_never_saved_is_a_conflict(self, lab: Lab) -> None:
        """An update or delete of a record of version 0 is a `ConflictError`: it does not insert, nor pass unsaid."""
        fresh = Specimen(name="never saved")
        with pytest.raises(ConflictError) as caught:
            lab.update(fresh, name="there")
        assert (caught.value.expected, caught.value.actual) == (0, 0)
        with pytest.raises(ConflictError):
            lab.delete(fresh)
        assert lab.get(fresh) is None
        assert lab.storage.position() == 0

    def test_inserting_what_is_there_is_a_conflict(self, lab: Lab) -> None:
        """An insert under an id that is there is a `ConflictError`: none expected, this version found."""
        there = lab.update(lab.add(Specimen(name="there")), name="still there")
        again = Specimen(id=there.id, name="again", version=1)
        with pytest.raises(ConflictError) as caught, lab.storage.transaction() as tx:
            tx.insert("specimen", [Write("insert", again)], lab.stamp())
        assert (caught.value.kind, caught.value.id) == ("specimen", there.id)
        assert (caught.value.expected, caught.value.actual) == (0, 2)
        assert lab.get(there) == there

    def test_an_id_twice_in_one_batch_is_a_conflict(self, lab: Lab) -> None:
        """Two new records of one id in one batch are a `ConflictError`; neither is written."""
        record = Specimen(version=1)
        writes = [Write("insert", record), Write("insert", record.evolve(name="again"))]
        with pytest.raises(ConflictError), lab.storage.transaction() as tx:
            tx.insert("specimen", writes, lab.stamp())
        assert lab.get(record) is None
        assert lab.storage.history("specimen", record.id) == []

    def test_one_id_may_be_of_several_kinds(self, lab: Lab) -> None:
        """An id belongs to a record within its kind: another kind may use it too."""
        lab.insert(Specimen(id="same", name="s"), Customer(id="same", name="c"))
        assert lab.names() == ["s"]
        assert [each.name for each in lab.find(kind="customer")] == ["c"]
        assert len(lab.storage.history("customer", "same")) == 1

    def test_versions_go_on_after_a_delete(self, lab: Lab) -> None:
        """A record that is deleted and inserted again goes on with the next version; `versions` knows it."""
        record = lab.add(Specimen(name="a"))
        lab.delete(lab.update(record, name="b"))
        assert lab.storage.versions("specimen", [record.id, "never"]) == {record.id: 3}
        again = lab.add(Specimen(id=record.id, name="c"))
        assert again.version == 4
        assert lab.get(record) == again
        assert lab.storage.versions("specimen", [record.id]) == {record.id: 4}
        assert lab.storage.versions("slip", [record.id]) == {}

    def test_a_version_is_never_used_twice(self, lab: Lab) -> None:
        """An insert whose version is not the one behind the last in the journal is a `ConflictError`."""
        record = lab.add(Specimen(name="a"))
        lab.delete(record)
        for version in (1, 2, 4):
            again = Specimen(id=record.id, version=version)
            with pytest.raises(ConflictError), lab.storage.transaction() as tx:
                tx.insert("specimen", [Write("insert", again)], lab.stamp())
        with pytest.raises(ConflictError), lab.storage.transaction() as tx:
            tx.insert("specimen", [Write("insert", Specimen(version=2))], lab.stamp())
        assert lab.names() == []

    def test_one_stale_write_fails_its_batch(self, lab: Lab) -> None:
        """One conflict in a batch leaves nothing of it behind, neither records nor changes."""
        a, b, c = lab.named("a", "b", "c")
        newer = lab.update(b, name="newer")
        position = lab.storage.position()
        writes = [lab.changed(each, number=1) for each in (a, b, c)]
        with pytest.raises(ConflictError) as caught, lab.storage.transaction() as tx:
            tx.update("specimen", writes, lab.stamp())
        assert caught.value.id == b.id
        assert lab.find() == [a, newer, c]
        assert lab.storage.position() == position

    def test_empty_batches_write_nothing(self, lab: Lab) -> None:
        """A batch without writes is allowed and leaves no trace."""
        with lab.storage.transaction() as tx:
            tx.insert("specimen", [], lab.stamp())
            tx.update("specimen", [], lab.stamp())
            tx.delete("specimen", [], lab.stamp())
            tx.redact("specimen", [], ["name"], lab.stamp())
            tx.restore([], [])
        assert lab.storage.position() == 0

    def test_unique_values_are_refused_twice(self, lab: Lab) -> None:
        """A second record with unique values is a `Duplicate` that names the fields, the values and who has them."""
        holder, other = lab.insert(Specimen(serial="S1"), Specimen(serial="S2"))
        attempts: list[Callable[[], object]] = [
            lambda: lab.add(Specimen(serial="S1")),
            lambda: lab.update(other, serial="S1"),
            lambda: lab.insert(Specimen(serial="S1"), Specimen(serial="S3")),
        ]
        for attempt in attempts:
            with pytest.raises(Duplicate) as caught:
                attempt()
            error = caught.value
            assert (error.kind, error.fields) == ("specimen", ("serial",))
            assert (error.values, error.existing) == (("S1",), holder.id)
        assert len(lab.find()) == 2

    def test_unique_values_are_refused_within_a_batch(self, lab: Lab) -> None:
        """Two records of one batch cannot have the same unique values."""
        with pytest.raises(Duplicate):
            lab.insert(Specimen(serial="S"), Specimen(serial="S"))
        assert lab.find() == []

    def test_unique_over_several_fields(self, lab: Lab) -> None:
        """Unique over two fields: only both together clash."""
        holder = lab.add(Specimen(batch="b", place=1))
        lab.insert(Specimen(batch="b", place=2), Specimen(batch="c", place=1))
        with pytest.raises(Duplicate) as caught:
            lab.add(Specimen(batch="b", place=1))
        assert caught.value.fields == ("batch", "place")
        assert caught.value.values == ("b", 1)
        assert caught.value.existing == holder.id

    def test_missing_never_clashes(self, lab: Lab) -> None:
        """Records whose unique values are missing, or one of several, never clash."""
        lab.insert(*(Specimen(batch="b") for _ in range(2)), *(Specimen(place=1) for _ in range(2)))
        lab.insert(*(Specimen() for _ in range(3)))
        assert lab.count() == 7

    def test_unique_is_as_exact_as_equality(self, lab: Lab) -> None:
        """Case, white space and composition make unique values differ; an empty text is a value."""
        texts = [
            "a",
            "A",
            "a ",
            unicodedata.normalize("NFC", "é"),
            unicodedata.normalize("NFD", "é"),
            "",
        ]
        lab.insert(*(Specimen(serial=each) for each in texts))
        assert lab.count() == 6
        with pytest.raises(Duplicate):
            lab.add(Specimen(serial=""))

    def test_unique_values_are_free_again(self, lab: Lab) -> None:
        """What a record no longer has, after an update or a delete, another may have, in the same transaction too."""
        one, two = lab.insert(Specimen(serial="1"), Specimen(serial="2"))
        one = lab.update(one, serial="3")
        lab.add(Specimen(name="new 1", serial="1"))
        with lab.storage.transaction() as tx:
            lab.delete(two, tx=tx)
            lab.insert(Specimen(name="new 2", serial="2"), tx=tx)
            lab.update(one, tx=tx, serial=None)
            lab.insert(Specimen(name="new 3", serial="3"), tx=tx)
        assert lab.names(where.serial.present()) == ["new 1", "new 2", "new 3"]

    def test_a_record_keeps_its_own_unique_values(self, lab: Lab) -> None:
        """A record is no duplicate of itself."""
        record = lab.add(Specimen(serial="1", batch="b", place=1))
        assert lab.update(record, name="new").serial == "1"

    def test_a_reference_must_lead_somewhere(self, lab: Lab) -> None:
        """A reference to a record that is not there is a `MissingReference` that names everything."""
        record = lab.add(Specimen(name="a"))
        attempts: list[Callable[[], object]] = [
            lambda: lab.add(Specimen(id="new", customer_id="nobody")),
            lambda: lab.update(record, customer_id="nobody"),
        ]
        for attempt in attempts:
            with pytest.raises(MissingReference) as caught:
                attempt()
            error = caught.value
            assert (error.kind, error.field) == ("specimen", "customer_id")
            assert (error.target, error.target_id) == ("customer", "nobody")
            assert error.id in {"new", record.id}
        with pytest.raises(MissingReference):
            lab.add(Slip(specimen_id="nothing"))
        with pytest.raises(MissingReference):
            lab.add(Specimen(customer_id=record.id))
        assert lab.find() == [record]

    def test_a_batch_may_refer_to_itself(self, lab: Lab) -> None:
        """Records of one batch may refer to each other in any order, and to themselves."""
        child = Specimen(id="1", name="child", parent_id="2")
        parent = Specimen(id="2", name="parent")
        lab.insert(child, parent, Specimen(id="3", name="self", parent_id="3"))
        assert lab.names(where.parent_id.name == "parent") == ["child"]
        assert lab.names(where.parent_id.name == "self") == ["self"]

    def test_what_is_referred_to_cannot_be_deleted(self, lab: Lab) -> None:
        """A delete of a record that others refer to is a `ReferencedError` naming one, whatever their `on_delete`."""
        customer = lab.add(Customer(name="c"))
        record = lab.add(Specimen(name="s", customer_id=customer.id))
        slip = lab.add(Slip(specimen_id=record.id))
        for target, by, field in ((customer, record, "customer_id"), (record, slip, "specimen_id")):
            with pytest.raises(ReferencedError) as caught:
                lab.delete(target)
            error = caught.value
            assert (error.kind, error.id) == (target.__kind__, target.id)
            assert (error.by, error.field, error.by_id) == (by.__kind__, field, by.id)
            assert lab.get(target) == target

    def test_records_that_refer_to_each_other_go_together(self, lab: Lab) -> None:
        """A batch may delete a record with those that refer to it, in any order; a record that refers to itself."""
        lab.insert(Specimen(id="1", parent_id="2"), Specimen(id="2", parent_id="1"))
        lab.insert(
            Specimen(id="3", parent_id="3"), Specimen(id="4"), Specimen(id="5", parent_id="4")
        )
        lab.delete(*lab.find())
        assert lab.find() == []

    def test_a_reference_that_was_taken_away_allows_the_delete(self, lab: Lab) -> None:
        """In one transaction, references are cleared or deleted first and their target after."""
        record = lab.add(Specimen(name="s"))
        slip = lab.add(Slip(specimen_id=record.id))
        child = lab.add(Specimen(name="child", parent_id=record.id))
        with lab.storage.transaction() as tx:
            lab.delete(slip, tx=tx)
            lab.update(child, tx=tx, parent_id=None)
            lab.delete(record, tx=tx)
        assert lab.names() == ["child"]

    def test_large_batches(self, lab: Lab) -> None:
        """Batches of thousands are inserted, changed and deleted as one."""
        records = lab.insert(*(Specimen(name=f"{n}", number=n) for n in range(3_000)))
        with lab.storage.transaction() as tx:
            tx.update(
                "specimen",
                [lab.changed(each, number=-each["number"]) for each in records],
                lab.stamp(),
            )
        assert lab.count(where.number < 0) == 2_999
        lab.delete(*lab.find(where.number < -9))
        assert lab.count() == 10
        assert lab.storage.position() == 3_000 + 3_000 + 2_990
