"""Tables that grow: fields come, go and come back; nothing is lost."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import attrs
import pytest

from crmkit.codec import dump_document
from crmkit.declarations import read_kind
from crmkit.errors import InvalidRecords, SchemaError
from crmkit.kinds import CORE_KINDS
from crmkit.query import where
from crmkit.records import Record, field, kind
from crmkit.schema import Field, Schema
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab
from crmkit.types import Items, Text
from crmkit.values import Money


def schema_of(*classes: type[Record], added: dict[str, list[Field]] | None = None) -> Schema:
    kinds = [read_kind(each, added=(added or {}).get(each.__kind__, ())) for each in classes]
    return Schema.of([*map(read_kind, CORE_KINDS), *kinds])


def thing(**fields: object) -> type[Record]:
    """A kind `thing` with these fields, as (annotation, attribute)."""
    body = {name: attribute for name, (_, attribute) in fields.items()}
    hints = {name: annotation for name, (annotation, _) in fields.items()}
    return kind("thing", title="id")(
        type("Thing", (Record,), {**body, "__annotations__": hints, "__module__": __name__})
    )


def test_each_field_has_a_column_that_other_tools_can_read(lab, connection):
    lab.add(
        Specimen(
            name="a", flag=True, price=Decimal("12.50"), worth=Money(5, "EUR"), labels=("x", "y")
        ).set("clinic.chart", "7")
    )
    row = connection(lab.storage).execute(
        "SELECT name, flag, price, worth, worth__currency, labels, clinic__chart FROM specimen"
    )
    assert row.fetchone() == ("a", True, Decimal("12.50"), 5, "EUR", '["x","y"]', "7")


def test_a_plugin_that_is_gone_and_comes_back_finds_its_values(lab, open_storage):
    record = lab.add(
        Specimen(name="a")
        .set("clinic.fee", Money(300, "KRW"))
        .set("clinic.story", "words")
        .set("custom.hints", ("x", 1))
    )
    small = Lab(open_storage(), zoo(added=False))
    seen = small.get(record)
    assert seen.added == {}
    assert seen.extra == {
        "clinic.fee": {"minor": 300, "currency": "KRW"},
        "clinic.story": "words",
        "custom.hints": ["x", 1],
    }
    small.update(seen, name="b", extra={**seen.extra, "clinic.story": "others"})
    again = Lab(open_storage())
    back = again.get(record)
    assert back.extra == {}
    assert back["clinic.fee"] == Money(300, "KRW")
    assert back["clinic.story"] == "others"
    assert back["custom.hints"] == ("x", 1)
    assert again.search("others") == ["b"]
    assert again.count(where["clinic.fee"] == Money(300, "KRW")) == 1


def test_values_that_came_before_their_plugin_move_into_its_columns(open_storage):
    small = Lab(open_storage(), zoo(added=False))
    document = dump_document(small.schema["specimen"], Specimen(name="a", version=1))
    document |= {"clinic.fee": {"minor": 1, "currency": "EUR"}, "clinic.chart": "7", "odd": [1]}
    with small.storage.transaction() as tx:
        tx.restore([("specimen", document)], [])
    small.schema = zoo()
    small.storage.prepare(small.schema)
    found = small.find(where["clinic.chart"] == "7")
    assert found[0]["clinic.fee"] == Money(1, "EUR")
    assert found[0].extra == {"odd": [1]}


def test_values_that_do_not_fit_their_new_column_are_named_and_kept(open_storage):
    small = Lab(open_storage(), zoo(added=False))
    document = dump_document(small.schema["specimen"], Specimen(name="a", version=1))
    with small.storage.transaction() as tx:
        tx.restore([("specimen", {**document, "clinic.fee": "much"})], [])
    with pytest.raises(SchemaError, match=f"{document['id']} holds a clinic.fee"):
        small.storage.prepare(zoo())
    assert small.find()[0].extra == {"clinic.fee": "much"}


def test_an_unknown_value_of_another_type_is_kept_beside_its_column(lab, open_storage):
    record = lab.add(Specimen(name="a").set("clinic.fee", Money(3, "EUR")))
    small = Lab(open_storage(), zoo(added=False))
    small.update(small.get(record), extra={"clinic.fee": "free"})
    assert small.get(record).extra == {"clinic.fee": "free"}


def test_a_new_required_field_gets_its_default(open_storage):
    old, new = thing(), thing(stage=(str, field(default="open")))
    lab = Lab(open_storage(), schema_of(old))
    record = lab.add(old())
    lab.storage.prepare(schema_of(new))
    assert lab.storage.get("thing", [record.id])[0].stage == "open"


def test_a_new_required_field_without_a_default_is_refused_while_there_are_records(open_storage):
    old, new = thing(), thing(stage=(str, field()))
    lab = Lab(open_storage(), schema_of(old))
    lab.storage.prepare(schema_of(old))
    record = lab.add(old())
    with pytest.raises(SchemaError, match=r"thing.stage is new and required.*default"):
        lab.storage.prepare(schema_of(new))
    assert lab.get(record) == record
    lab.delete(record)
    assert lab.storage.prepare(schema_of(new)) == ["add thing.stage"]


def test_another_type_is_refused(open_storage):
    lab = Lab(open_storage(), schema_of(thing(size=(str, field(default="")))))
    with pytest.raises(SchemaError, match=r"thing.size is kept as text.*whole.*upgrade"):
        lab.storage.prepare(schema_of(thing(size=(int, field(default=0)))))


def test_text_may_become_a_choice(open_storage):
    from typing import Literal

    lab = Lab(open_storage(), schema_of(thing(size=(str, field(default="s")))))
    lab.storage.prepare(schema_of(thing(size=(Literal["s", "l"], field(default="s")))))


def test_values_that_clash_in_a_new_unique_index_are_named(open_storage):
    old = thing(number=(int, field(default=1)))
    lab = Lab(open_storage(), schema_of(old))
    _, second = lab.insert(old(), old())
    cls = type("Thing", (Record,), {"__annotations__": {"number": int}, "number": field(default=1)})
    new = kind("thing", unique=(("number",),))(cls)
    with pytest.raises(SchemaError) as caught:
        lab.storage.prepare(schema_of(new))
    assert "unique by number" in str(caught.value)
    assert "(number)=(1)" in str(caught.value)
    lab.update(second, number=2)
    assert lab.storage.prepare(schema_of(new)) == ["create the index thing__one__number"]
    assert lab.storage.prepare(schema_of(old)) == ["drop the index thing__one__number"]


def test_what_is_newly_searchable_is_found(open_storage):
    old, new = (thing(note=(str, field(default="", search=each))) for each in (False, True))
    lab = Lab(open_storage(), schema_of(old))
    record = lab.add(old(note="환불 문의"))
    steps = lab.storage.prepare(schema_of(new))
    assert steps == ["build the search index of thing"]
    assert lab.storage.search("환불", ["thing"], 9).records[0].id == record.id
    assert lab.storage.prepare(schema_of(old)) == ["drop the search index of thing"]


def test_another_version_of_the_tokens_builds_search_anew(lab, connection):
    lab.named("word")
    link = connection(lab.storage)
    kept = json.loads(link.execute("SELECT value FROM crm_meta WHERE name = 'kept'").fetchone()[0])
    kept["tokens"] -= 1
    link.execute("UPDATE crm_meta SET value = %s WHERE name = 'kept'", (json.dumps(kept),))
    link.execute("UPDATE specimen SET crm_tokens__name = NULL")
    assert lab.search("word") == []
    assert "build the search index of specimen" in lab.storage.prepare(zoo())
    assert lab.search("word") == ["word"]
    assert lab.storage.prepare(zoo()) == []


@pytest.mark.parametrize("name", ["crm_journal", "pg_things"])
def test_a_kind_called_like_the_storage_s_own_tables_is_refused(open_storage, name):
    made = kind(name)(type("Odd", (Record,), {}))
    with pytest.raises(SchemaError, match="another name"):
        open_storage().prepare(schema_of(made))


@pytest.mark.parametrize("name", ["rest", "crm_seq", "xmin", "ctid"])
def test_a_field_called_like_the_storage_s_own_columns_is_refused(open_storage, name):
    with pytest.raises(SchemaError, match="another name"):
        open_storage().prepare(schema_of(thing(**{name: (str, field(default=""))})))


@pytest.mark.parametrize(
    "name", ["order", "group", "select", "rowid", "rank", "index", "table", "values", "match"]
)
def test_fields_may_be_called_like_words_of_sql(open_storage, name):
    made = thing(**{name: (str, field(default="", search=True, index=True))})
    lab = Lab(open_storage(), schema_of(made))
    record = lab.add(made(**{name: "word"}))
    changed = lab.update(record, **{name: "other"})
    assert lab.find(where[name] == "other", kind="thing", order=name) == [changed]
    assert lab.storage.search("other", ["thing"], 9).records == (changed,)
    assert lab.storage.search("word", ["thing"], 9).records == ()


def test_items_may_be_added_to_what_is_searched(open_storage):
    made = thing()
    words = Field(
        "clinic.words", Items(), options=attrs.evolve(Field("a", Text()).options, search=True)
    )
    lab = Lab(open_storage(), schema_of(made, added={"thing": [words]}))
    record = lab.add(made(added={"clinic.words": ("alpha beta", "gamma", 7)}))
    search = lambda text: lab.storage.search(text, ["thing"], 9).records  # noqa: E731
    assert search("gamma") == (record,)
    assert search("alpha beta") == (record,)


def test_a_text_too_long_for_its_index_is_refused_by_name(lab):
    draw = random.Random(3)
    text = "".join(chr(draw.randrange(0xAC00, 0xD7A4)) for _ in range(3_000))
    record = lab.add(Specimen(name="a", notes=text))
    assert lab.get(record).notes == text
    for attempt in (
        lambda: lab.add(Specimen(name=text)),
        lambda: lab.insert(Specimen(), Specimen(serial=text)),
        lambda: lab.insert(*(Specimen(name=text) for _ in range(50))),
        lambda: lab.update(record, name=text),
    ):
        with pytest.raises(InvalidRecords, match=r"specimen\.(name|serial): is too long .*without"):
            attempt()
    assert lab.find() == [record]
