"""Undoing imports: creations go, changes go back, what people did since stays."""

import pytest
from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ImportRun
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import CRM, Config, CrmError, Customer, Identity, Interaction, TrimmedError, where
from crmkit.trimming import trim

OLD = "id,name,email,owner\n1,Kim,kim@a.example,a\n2,Lee,lee@a.example,a\n"
NEW = "id,name,email,owner\n1,Kim Ha-neul,kim@b.example,b\n2,Lee,lee@a.example,a\n3,Park,park@a.example,b\n"


def one(crm, name):
    [found] = crm.find(Customer, where.name == name)
    return found


def test_everything_is_as_before_and_the_journal_has_grown(bring, crm, snapshot):
    bring.text(OLD)
    before, position = snapshot(), crm.storage.position()
    done = bring.text(NEW)
    assert done.sums == (3, 1, 1, 1, 0)

    undone = undo(crm, crm.actor, done.run)

    assert snapshot() == before
    assert crm.storage.position() > position
    assert (undone.restored, undone.kept) == (2, [])  # the customer and its external id
    assert undone.deleted == 4  # a customer, two addresses, an external id
    assert crm.get(ImportRun, done.run.id).status == "undone"


def test_an_import_is_undone_once(bring, crm):
    done = bring.text(OLD)
    undo(crm, crm.actor, done.run)

    with pytest.raises(CrmError, match="undone already"):
        undo(crm, crm.actor, crm.get(ImportRun, done.run.id))


def test_an_import_that_the_journal_does_not_know_any_more_is_not_undone(
    bring, crm, clock, snapshot
):
    bring.text(OLD)
    clock.tick(days=1)
    done = bring.text(NEW)
    clock.tick(days=1)
    before = snapshot()
    trim(crm, crm.now())
    clock.tick(days=1)
    later = bring.text(OLD.replace("Kim", "Kim D."))
    there = snapshot()

    for plan in (True, False):
        with pytest.raises(TrimmedError, match=f"import {done.run.id} began before .* by hand"):
            undo(crm, crm.actor, done.run, plan=plan)
    assert snapshot() == there
    undo(crm, crm.actor, later.run)
    assert snapshot() == before


def test_a_file_can_be_imported_again_after_undoing(bring, crm):
    undo(crm, crm.actor, bring.text(OLD).run)

    assert bring.text(OLD).sums == (2, 2, 0, 0, 0)


def test_what_people_changed_since_stays(bring, crm):
    bring.text(OLD)
    done = bring.text(NEW)
    with crm.transaction() as tx:
        tx.update(one(tx, "Kim Ha-neul").evolve(name="Kim H."))
        tx.update(one(tx, "Park").evolve(owner="c"))

    undone = undo(crm, crm.actor, done.run)

    kim = one(crm, "Kim H.")
    assert kim.owner == "a"  # nobody changed it since
    assert one(crm, "Park").owner == "c"  # somebody works with it
    assert {(each.title, each.reason) for each in undone.kept} >= {
        ("Kim H.", "name changed since"),
        ("Park", "was changed since"),
    }


def test_a_customer_whom_others_refer_to_stays(bring, crm, clock):
    done = bring.text(OLD)
    kim = one(crm, "Kim")
    with crm.transaction() as tx:
        tx.add(Interaction(customer_id=kim.id, channel="phone", happened_at=clock()))

    undone = undo(crm, crm.actor, done.run)

    assert [each.id for each in crm.find(Customer)] == [kim.id]
    assert [each.title for each in undone.kept if each.kind == "customer"] == ["Kim"]


def test_an_address_that_people_added_keeps_its_customer(bring, crm):
    done = bring.text(OLD)
    lee = one(crm, "Lee")
    with crm.transaction() as tx:
        tx.add(Identity(customer_id=lee.id, channel="phone", value="010-2345-6701"))

    undo(crm, crm.actor, done.run)

    assert [each.id for each in crm.find(Customer)] == [lee.id]
    assert sorted(each.channel for each in crm.find(Identity)) == ["email", "phone"]


def test_people_and_their_company_go_together(bring, crm, snapshot):
    before = snapshot()
    done = bring.text(
        "id,name,email,company,type\n1,한빛,i@a.example,,organization\n2,Kim,k@a.example,1,person\n",
        maps=(("company", "organization_id"), ("type", "type")),
    )
    assert one(crm, "Kim").organization_id == one(crm, "한빛").id

    undone = undo(crm, crm.actor, done.run)

    assert snapshot() == before
    assert undone.kept == []


def test_a_plan_of_undoing_writes_nothing(bring, crm, snapshot):
    done = bring.text(OLD)
    before, position = snapshot(), crm.storage.position()

    planned = undo(crm, crm.actor, done.run, plan=True)

    assert planned.deleted == 6
    assert (snapshot(), crm.storage.position()) == (before, position)


# A law --------------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.sampled_from(["Kim", "Lee", "박서연", "최"]),
        st.sampled_from(["a", "b", ""]),
        st.sampled_from(["a@x.example", "b@x.example", "", "?"]),
    ),
    max_size=6,
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["name", "owner", "country"]), st.sampled_from("xyz"), st.integers(0, 9)
    ),
    max_size=4,
)


def table(rows):
    lines = [f"{id},{name},{owner},{email}" for id, name, owner, email in rows]
    return "\n".join(["id,name,owner,email", *lines]) + "\n"


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=ROWS, second=ROWS, edits=EDITS)
def test_undo_leaves_what_would_be_there_without_the_import(
    importer, tmp_path, first, second, edits
):
    """Edits of other fields than the import's, made after it, are kept; else all is as if there had been no import."""

    def run(with_import):
        with CRM.open("memory://", plugins=["exchange"], config=Config()) as crm:
            bring = importer(crm, tmp_path)
            said = {
                "maps": (("id", "id"), ("name", "name"), ("owner", "owner"), ("email", "email"))
            }
            bring.text(table(first), **said) if first else None
            known = [each.id for each in crm.find(Customer, order="id")]
            done = bring.text(table(second), **said) if with_import and second else None
            for field, value, place in edits:
                if known and field == "country":  # which no import writes
                    with crm.transaction() as tx:
                        tx.update(tx.get(Customer, known[place % len(known)]).evolve(country=value))
            if done:
                undo(crm, crm.actor, done.run)
            kept = sorted(f"{c.name} {c.owner} {c.country}" for c in crm.find(Customer))
            return kept, sorted((i.channel, i.normalised) for i in crm.find(Identity))

    assert run(with_import=True) == run(with_import=False)


def test_a_kept_customer_keeps_its_id_elsewhere_and_its_addresses(bring, crm, clock):
    done = bring.text(OLD)
    kim = one(crm, "Kim")
    with crm.transaction() as tx:
        tx.add(Interaction(customer_id=kim.id, channel="phone", happened_at=clock()))

    undo(crm, crm.actor, done.run)

    assert [each.value for each in crm.find(Identity)] == ["kim@a.example"]
    assert bring.text(OLD).sums == (2, 1, 0, 1, 0)  # Lee again; Kim is known
    assert crm.count(Customer) == 2
