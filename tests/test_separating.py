"""Taking a record out again of the one that it was merged into."""

from contextlib import suppress

import pytest

from crmkit import (
    Customer,
    Denied,
    Identity,
    NotFound,
    Record,
    Restriction,
    TransactionError,
    TrimmedError,
    field,
    kind,
    where,
)


@kind("tag_of", unique=(("customer_id", "tag"),))
class TagOf(Record):
    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    tag: str = field()


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def merged(crm, **values):
    """Two customers, the second with an address, and one of them now."""
    keep, lose = add(crm, Customer(name="Kim"), Customer(name="Kim, again", **values))
    [address] = add(crm, Identity(customer_id=lose.id, channel="email", value="k@x.example"))
    with crm.transaction() as tx:
        tx.merge(keep, lose)
    return keep, lose, address


def test_a_record_comes_back_with_what_is_named_and_its_versions_go_on(app, clock):
    keep, lose, address = merged(app, owner="lee")
    [other] = add(app, Identity(customer_id=keep.id, channel="email", value="other@x.example"))
    clock.tick()

    with app.transaction() as tx:
        back = tx.separate(Customer, lose.id, {("identity", "customer_id"): [address.id]})

    assert (back.id, back.name, back.owner, back.version) == (lose.id, "Kim, again", "lee", 3)
    assert back.created_at == lose.created_at < back.updated_at
    assert app.get(Customer, lose.id) == back
    assert app.get(Identity, address.id).customer_id == lose.id
    assert app.get(Identity, other.id).customer_id == keep.id
    assert app.count("alias") == 0
    assert [each.action for each in app.history(Customer, lose.id)] == [
        "insert",
        "delete",
        "insert",
    ]


def test_what_refers_elsewhere_by_now_or_is_gone_is_left(app):
    _, lose, address = merged(app)
    [third, gone] = add(app, Customer(name="third"), Identity(channel="email", value="g@x.example"))
    with app.transaction() as tx:
        tx.update(tx.get(Identity, address.id).evolve(customer_id=third.id))
        tx.delete(gone)

    with app.transaction() as tx:
        named = [address.id, gone.id]
        tx.separate(Customer, lose.id, {("identity", "customer_id"): named})

    assert app.get(Identity, address.id).customer_id == third.id


def test_records_that_went_come_back_with_it(open_crm, plugin):
    app = open_crm(plugin("tags", crm_kinds=lambda: [TagOf]))
    keep, lose = add(app, Customer(name="a"), Customer(name="b"))
    _, theirs = add(
        app, TagOf(customer_id=keep.id, tag="vip"), TagOf(customer_id=lose.id, tag="vip")
    )
    with app.transaction() as tx:
        tx.delete(theirs)
        tx.merge(keep, lose)

    with app.transaction() as tx:
        tx.separate(Customer, lose.id, deleted={"tag_of": [theirs.id]})

    assert [each.customer_id for each in app.find(TagOf)] == [keep.id, lose.id]


def test_records_of_a_plugin_that_is_gone_are_moved_and_come_back(url, open_crm, plugin):
    if url == "memory://":
        pytest.skip("what is in memory goes with the app")
    with open_crm(plugin("tags", crm_kinds=lambda: [TagOf])) as app:
        keep, lose = add(app, Customer(name="a"), Customer(name="b"))
        gone, moved = add(
            app, TagOf(customer_id=lose.id, tag="vip"), TagOf(customer_id=lose.id, tag="new")
        )
    with open_crm() as app:
        with app.transaction() as tx:
            tx.delete(tx.get("tag_of", gone.id))
            tx.merge(keep, lose)
        assert app.get("tag_of", moved.id)["customer_id"] == keep.id
        with app.transaction() as tx:
            references = {("tag_of", "customer_id"): [moved.id]}
            tx.separate(Customer, lose.id, references, {"tag_of": [gone.id]})

    app = open_crm(plugin("tags", crm_kinds=lambda: [TagOf]))
    assert {each.tag: each.customer_id for each in app.find(TagOf)} == {
        "vip": lose.id,
        "new": lose.id,
    }


