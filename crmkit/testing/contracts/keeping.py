"""State, and what becomes of the data when kinds change."""

from __future__ import annotations

import json
from typing import Any

import attrs

from crmkit.catalogue import catalogue, from_catalogue
from crmkit.codec import dump_document
from crmkit.declarations import read_kind
from crmkit.kinds import CORE_KINDS, Customer
from crmkit.query import where
from crmkit.records import OpaqueRecord
from crmkit.schema import Schema
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Colour, Slip, Specimen, zoo
from crmkit.testing.lab import Lab, Opener
from crmkit.values import Money

__all__ = ["Keeping"]


def _state(lab: Lab, key: str, value: Any, **expected: Any) -> bool:
    with lab.storage.transaction() as tx:
        return tx.set_state(key, value, **expected)


def _opaque(schema: Schema) -> Schema:
    """The schema without the zoo's classes, as if their plugin was gone."""
    kept = json.loads(json.dumps(catalogue(schema)))
    known = {each.__kind__ for each in CORE_KINDS}
    gone = [from_catalogue(name, entry) for name, entry in kept.items() if name not in known]
    return Schema.of([*map(read_kind, CORE_KINDS), *gone])


class Keeping(Contract):
    """What is kept beside the records, and through changes of what is stored."""

    def test_state_keeps_json(self, lab: Lab) -> None:
        """State keeps a JSON value under a key, of each type, until it is set to None; nobody shares it."""
        for value in (0, False, "", "텍스트", 1.5, [1, [None]], {"a": {"b.c": True}}, 2**60):
            assert _state(lab, "key", value)
            kept = lab.storage.state("key")
            assert kept == value
            assert type(kept) is type(value)
        shared: dict[str, Any] = {"a": [1]}
        _state(lab, "key", shared)
        shared["a"].append(2)
        lab.storage.state("key")["a"].append(3)
        assert lab.storage.state("key") == {"a": [1]}
        assert _state(lab, "key", None)
        assert lab.storage.state("key") is None
        assert lab.storage.states("") == {}

    def test_state_is_compared_and_set(self, lab: Lab) -> None:
        """With `expected`, state is set only if that is what is kept; None means nothing kept; else False."""
        assert _state(lab, "key", {"n": 1, "m": 2}, expected=None)
        assert not _state(lab, "key", 5, expected=None)
        assert not _state(lab, "key", 5, expected={"n": 1})
        assert not _state(lab, "other", 5, expected=1)
        assert lab.storage.state("key") == {"n": 1, "m": 2}
        assert _state(lab, "key", 5, expected={"m": 2, "n": 1})
        assert not _state(lab, "key", None, expected=4)
        assert _state(lab, "key", None, expected=5)
        assert lab.storage.state("key") is None

    def test_a_failed_comparison_does_not_end_the_transaction(self, lab: Lab) -> None:
        """After a comparison that failed the transaction goes on."""
        with lab.storage.transaction() as tx:
            assert not tx.set_state("key", 1, expected=2)
            assert tx.set_state("key", 3)
        assert lab.storage.state("key") == 3

    def test_states_by_their_beginning(self, lab: Lab) -> None:
        """`states` has the keys with a beginning, as written: no character is a wildcard, case counts."""
        keys = ["a%b", "a_b", "axb", "A", "a", "a*b", "a'b", 'a"b', "é"]
        for key in keys:
            _state(lab, key, key)
        for prefix in ("", "a", "a%", "a_", "a*", "A", "a'", 'a"', "é", "b"):
            expected = {key: key for key in keys if key.startswith(prefix)}
            assert lab.storage.states(prefix) == expected, prefix

    def test_state_is_no_change(self, lab: Lab) -> None:
        """State leaves nothing in the journal."""
        _state(lab, "key", 1)
        assert lab.storage.position() == 0
        assert lab.storage.changes() == []

    def test_state_can_be_read_before_prepare(self, open_storage: Opener) -> None:
        """State is there in an empty database too."""
        storage = open_storage()
        assert storage.state("key") is None
        assert storage.states("") == {}
        storage.close()

    def test_state_is_of_the_transaction(self, lab: Lab) -> None:
        """State that was set in a transaction that failed is as before."""
        _state(lab, "key", 1)
        with lab.undone() as tx:
            tx.set_state("key", 2)
            tx.set_state("new", 2)
        assert lab.storage.states("") == {"key": 1}

    def test_the_clock_of_the_database_goes_on(self, lab: Lab) -> None:
        """`now` has a zone and does not go back."""
        first = lab.storage.now()
        assert first.utcoffset() is not None
        assert lab.storage.now() >= first

    def test_prepare_can_be_repeated(self, lab: Lab) -> None:
        """Preparing again for the same kinds does nothing, and names no step."""
        record = lab.add(Specimen(name="a"))
        assert lab.storage.prepare(lab.schema) == []
        assert lab.storage.prepare(lab.schema, plan=True) == []
        assert lab.find() == [record]

    def test_a_plan_changes_nothing(self, open_storage: Opener) -> None:
        """`plan` names the steps and takes none: afterwards there is as much to do as before."""
        storage = open_storage()
        steps = storage.prepare(zoo(), plan=True)
        assert steps
        assert storage.prepare(zoo(), plan=True) == steps
        assert storage.prepare(zoo()) == steps
        assert storage.prepare(zoo(), plan=True) == []
        storage.close()

    def test_fields_can_be_added_later(self, open_storage: Opener) -> None:
        """After preparing for more fields, old records have them missing, and conditions and writes know them."""
        lab = Lab(open_storage(), zoo(added=False))
        old = lab.add(Specimen(name="old"))
        lab.schema = zoo()
        assert lab.storage.prepare(lab.schema, plan=True)
        assert lab.storage.prepare(lab.schema)
        assert lab.get(old) == old
        assert lab.names(where["clinic.chart"].missing(), where["custom.tier"].missing()) == ["old"]
        new = lab.update(
            old, added={"clinic.chart": "7", "custom.tier": "x", "clinic.story": "word"}
        )
        assert lab.get(old) == new
        assert lab.names(where["clinic.chart"] == "7", where["custom.tier"] == "x") == ["old"]
        assert lab.search("word") == ["old"]
        lab.storage.close()

    def test_required_fields_that_are_new_have_their_default(self, open_storage: Opener) -> None:
        """A required field that is new to old records has its declared default, for conditions as well."""
        new = ("count", "fee", "colour", "details", "at")
        slip = zoo()["slip"]
        fields = {name: field for name, field in slip.fields.items() if name not in new}
        others = (each for each in zoo() if each.name != "slip")
        lab = Lab(open_storage(), Schema.of([*others, attrs.evolve(slip, fields=fields)]))
        specimen = lab.add(Specimen(name="a"))
        lab.add(Slip(specimen_id=specimen.id, text="old"))
        lab.schema = zoo()
        lab.storage.prepare(lab.schema)
        (found,) = lab.find(where.count == 0, where.colour == Colour.RED, kind="slip")
        assert [found[name] for name in new] == [Slip(specimen_id="x")[name] for name in new]
        lab.storage.close()

    def test_fields_that_are_gone_come_back_as_extra(self, lab: Lab) -> None:
        """Values of fields that no kind declares any more are in `extra`, in plain form, and back when they are."""
        added = {"clinic.chart": "7", "clinic.fee": Money(5, "EUR"), "custom.tier": "x"}
        record = lab.add(Specimen(name="a", added=added, extra={"e": 1}))
        lab.schema = zoo(added=False)
        lab.storage.prepare(lab.schema)
        bare = lab.get(record)
        assert bare is not None
        assert bare.added == {}
        assert bare.extra == {
            "e": 1,
            "clinic.chart": "7",
            "clinic.fee": {"minor": 5, "currency": "EUR"},
            "custom.tier": "x",
        }
        changed = lab.update(bare, name="b")
        assert lab.get(record) == changed
        lab.schema = zoo()
        lab.storage.prepare(lab.schema)
        whole = lab.get(record)
        assert whole is not None
        assert (whole.name, whole.added, whole.extra) == ("b", added, {"e": 1})
        assert lab.names(where["clinic.fee"] == Money(5, "EUR")) == ["a", "b"][1:]

    def test_records_without_their_class_are_kept(self, lab: Lab) -> None:
        """A kind that the schema knows from the catalogue only is read as `OpaqueRecord`s with plain values."""
        customer = lab.add(Customer(name="c", owner="kim"))
        record = lab.add(
            Specimen(
                name="word",
                number=7,
                worth=Money(5, "EUR"),
                labels=("x",),
                flag=True,
                customer_id=customer.id,
                added={"custom.tier": "gold", "clinic.fee": Money(1, "KRW")},
                extra={"e": [1]},
            )
        )
        lab.schema = _opaque(zoo())
        assert lab.storage.prepare(lab.schema) == []
        (found,) = lab.storage.get("specimen", [record.id])
        assert isinstance(found, OpaqueRecord)
        assert (found.kind, found.id, found.version) == ("specimen", record.id, 1)
        assert found.created_at == record.created_at
        assert found["number"] == 7
        assert found["flag"] is True
        assert found["worth"] == {"minor": 5, "currency": "EUR"}
        assert found["labels"] == ["x"]
        assert found["notes"] is None
        assert found["custom.tier"] == "gold"
        assert found["clinic.fee"] == {"minor": 1, "currency": "KRW"}
        assert found.extra == {"e": [1]}
        lab.schema = zoo()
        lab.storage.prepare(lab.schema)
        assert lab.get(record) == record

    def test_opaque_kinds_are_queried_and_searched(self, lab: Lab) -> None:
        """Conditions, orders, references, totals and search work on kinds that lost their class."""
        customer = lab.add(Customer(name="c", owner="kim"))
        for number in range(4):
            lab.add(
                Specimen(
                    name=f"word {number}",
                    number=number,
                    worth=Money(number, "EUR"),
                    customer_id=customer.id if number % 2 else None,
                )
            )
        lab.schema = _opaque(zoo())
        lab.storage.prepare(lab.schema)
        assert lab.search("word 3") == ["word 3"]
        query = lab.query(
            "specimen",
            where.worth > Money(0, "EUR"),
            where.customer_id.owner == "kim",
            order="-number",
        )
        assert [each["number"] for each in lab.storage.find(query, batch=1)] == [3, 1]
        assert lab.storage.count(query) == 2
        assert lab.pages(order="-worth", limit=3)[1] == lab.pages(limit=1)[0]

    def test_opaque_records_can_be_moved_redacted_and_deleted(self, lab: Lab) -> None:
        """Merging, erasing and deleting work on records that lost their class; nothing of them is lost."""
        one, two = lab.insert(Customer(name="1"), Customer(name="2"))
        made = lab.add(
            Specimen(name="secret", number=7, customer_id=one.id, price=None, flag=False)
        )
        slip = lab.add(Slip(specimen_id=made.id, text="t", fee=Money(3, "KRW")))
        lab.schema = _opaque(zoo())
        lab.storage.prepare(lab.schema)
        (found,) = lab.storage.get("specimen", [made.id])
        assert isinstance(found, OpaqueRecord)
        moved = lab.update(found, values={**found.values, "customer_id": two.id})
        assert lab.get(moved) == moved
        write = lab.changed(moved, values={**moved.values, "name": ""})
        with lab.storage.transaction() as tx:
            tx.redact("specimen", [write], ["name"], lab.stamp())
        blank = write.record
        assert lab.storage.history("specimen", made.id)[1].delta == {
            "customer_id": (one.id, two.id)
        }
        lab.delete(one)
        (paper,) = lab.storage.get("slip", [slip.id])
        assert isinstance(paper, OpaqueRecord)
        lab.delete(paper)
        lab.schema = zoo()
        lab.storage.prepare(lab.schema)
        whole = lab.get(made)
        assert whole is not None
        assert (whole.name, whole.number, whole.flag) == ("", 7, False)
        assert (whole.customer_id, whole.version) == (two.id, blank.version)
        delta = lab.storage.history("slip", slip.id)[-1].delta
        assert delta == dump_document(lab.schema["slip"], slip)
