"""Records, documents and deltas."""

import json
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.catalogue import catalogue, from_catalogue
from crmkit.codec import accept, blanked, difference, dump_document, load_document
from crmkit.declarations import read_kind
from crmkit.errors import InvalidRecords
from crmkit.kinds import Customer
from crmkit.records import OpaqueRecord, Record, kind
from crmkit.rows import row_dumper, row_loader
from crmkit.testing.kinds import Slip, Specimen, zoo
from crmkit.testing.strategies import records

ZOO = zoo()
SPECIMEN, SLIP = ZOO["specimen"], ZOO["slip"]
ANY = st.one_of(records(SPECIMEN), records(SLIP))


@given(ANY)
def test_a_document_gives_the_record_back(record):
    kind = ZOO[record.__kind__]
    (record,) = accept(kind, [record])
    document = json.loads(json.dumps(dump_document(kind, record)))
    assert load_document(kind, document) == record
    assert None not in document.values()


@given(ANY)
def test_an_opaque_record_loses_nothing(record):
    kind = ZOO[record.__kind__]
    opaque = from_catalogue(kind.name, json.loads(json.dumps(catalogue(ZOO)))[kind.name])
    document = json.loads(json.dumps(dump_document(kind, record)))
    found = load_document(opaque, document)
    assert isinstance(found, OpaqueRecord)
    assert dump_document(opaque, found) == document


@given(records(SPECIMEN), records(SPECIMEN))
def test_a_difference_leads_from_one_document_to_the_other(one, two):
    two = two.evolve(id=one.id)
    before, after = dump_document(SPECIMEN, one), dump_document(SPECIMEN, two)
    delta = difference(SPECIMEN, one, two)
    assert {name: pair[0] for name, pair in delta.items()} == {n: before.get(n) for n in delta}
    patched = {**before, **{name: pair[1] for name, pair in delta.items()}}
    assert {name: value for name, value in patched.items() if value is not None} == after
    assert difference(SPECIMEN, one, one) == {}


@given(ANY)
def test_accepting_twice_is_accepting_once(record):
    kind = ZOO[record.__kind__]
    once = accept(kind, [record])
    assert accept(kind, once) == once == [record]


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "x" * 1_000_001])
def test_a_word_that_does_not_fit_is_refused_in_a_tuple_too(bad):
    with pytest.raises(InvalidRecords, match="tags"):
        accept(ZOO["customer"], [Customer(name="a", tags=("fine", bad))])


def test_words_are_kept_as_they_are_and_what_can_change_is_copied():
    words, nested = ("vip", "강남"), {"a": 1}

    [plain] = accept(ZOO["customer"], [Customer(name="a", tags=words)])
    [listed] = accept(ZOO["customer"], [Customer(name="a", tags=["vip"])])
    [deep] = accept(ZOO["customer"], [Customer(name="a", tags=(nested,))])
    nested["a"] = 2

    assert plain.tags is words
    assert listed.tags == ("vip",)
    assert deep.tags == ({"a": 1},)


def test_a_copy_has_other_values_and_leaves_the_record_alone():
    one = Customer(name="a", tags=("vip",))

    other = one.evolve(name="b", version=3)

    assert (one.name, one.version) == ("a", 0)
    assert (other.name, other.version, other.tags, other.id) == ("b", 3, ("vip",), one.id)


class Loose:
    """Gives the instances of its subclasses a dict."""


@kind("loose")
class Inherited(Loose, Record):
    name: str


@given(ANY, st.data())
def test_some_columns_of_a_row_are_as_in_the_whole(record, data):
    kind = ZOO[record.__kind__]
    (record,) = accept(kind, [record])
    whole = row_dumper(kind, lambda type_: (None, type_.dump))(record)
    places = data.draw(st.lists(st.sampled_from(range(len(whole))), min_size=1))

    some = row_dumper(kind, lambda type_: (None, type_.dump), places=places)(record)

    assert some == tuple(whole[place] for place in places)


@pytest.mark.parametrize("cls", [Customer, Inherited])
def test_a_copy_and_what_is_read_are_of_the_class_and_as_frozen(cls):
    of, record = read_kind(cls), cls(name="a")
    load, dump = (make(of, lambda _: (None, None)) for make in (row_loader, row_dumper))

    for made in (record.evolve(name="b"), load(dump(record))):
        assert type(made) is cls
        assert made.evolve(name="a") == record
        for change in (lambda made: setattr(made, "name", "c"), lambda made: delattr(made, "name")):
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                change(made)


def test_a_kind_that_looks_at_its_values_looks_at_those_of_a_copy():
    @kind("checked")
    class Checked(Record):
        number: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    with pytest.raises(ValueError, match="number"):
        Checked().evolve(number=0)
    assert Checked().evolve(number=2).number == 2


def test_all_that_is_wrong_is_named():
    bad = Specimen(name=5, number="x", price=1.5, added={"custom.teir": 1, "custom.score": "x"})
    with pytest.raises(InvalidRecords) as caught:
        accept(SPECIMEN, [bad, Specimen(id=""), Customer(name="c")])
    fields = [each.field for each in caught.value.problems]
    assert fields == ["name", "number", "price", "custom.teir", "custom.score", "id", None]
    assert "custom.tier" in str(caught.value.problems[3])


def test_extra_is_no_way_around_a_field():
    for name in ("name", "id", "version", "custom.tier"):
        with pytest.raises(InvalidRecords, match="is a field"):
            accept(SPECIMEN, [Specimen(name="a", extra={name: "b"})])
    with pytest.raises(InvalidRecords, match="NUL"):
        accept(SPECIMEN, [Specimen(extra={"x": "\0"})])
    shadowing = Specimen(name="a", version=3, extra={"name": "b", "version": 9})
    document = dump_document(SPECIMEN, shadowing)
    assert (document["name"], document["version"]) == ("a", 3)


def test_required_fields_must_be_there():
    with pytest.raises(InvalidRecords, match="is required"):
        accept(SLIP, [Slip(specimen_id=None)])
    stamps = {"created_at": "2026-01-01T00:00Z", "updated_at": "2026-01-01T00:00Z"}
    with pytest.raises(InvalidRecords, match="is required"):
        load_document(SLIP, {"id": "a", "version": 1, **stamps})


def test_values_that_do_not_fit_are_named_when_read():
    document = dump_document(SPECIMEN, Specimen(id="a"))
    with pytest.raises(InvalidRecords) as caught:
        load_document(SPECIMEN, {**document, "number": "x", "seen_at": 5})
    assert [each.field for each in caught.value.problems] == ["number", "seen_at"]


def test_missing_fields_get_none_and_required_ones_their_default():
    stamps = {"created_at": "2026-01-01T00:00Z", "updated_at": "2026-01-01T00:00Z"}
    slip = load_document(SLIP, {"id": "a", "version": 1, "specimen_id": "s", **stamps})
    assert slip == Slip(
        id="a",
        version=1,
        specimen_id="s",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_blank_values():
    assert blanked(SPECIMEN, SPECIMEN.field("name")) == ""
    assert blanked(SPECIMEN, SPECIMEN.field("notes")) is None
    assert blanked(SPECIMEN, SPECIMEN.field("labels")) == []
    assert blanked(SLIP, SLIP.field("share")) == "0"
    with pytest.raises(InvalidRecords, match="no blank value"):
        blanked(SLIP, SLIP.field("specimen_id"))


def test_an_opaque_kind_may_have_fields_called_kind_and_values():
    record = OpaqueRecord(kind="thing", values={"kind": "large", "values": 5})
    assert (record["kind"], record["values"], record.__kind__) == ("large", 5, "thing")
