"""Redaction takes values out for good; restoring puts everything back as it was."""

from __future__ import annotations

import json

import attrs
import pytest

from crmkit.codec import accept, dump_document
from crmkit.errors import ConflictError, Duplicate, MissingReference
from crmkit.kinds import Customer
from crmkit.testing.contracts.base import Contract
from crmkit.testing.contracts.journal import check_law
from crmkit.testing.kinds import Specimen
from crmkit.testing.lab import Lab
from crmkit.values import Money

__all__ = ["Restoring"]


class Restoring(Contract):
    """What is taken out is nowhere; what is put back is as it was."""

    def test_redaction_leaves_nothing(self, lab: Lab) -> None:
        """A redacted value is in no record, delta or search any more; all else stays; a change says which fields."""
        made = lab.add(
            Specimen(name="secret one", notes="secret two", shelf="A", worth=Money(1, "EUR"))
        )
        made = lab.update(made, name="secret three", worth=Money(424242, "EUR"), shelf="B")
        lab.delete(made)
        made = lab.add(Specimen(id=made.id, name="secret four", shelf="C"))
        other = lab.add(Specimen(name="secret other"))
        blank = lab.redact(made, name="", notes=None, worth=None)
        assert lab.get(made) == blank
        assert blank.shelf == "C"
        history = lab.storage.history("specimen", made.id)
        text = json.dumps([each.delta for each in history], ensure_ascii=False)
        assert "secret" not in text
        assert "424242" not in text
        assert '"shelf": ["A", "B"]' in text
        assert [each.action for each in history] == [
            "insert",
            "update",
            "delete",
            "insert",
            "redact",
        ]
        assert history[-1].delta == {"name": ("", ""), "notes": (None, None), "worth": (None, None)}
        assert lab.search("secret") == [other.name]
        assert lab.storage.changes()[-1] == history[-1]
        check_law(lab, "specimen", made.id)

    def test_redacted_deltas_keep_their_shape(self, lab: Lab) -> None:
        """In a blanked delta the field's before and after are blank; in a deleted document it is blank or gone."""
        record = lab.add(Specimen(name="a", notes="x", number=1))
        record = lab.update(record, name="b", notes="y", number=2)
        lab.delete(record)
        again = lab.add(Specimen(id=record.id, name="c"))
        lab.redact(again, name="", notes=None)
        _, update, delete, *_ = lab.storage.history("specimen", record.id)
        assert update.delta == {"name": ("", ""), "notes": (None, None), "number": (1, 2)}
        assert delete.delta is not None
        assert delete.delta["name"] == ""
        assert "notes" not in delete.delta
        assert delete.delta["number"] == 2

    def test_a_stale_redaction_is_a_conflict(self, lab: Lab) -> None:
        """A redaction of a version that is no longer the last is a `ConflictError`, and blanks nothing."""
        record = lab.add(Specimen(name="a"))
        newer = lab.update(record, name="b")
        with pytest.raises(ConflictError) as caught:
            lab.redact(record, name="")
        assert (caught.value.expected, caught.value.actual) == (1, 2)
        assert lab.get(record) == newer
        assert lab.storage.history("specimen", record.id)[1].delta == {"name": ("a", "b")}

    def test_the_past_of_a_record_that_is_gone_is_redacted(self, lab: Lab) -> None:
        """A record that was deleted is redacted in its deltas; the change is of the next version, from which it goes on."""
        record = lab.add(Specimen(name="secret", notes="secret", shelf="A"))
        lab.delete(lab.update(record, name="more secret"))
        lab.redact_gone(record, "name", "notes")
        history = lab.storage.history("specimen", record.id)
        assert [(each.version, each.action) for each in history][-1] == (4, "redact")
        assert "secret" not in json.dumps([each.delta for each in history])
        assert lab.get(record) is None
        assert lab.storage.versions("specimen", [record.id]) == {record.id: 4}
        assert lab.add(Specimen(id=record.id, name="new")).version == 5

    def test_a_redaction_that_is_rolled_back_blanks_nothing(self, lab: Lab) -> None:
        """Deltas are blanked in the transaction, and as before if it fails."""
        record = lab.update(lab.add(Specimen(name="a")), name="b")
        write = lab.changed(record, name="")
        with lab.undone() as tx:
            tx.redact("specimen", [write], ["name"], lab.stamp())
            assert tx.history("specimen", record.id)[1].delta == {"name": ("", "")}
        assert lab.storage.history("specimen", record.id)[1].delta == {"name": ("a", "b")}

    def test_restored_data_are_as_they_were(self, lab: Lab) -> None:
        """Documents and changes that are restored come back equal, apart from positions, and are found."""
        customer = lab.add(Customer(name="kept"))
        record = Specimen(
            name="restored word", version=3, customer_id=customer.id, extra={"a.b": [1]}, serial="1"
        )
        (record,) = accept(lab.schema["specimen"], [record])  # type: ignore[assignment]
        document = dump_document(lab.schema["specimen"], record)
        changes = lab.storage.changes()
        with lab.storage.transaction() as tx:
            past = [
                attrs.evolve(changes[0], kind="specimen", id=record.id, version=1, position=77),
                attrs.evolve(
                    changes[0],
                    kind="specimen",
                    id=record.id,
                    version=2,
                    action="update",
                    delta={"name": ("x", "restored word")},
                ),
                attrs.evolve(
                    changes[0], kind="specimen", id=record.id, version=3, action="update", delta={}
                ),
            ]
            tx.restore([("specimen", document)], past)
        assert lab.get(record) == record
        assert lab.search("restored") == ["restored word"]
        history = lab.storage.history("specimen", record.id)
        assert [attrs.evolve(each, position=0) for each in history] == [
            attrs.evolve(each, position=0) for each in past
        ]
        positions = [each.position for each in lab.storage.changes()]
        assert positions == sorted(set(positions))
        check_law(lab, "specimen", record.id)
        assert lab.update(record, name="goes on").version == 4
        with pytest.raises(Duplicate):
            lab.add(Specimen(serial="1"))

    def test_restored_references_hold_at_the_commit(self, lab: Lab) -> None:
        """Documents may be restored before those that they refer to; at the end of the transaction all must be there."""
        specimen = lab.schema["specimen"]
        child, parent = Specimen(version=1, parent_id="p"), Specimen(id="p", version=1)
        with lab.storage.transaction() as tx:
            tx.restore([("specimen", dump_document(specimen, child))], [])
            tx.restore([("specimen", dump_document(specimen, parent))], [])
        assert len(lab.find()) == 2
        orphan = Specimen(version=1, customer_id="nobody")
        with pytest.raises(MissingReference) as caught, lab.storage.transaction() as tx:
            tx.restore([("specimen", dump_document(specimen, orphan))], [])
        assert (caught.value.kind, caught.value.id) == ("specimen", orphan.id)
        assert (caught.value.target, caught.value.target_id) == ("customer", "nobody")
        assert len(lab.find()) == 2
        assert lab.add(Specimen()).version == 1

    def test_restoring_what_is_there_is_a_conflict(self, lab: Lab) -> None:
        """A document whose id is there is a `ConflictError`; unique values clash as ever."""
        record = lab.add(Specimen(name="a", serial="1"))
        document = dump_document(lab.schema["specimen"], record)
        with pytest.raises(ConflictError), lab.storage.transaction() as tx:
            tx.restore([("specimen", document)], [])
        with pytest.raises(Duplicate), lab.storage.transaction() as tx:
            tx.restore([("specimen", {**document, "id": "other"})], [])
        assert lab.find() == [record]

    def test_search_order_of_restored_documents(self, lab: Lab) -> None:
        """Restored documents are stored in the order given: the last is the newest."""
        kind = lab.schema["specimen"]
        documents = [dump_document(kind, Specimen(name=f"word {n}", version=1)) for n in (2, 1, 3)]
        with lab.storage.transaction() as tx:
            tx.restore([("specimen", each) for each in documents], [])
        assert lab.search("word") == ["word 3", "word 1", "word 2"]
