import attrs
import pytest

from crmkit import (
    CRM,
    ClosedError,
    ConfigError,
    Customer,
    CustomField,
    FieldSpec,
    Identity,
    InvalidRecords,
    OpaqueRecord,
    Record,
    SchemaError,
    field,
    kind,
    where,
)
from crmkit.config import Config


@kind("pet", title="name", unique=(("name",),))
class Pet(Record):
    name: str = field(search=True, personal=True)
    customer_id: str | None = field(default=None, refers_to=Customer)


@kind("pet", title="name", schema=2)
class NewerPet(Record):
    name: str = field(search=True, personal=True)
    customer_id: str | None = field(default=None, refers_to=Customer)
    legs: int = field(default=4)

    @classmethod
    def upgrade(cls, data, from_schema):
        if from_schema < 2 and data["name"].endswith("bird"):
            data["legs"] = 2
        return data


@pytest.fixture
def durable(url):
    if url == "memory://":
        pytest.skip("what is in memory goes with the app")


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def test_records_of_a_plugin_that_is_gone_are_kept(durable, open_crm, plugin):
    with open_crm(plugin("pets", crm_kinds=lambda: [Pet])) as crm:
        [kim, lee] = add(crm, Customer(name="Kim"), Customer(name="Lee"))
        [pet] = add(crm, Pet(name="나비", customer_id=kim.id))

    crm = open_crm()
    opaque = crm.get("pet", pet.id)
    assert isinstance(opaque, OpaqueRecord)
    assert (opaque["name"], opaque["customer_id"], opaque.version) == ("나비", kim.id, 1)
    assert [r.id for r in crm.find("pet", where.customer_id == kim.id)] == [pet.id]
    assert [r.id for r in crm.search("나비")] == [pet.id]
    with pytest.raises(InvalidRecords, match="not loaded"), crm.transaction() as tx:
        tx.update(opaque.evolve(values={"name": "x"}))

    with crm.transaction() as tx:
        tx.merge(kim, lee)
    with crm.transaction() as tx:
        tx.merge(tx.get(Customer, kim.id), *add_in(tx, "Park"))
    with crm.transaction() as tx:
        tx.redact("pet", [pet.id])
    crm.close()

    crm = open_crm(plugin("pets", crm_kinds=lambda: [Pet]))
    back = crm.get(Pet, pet.id)
    assert (back.name, back.customer_id) == ("", kim.id)
    assert [c.version for c in crm.history(Pet, pet.id)] == list(range(1, back.version + 1))


def add_in(tx, name):
    return [tx.add(Customer(name=name))]


def test_opaque_references_move_with_a_merge(durable, open_crm, plugin):
    with open_crm(plugin("pets", crm_kinds=lambda: [Pet])) as crm:
        [kim, lee] = add(crm, Customer(name="Kim"), Customer(name="Lee"))
        [pet] = add(crm, Pet(name="나비", customer_id=lee.id))
    crm = open_crm()
    with crm.transaction() as tx:
        tx.merge(kim, lee)
    assert crm.get("pet", pet.id)["customer_id"] == kim.id
    crm.close()
    assert open_crm(plugin("pets", crm_kinds=lambda: [Pet])).get(Pet, pet.id).customer_id == kim.id


def test_fields_of_a_plugin_that_is_gone_are_kept(durable, open_crm, plugin):
    shoes = plugin(
        "shoes", crm_fields=lambda: [FieldSpec(on=Customer, name="size", type=int | None)]
    )
    with open_crm(shoes) as crm:
        [customer] = add(crm, Customer(name="Kim").set("shoes.size", 42))
        assert crm.count(Customer, where["shoes.size"] == 42) == 1
    with open_crm() as crm:
        found = crm.get(Customer, customer.id)
        assert dict(found.extra) == {"shoes.size": 42}
        with crm.transaction() as tx:
            tx.update(found.evolve(name="Kim, new"))
    crm = open_crm(shoes)
    found = crm.get(Customer, customer.id)
    assert (found["shoes.size"], found.name, dict(found.extra)) == (42, "Kim, new", {})


def test_a_field_that_records_from_before_cannot_have_is_refused(open_crm, plugin):
    vip = plugin("vip", crm_fields=lambda: [FieldSpec(on=Customer, name="vip", type=bool)])
    with pytest.raises(SchemaError, match=r"vip\.vip.*bool \| None"):
        open_crm(vip)


def test_old_documents_are_brought_forward_once_and_journaled(durable, open_crm, plugin):
    with open_crm(plugin("pets", crm_kinds=lambda: [Pet])) as crm:
        pets = add(crm, *(Pet(name=f"{n} {'bird' if n % 2 else 'cat'}") for n in range(1200)))
    for _ in range(2):
        with open_crm(plugin("pets", crm_kinds=lambda: [NewerPet])) as crm:
            assert crm.count(NewerPet, where.legs == 2) == 600
            assert crm.count(NewerPet, where.legs == 4) == 600
            assert [c.version for c in crm.history(NewerPet, pets[1].id)] == [1, 2]
            assert crm.history(NewerPet, pets[1].id)[-1].delta == {"legs": (4, 2)}
    with pytest.raises(SchemaError, match=r"schema 2.*knows 1"):
        open_crm(plugin("pets", crm_kinds=lambda: [Pet]))