def test_what_it_referred_to_may_have_been_merged_or_deleted_since(app):
    old, new, gone = add(app, *(Customer(name=each, type="organization") for each in "xyz"))
    [first, second] = [merged(app, organization_id=each.id)[1] for each in (old, gone)]
    with app.transaction() as tx:
        tx.merge(new, old)
        tx.delete(gone)

    with app.transaction() as tx:
        tx.separate(Customer, first.id)
        tx.separate(Customer, second.id)

    assert app.get(Customer, first.id).organization_id == new.id
    assert app.get(Customer, second.id).organization_id is None


def test_it_comes_back_though_what_took_it_in_is_deleted(app):
    keep, lose, address = merged(app)
    [employee] = add(app, Customer(name="employee", organization_id=keep.id))
    with app.transaction() as tx:
        tx.delete(tx.get(Customer, keep.id))

    with app.transaction() as tx:
        references = {
            ("customer", "organization_id"): [employee.id],
            ("identity", "customer_id"): [address.id],
        }
        tx.separate(Customer, lose.id, references, {"identity": [address.id]})

    assert app.get(Customer, lose.id).name == "Kim, again"
    assert app.get(Identity, address.id).customer_id == lose.id
    assert app.get(Customer, employee.id).organization_id == lose.id


def test_aliases_are_pointed_back_like_any_reference(app):
    keep, lose, _ = merged(app)
    [last] = add(app, Customer(name="last"))
    with app.transaction() as tx:
        tx.merge(last, tx.get(Customer, keep.id))

    with app.transaction() as tx:
        tx.separate(Customer, keep.id, {("alias", "target"): [lose.id]})

    assert app.get(Customer, lose.id).id == keep.id


@pytest.mark.parametrize("other", ["nobody", "keep", "identity"])
def test_only_what_was_merged_away_can_be_separated(app, other):
    keep, _, address = merged(app)
    id = {"keep": keep.id, "identity": address.id}.get(other, other)
    with pytest.raises(NotFound), app.transaction() as tx:
        tx.separate(Customer, id)


def test_only_what_was_deleted_comes_back(app):
    _, lose, address = merged(app)
    with pytest.raises(NotFound, match="only what was deleted"), app.transaction() as tx:
        tx.separate(Customer, lose.id, deleted={"identity": [address.id]})
    assert app.get(Customer, lose.id).id != lose.id


def test_what_was_erased_meanwhile_stays_erased(app):
    _, lose, _ = merged(app)
    with app.transaction() as tx:
        tx.redact(Customer, [lose.id])
    with app.transaction() as tx:
        assert tx.separate(Customer, lose.id).name == ""


def test_a_separation_is_guarded_like_any_write(open_crm, plugin):
    def guard(kind, writes):
        return [
            each.denial("stays as it is")
            for each in writes
            if kind == "identity" and each.action == "update"
        ]

    app = open_crm(plugin("rules", crm_authorize=guard))
    keep, lose, address = merged(app)
    references = {("identity", "customer_id"): [address.id]}
    with pytest.raises(Denied, match="stays as it is"), app.acting("kim").transaction() as tx:
        tx.separate(Customer, lose.id, references)
    assert app.get(Customer, lose.id).id == keep.id


def test_nobody_brings_back_what_they_may_not_see(open_crm, plugin):
    def restrict(actor, kind):
        return Restriction([where.owner == actor.id]) if kind == "customer" else None

    app = open_crm(plugin("rules", crm_restrict=restrict))
    [keep, lose] = add(app, Customer(name="a", owner="kim"), Customer(name="b", owner="lee"))
    with app.transaction() as tx:
        tx.merge(keep, lose)

    kim = app.acting("kim")
    with pytest.raises(TransactionError), kim.transaction() as tx, suppress(NotFound):
        tx.separate(Customer, lose.id)
    with pytest.raises(NotFound), app.acting("lee").transaction() as tx:
        tx.separate(Customer, lose.id)

    assert app.get(Customer, lose.id).id == keep.id


def test_what_the_journal_does_not_know_any_more_stays_merged(app, clock):
    from crmkit.trimming import trim

    keep, lose, _ = merged(app)
    trim(app, clock.tick(days=1))

    with pytest.raises(TrimmedError), app.transaction() as tx:
        tx.separate(Customer, lose.id)
    assert app.get(Customer, lose.id).id == keep.id