def test_an_upgrade_that_fails_loses_nothing_and_can_go_on(durable, open_crm, plugin):
    with open_crm(plugin("pets", crm_kinds=lambda: [Pet])) as crm:
        add(crm, *(Pet(name=f"{n} {'bird' if n % 2 else 'cat'}") for n in range(1200)))

    @kind("pet", title="name", schema=2)
    class Broken(NewerPet):
        @classmethod
        def upgrade(cls, data, from_schema):
            if data["name"].startswith("1100 "):
                raise ZeroDivisionError
            return NewerPet.upgrade(data, from_schema)

    with pytest.raises(
        SchemaError, match=r"from schema 1 to 2.*ZeroDivisionError.*nothing was lost"
    ):
        open_crm(plugin("pets", crm_kinds=lambda: [Broken]))
    crm = open_crm(plugin("pets", crm_kinds=lambda: [NewerPet]))
    assert crm.count(NewerPet, where.legs == 2) == 600
    versions = {r.version for r in crm.find(NewerPet)}
    assert versions == {1, 2}


def test_a_new_normaliser_recomputes_what_is_there(durable, open_crm, plugin):
    with open_crm() as crm:
        [identity] = add(crm, Identity(channel="phone", value="010-1"))
    digits = plugin("digits", crm_normalise=lambda value: value.replace("-", ""))
    for _ in range(2):
        with open_crm(digits) as crm:
            found = crm.get(Identity, identity.id)
            assert (found.normalised, found.version) == ("0101", 2)


def test_a_kind_of_two_plugins_names_both(open_crm, plugin):
    with pytest.raises(Exception, match=r"'pet' comes from both.*a.*b"):
        open_crm(plugin("a", crm_kinds=lambda: [Pet]), plugin("b", crm_kinds=lambda: [NewerPet]))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"x": (set, field())}, "cannot store"),
        ({"x": (str, field(refers_to="petz"))}, "'petz', which is no kind"),
        ({"X": (str, field())}, "small letters"),
        ({"x": (int, field(search=True))}, "cannot be searched"),
    ],
)
def test_a_kind_that_cannot_be_stored_is_refused_with_a_sentence(open_crm, plugin, fields, words):
    body = {name: value for name, (_, value) in fields.items()}
    hints = {name: hint for name, (hint, _) in fields.items()}
    odd = kind("odd")(type("Odd", (Record,), {**body, "__annotations__": hints}))
    with pytest.raises(SchemaError, match=words):
        open_crm(plugin("odd", crm_kinds=lambda: [odd]))


def test_startup_and_shutdown_go_in_order_and_back(open_crm, plugin):
    calls = []

    def make(name, *requires):
        module = plugin(
            name,
            crm_startup=lambda crm: calls.append(f"+{name}"),
            crm_shutdown=lambda crm: calls.append(f"-{name}"),
        )
        module.manifest = attrs.evolve(module.manifest, requires=requires)
        return module

    with open_crm(make("a", "c"), make("b"), make("c")):
        pass
    assert calls == ["+b", "+c", "+a", "-a", "-c", "-b"]


def test_an_app_that_is_closed_says_so(app):
    app.close()
    app.close()
    with pytest.raises(ClosedError, match=r"CRM\.open"):
        app.count(Customer)


@pytest.mark.parametrize("url", ["", "nothing", "sqlit:///x.db", "memory:/"])
def test_a_url_that_no_plugin_opens_is_refused_with_a_sentence(url, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"database"):
        CRM.open(url, plugins=[], config=Config())


def test_a_field_that_people_added_in_another_process_is_found(durable, open_crm):
    here, there = open_crm(), open_crm()
    add(there, CustomField(on="customer", name="tier", index=True))

    assert here.count(Customer, where["custom.tier"] == "gold") == 0
    [customer] = add(here, Customer(name="Kim").set("custom.tier", "gold"))
    assert there.get(Customer, customer.id)["custom.tier"] == "gold"


def test_a_write_that_comes_too_early_for_a_new_field_succeeds_the_next_time(durable, open_crm):
    here, there = open_crm(), open_crm()
    add(there, CustomField(on="customer", name="tier"))

    with pytest.raises(InvalidRecords, match=r"custom\.tier"):
        add(here, Customer(name="Kim").set("custom.tier", "gold"))
    [customer] = add(here, Customer(name="Kim").set("custom.tier", "gold"))
    assert customer["custom.tier"] == "gold"
