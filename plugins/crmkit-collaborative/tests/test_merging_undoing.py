"""Merging, undoing, splitting: what stays, what moves, what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from types import ModuleType

import pytest
from crmkit_collaborative.kinds import ChannelPreference, ContactRule, Duplicate, Merge, NotSame
from crmkit_collaborative.merging.applying import apply
from crmkit_collaborative.merging.options import MergeOptions
from crmkit_collaborative.merging.splitting import split
from crmkit_collaborative.merging.undoing import undo

from crmkit import (
    CRM,
    Actor,
    Config,
    CrmError,
    Customer,
    Denied,
    Identity,
    Interaction,
    InvalidRecords,
    Manifest,
    Record,
    TrimmedError,
    field,
    hookimpl,
    kind,
    where,
)
from crmkit.trimming import trim
from crmkit.worker import run_workers

KIM = Actor("kim@acme.example")
NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def app(open_crm):
    return open_crm()


def add(crm, *records):
    with crm.transaction() as tx:
        found = tx.add_all(records)
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize(
    ("mine", "theirs", "name"),
    [
        ("Nigel Young", "nigel young", "Nigel Young"),
        ("NIGEL YOUNG", "Nigel Young", "Nigel Young"),
        ("nigel young", "NIGEL YOUNG", "NIGEL YOUNG"),  # neither is better: the newest
        ("Nigel Young", "nigel yong", "nigel yong"),  # another name: the newest
    ],
)
def test_of_one_name_that_which_was_written_with_care_stays(app, clock, mine, theirs, name):
    keep = add(app, Customer(name=mine, owner="Kim"))
    clock.tick(days=1)
    lose = add(app, Customer(name=theirs, owner="KIM"))
    apply(app, KIM, keep.id, [lose.id])
    kept = app.get(Customer, keep.id)
    assert (kept.name, kept.owner) == (name, "KIM")


def people(crm, *names, **values):
    return [add(crm, Customer(name=each, **values)) for each in names]


def edit(crm, record, **values):
    with crm.transaction() as tx:
        return tx.update(tx.get(record.__kind__, record.id).evolve(**values))


def merge(crm, keep, *lose, **options):
    done = apply(crm, KIM, keep.id, [each.id for each in lose], MergeOptions(**options))
    return done[0].merge if len(lose) == 1 else [each.merge for each in done]


def everything(crm, *but):
    """All records by kind and id, without versions and times, and without what merges leave of themselves."""
    return {
        (kind.name, each.id): {name: each[name] for name in kind.fields} | dict(each.extra)
        for kind in crm.schema
        if kind.name not in {"merge", *but}
        for each in crm.find(kind.name)
    }


def prefer(customer, channel="email", **values):
    return ChannelPreference(customer_id=customer.id, channel=channel, **{"since": NOW, **values})


def test_undoing_leaves_nothing_of_a_merge(app):
    office, a, b = people(app, "한빛", "김지원", "Jiwon Kim")
    edit(app, b, organization_id=office.id, tags=("vip",), owner="lee")
    address = add(app, Identity(customer_id=b.id, channel="email", value="j@x.example"))
    add(
        app, Interaction(customer_id=b.id, identity_id=address.id, channel="email", happened_at=NOW)
    )
    add(app, Customer(name="employee", organization_id=b.id), prefer(a), prefer(b, note="later"))
    add(app, ContactRule(customer_id=b.id, verdict="withdrawn", since=NOW))
    before = everything(app)

    made = merge(app, a, b)
    assert app.get(Customer, b.id).id == a.id
    assert {each.customer_id for each in app.find(Identity)} == {a.id}
    assert app.count(ContactRule, where.customer_id == a.id) == 1
    done = undo(app, KIM, made.id)

    assert everything(app) == before
    assert done.kept == []
    assert app.get(Merge, made.id).status == "undone"
    assert app.get(Customer, b.id).created_at == b.created_at


def test_what_people_did_since_stays(app):
    a, b, c = people(app, "a", "b", "c")
    edit(app, b, owner="lee", language="ko", tags=("vip",))
    first, second = (
        add(app, Identity(customer_id=b.id, channel="email", value=each)) for each in ("1", "2")
    )
    made = merge(app, a, b, take={"name": "keep"})

    edit(app, a, owner="park", tags=("vip", "new"))
    edit(app, first, value="1@new.example")
    edit(app, second, customer_id=c.id)
    later = add(app, Identity(customer_id=a.id, channel="email", value="3"))
    done = undo(app, KIM, made.id)

    assert app.get(Identity, first.id).customer_id == b.id
    assert app.get(Identity, first.id).value == "1@new.example"
    assert app.get(Identity, second.id).customer_id == c.id
    assert app.get(Identity, later.id).customer_id == a.id
    kept = app.get(Customer, a.id)
    assert (kept.owner, kept.language, kept.tags) == ("park", None, ("new",))
    assert {(each.kind, each.id, each.field) for each in done.kept} == {
        ("customer", a.id, "owner"),
        ("identity", second.id, "customer_id"),
    }


def test_a_reference_that_was_moved_away_and_back_is_left(app):
    a, b, c = people(app, "a", "b", "c")
    address = add(app, Identity(customer_id=b.id, channel="email", value="1"))
    made = merge(app, a, b)
    edit(app, address, customer_id=c.id)
    edit(app, address, customer_id=a.id)

    undo(app, KIM, made.id)

    assert app.get(Identity, address.id).customer_id == a.id


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        ([], ("a", "both")),
        ([("a", "both", "b", "new")], ("a", "both", "new")),
        ([("a", "both"), ("a", "both", "b")], ("a", "both", "b")),
        ([("b",)], ()),
    ],
)
def test_what_people_put_in_or_took_out_of_tags_stays_so(app, tags, left):
    a, b = people(app, "a", "b")
    edit(app, a, tags=("a", "both"))
    edit(app, b, tags=("both", "b"))
    made = merge(app, a, b)
    for each in tags:
        edit(app, a, tags=each)

    done = undo(app, KIM, made.id)

    assert app.get(Customer, a.id).tags == left
    assert app.get(Customer, b.id).tags == ("both", "b")
    assert done.kept == []


@pytest.mark.parametrize("how", ["deleted", "merged"])
def test_a_value_is_as_the_merge_left_it_though_what_it_refers_to_has_gone(app, how):
    x, y, z, a, b = people(app, *"xyzab")
    edit(app, a, organization_id=x.id)
    edit(app, b, organization_id=y.id)
    made = merge(app, a, b, take={"organization_id": "lose"})
    if how == "merged":
        merge(app, z, y)
    else:
        with app.transaction() as tx:
            tx.delete(tx.get(Customer, y.id))

    undo(app, KIM, made.id)

    assert app.get(Customer, a.id).organization_id == x.id
    assert app.get(Customer, b.id).organization_id == (z.id if how == "merged" else None)


def test_findings_about_somebody_who_has_gone_since_do_not_come_back(app):
    a, b, c, d, e = sorted(people(app, *"abcde"), key=lambda each: each.id)
    for other in (c, d):
        add(app, Duplicate(a_id=b.id, b_id=other.id, score=0.9, zone="review"))
    made = merge(app, a, b)
    merge(app, e, c)
    with app.transaction() as tx:
        tx.delete(d)

    undo(app, KIM, made.id)

    assert app.count(Duplicate) == 0


@pytest.mark.parametrize(
    ("mine", "theirs", "stays"),
    [
        ({}, {}, "mine"),
        ({}, {"since": NOW + timedelta(days=1)}, "theirs"),
        ({}, {"since": NOW + timedelta(days=1), "source": "policy"}, "mine"),
        ({"source": "policy"}, {"since": NOW - timedelta(days=1)}, "theirs"),
    ],
)
def test_of_two_preferences_the_newer_stated_one_stays(app, mine, theirs, stays):
    a, b = people(app, "a", "b")
    add(app, prefer(a, note="mine", **mine), prefer(b, note="theirs", **theirs))
    before = everything(app)

    made = merge(app, a, b)
    assert [(each.note, each.customer_id) for each in app.find(ChannelPreference)] == [
        (stays, a.id)
    ]

    undo(app, KIM, made.id)
    assert everything(app) == before


def test_what_went_stays_away_where_its_place_is_taken(app):
    a, b = people(app, "a", "b")
    add(app, prefer(a))
    gone, moved = add(app, prefer(b), prefer(b, "sms"))
    made = merge(app, a, b)
    with app.transaction() as tx:
        [of_a] = tx.find(ChannelPreference, where.channel == "email")
        tx.delete(of_a)
    edit(app, moved, channel="email")

    done = undo(app, KIM, made.id)

    assert [each.id for each in app.find(ChannelPreference, where.customer_id == b.id)] == [
        moved.id
    ]
    assert [(each.id, each.kind) for each in done.kept] == [(gone.id, "channel_preference")]


def test_merges_that_build_on_each_other_are_undone_from_the_last(app):
    a, b, c = people(app, "a", "b", "c")
    address = add(app, Identity(customer_id=b.id, channel="email", value="1"))
    edit(app, b, owner="lee")
    before = everything(app)
    first = merge(app, a, b)
    second = merge(app, c, a)

    with pytest.raises(CrmError, match=f"crm merge undo {second.id}"):
        undo(app, KIM, first.id)
    undo(app, KIM, second.id)
    assert app.get(Customer, b.id).id == a.id
    assert app.get(Identity, address.id).customer_id == a.id
    undo(app, KIM, first.id)

    assert everything(app) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_several_that_went_into_one_come_back_in_any_order(app, order):
    a, b, c = people(app, "a", "b", "c")
    edit(app, b, owner="lee", tags=("b",))
    edit(app, c, language="ko", tags=("c",))
    add(app, *(Identity(customer_id=each.id, channel="email", value=each.name) for each in (b, c)))
    before = everything(app)
    made = merge(app, a, b, c, take={"name": "keep"})

    for place in order:
        undo(app, KIM, made[place].id)

    assert everything(app) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("own", [(), ("both",)])
@pytest.mark.parametrize("together", [True, False])
def test_a_tag_that_two_brought_goes_with_the_last_of_them(app, order, own, together):
    a, b, c = people(app, "a", "b", "c")
    edit(app, a, tags=own)
    edit(app, b, tags=("both", "b"))
    edit(app, c, tags=("c", "both"))
    made = merge(app, a, b, c) if together else [merge(app, a, b), merge(app, a, c)]

    undo(app, KIM, made[order[0]].id)
    left = "cb"[order[0]]
    assert {*app.get(Customer, a.id).tags} == {"both", left}
    undo(app, KIM, made[order[1]].id)

    assert app.get(Customer, a.id).tags == own


def test_a_tag_that_somebody_gave_again_is_their_own(app):
    a, b, c = people(app, "a", "b", "c")
    for each in (b, c):
        edit(app, each, tags=("both",))
    made = [merge(app, a, b), merge(app, a, c)]
    edit(app, a, tags=())
    edit(app, a, tags=("both",))
    for each in made:
        undo(app, KIM, each.id)
    again = merge(app, a, b)
    undo(app, KIM, again.id)

    assert app.get(Customer, a.id).tags == ("both",)


def test_a_merge_waits_for_a_later_one_that_decided_over_the_same(app):
    a, b, c = people(app, "a", "b", "c")
    edit(app, b, owner="lee")
    edit(app, c, owner="park")
    first = merge(app, a, b)
    second = merge(app, a, c, take={"owner": "lose"})

    with pytest.raises(CrmError, match=rf"{second.id} came later and decided over owner"):
        undo(app, KIM, first.id)


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (1, 1)])
def test_references_to_each_other_lead_nowhere_and_come_back(app, pair):
    a, b = both = people(app, "a", "b")
    edit(app, both[pair[0]], organization_id=both[pair[1]].id)
    before = everything(app)

    made = merge(app, a, b)
    assert app.get(Customer, a.id).organization_id is None
    undo(app, KIM, made.id)

    assert everything(app) == before


def test_findings_about_two_customers_follow(app):
    a, b, c, d = sorted(people(app, "a", "b", "c", "d"), key=lambda each: each.id)

    def pair(kind, one, two, **values):
        x, y = sorted((one.id, two.id))
        return kind(a_id=x, b_id=y, **values)

    found = {"score": 0.9, "zone": "review"}
    add(app, pair(Duplicate, b, d, **found), pair(Duplicate, a, d, **found))
    add(app, pair(NotSame, a, c), pair(NotSame, c, b, reason="brothers"), pair(NotSame, b, d))
    before = everything(app)

    made = merge(app, d, b, anyway=True)
    assert [(each.a_id, each.b_id) for each in app.find(Duplicate)] == [(a.id, d.id)]
    apart = [{each.a_id, each.b_id} for each in app.find(NotSame)]
    assert sorted(map(sorted, apart)) == sorted([sorted((a.id, c.id)), sorted((c.id, d.id))])
    undo(app, KIM, made.id)

    assert everything(app) == before


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_who_is_not_the_same_is_known_whatever_was_merged_and_undone_meanwhile(order):
    with CRM.open("memory://", plugins=["collaborative"], config=Config()) as app:
        found = people(app, *"abcd")
        a, b, c, d = (found[place] for place in order)
        add(app, NotSame(a_id=min(b.id, c.id), b_id=max(b.id, c.id), reason="twins"))

        first, second = merge(app, a, b), merge(app, d, c)
        undo(app, KIM, first.id)
        [between] = app.find(NotSame)
        undo(app, KIM, second.id)

        [after] = app.find(NotSame)
        assert {between.a_id, between.b_id} == {b.id, d.id}
        assert {after.a_id, after.b_id} == {b.id, c.id}


def test_two_of_whom_somebody_said_no_are_merged_only_anyway(app):
    a, b = people(app, "a", "b")
    add(app, NotSame(a_id=a.id, b_id=b.id, reason="twins"))

    with pytest.raises(CrmError, match=r"twins.*--anyway"):
        merge(app, a, b)
    merge(app, a, b, anyway=True)

    assert app.count(Customer) == 1


def test_a_group_larger_than_the_setting_is_refused(app):
    found = people(app, *"abcdef")
    with pytest.raises(CrmError, match="6 customers would become one, more than the 5"):
        merge(app, *found)
    assert app.count(Customer) == 6


def test_a_merge_that_fails_leaves_nothing(open_crm):
    def crm_validate(kind, writes):
        return [
            each.problem("status", "not today")
            for each in writes
            if kind == "merge" and each.record.lose_id == lose[1].id
        ]

    module = ModuleType("rules")
    module.manifest = Manifest(name="rules")
    module.crm_validate = hookimpl(crm_validate)
    app = open_crm(module)
    keep, *lose = people(app, "a", "b", "c")
    add(app, Identity(customer_id=lose[0].id, channel="email", value="1"))
    before = everything(app)

    with pytest.raises(InvalidRecords, match="not today"):
        merge(app, keep, *lose)

    assert everything(app) == before
    assert app.count(Merge) == 0


def test_a_split_gives_back_what_is_named(app):
    a, b = people(app, "a", "b")
    edit(app, b, owner="lee")
    theirs, other = add(
        app, *(Identity(customer_id=b.id, channel="email", value=each) for each in "12")
    )
    add(app, prefer(a), prefer(b, note="b"))
    made = merge(app, a, b)
    later = add(app, Interaction(customer_id=a.id, channel="phone", happened_at=NOW))

    done = split(
        app, KIM, made.id, [("identity", theirs.id), ("interaction", later.id)], "brothers"
    )

    assert app.get(Customer, b.id).owner == "lee"
    assert app.get(Customer, a.id).owner == "lee"
    assert app.get(Identity, theirs.id).customer_id == b.id
    assert app.get(Identity, other.id).customer_id == a.id
    assert app.get(Interaction, later.id).customer_id == b.id
    assert app.count(ChannelPreference, where.customer_id == b.id, where.note == "b") == 1
    assert [each.reason for each in app.find(NotSame)] == ["brothers"]
    assert done.merge.status == "split"
    with pytest.raises(CrmError, match="was split already"):
        undo(app, KIM, made.id)


def test_a_split_refuses_what_is_not_theirs(app):
    a, b, c = people(app, "a", "b", "c")
    address = add(app, Identity(customer_id=c.id, channel="email", value="1"))
    made = merge(app, a, b)
    with pytest.raises(CrmError, match="does not belong to customer"):
        split(app, KIM, made.id, [("identity", address.id)])
    assert app.get(Customer, b.id).id == a.id


def test_a_plan_of_undoing_writes_nothing(app):
    a, b = people(app, "a", "b")
    address = add(app, Identity(customer_id=b.id, channel="email", value="1"))
    made = merge(app, a, b)
    done = undo(app, KIM, made.id, plan=True)

    assert done.moved == [("identity", address.id, "customer_id")]
    assert app.get(Customer, b.id).id == a.id
    assert app.get(Merge, made.id).status == "applied"


def test_who_went_comes_back_though_the_kept_one_was_deleted(app):
    a, b = people(app, "a", "b", owner="lee")
    theirs, cleared, own = add(
        app,
        Identity(customer_id=b.id, channel="email", value="1"),
        Identity(customer_id=b.id, channel="email", value="2"),
        Identity(customer_id=a.id, channel="email", value="3"),
    )
    talk = add(
        app, Interaction(identity_id=theirs.id, channel="email", happened_at=NOW, subject="x")
    )
    employee = add(app, Customer(name="employee", organization_id=b.id))
    add(app, prefer(a), prefer(b), prefer(b, "sms"))
    with app.transaction() as tx:
        tx.delete(cleared)
    before = everything(app)
    made = merge(app, a, b, take={"name": "keep"})
    with app.transaction() as tx:
        tx.delete(tx.get(Customer, a.id))
    assert app.get(Interaction, talk.id).identity_id is None

    undo(app, KIM, made.id)

    gone = {
        a.id,
        own.id,
        *(id for (_, id), each in before.items() if each.get("customer_id") == a.id),
    }
    assert everything(app) == {key: each for key, each in before.items() if key[1] not in gone}
    assert app.get(Customer, employee.id).organization_id == b.id


def test_what_cannot_be_undone_says_why(app, clock):
    a, b, c, d = people(app, "a", "b", "c", "d")
    made = merge(app, a, b)
    with pytest.raises(CrmError, match="one customer already"):
        merge(app, a, b)
    undo(app, KIM, made.id)
    with pytest.raises(CrmError, match="was undone already"):
        undo(app, KIM, made.id)
    gone = merge(app, c, d)
    with app.transaction() as tx:
        tx.separate(Customer, d.id)
    with pytest.raises(CrmError, match="leads to nobody by now"):
        undo(app, KIM, gone.id)


def test_a_merge_that_the_journal_does_not_know_any_more_stands(app, clock):
    a, b = people(app, "a", "b")
    made = merge(app, a, b)
    run_workers(app, once=True)  # nothing is trimmed that a worker has not seen
    trim(app, clock.tick(days=1))
    with pytest.raises(TrimmedError, match="add the customer anew"):
        undo(app, KIM, made.id)
    assert app.get(Customer, b.id).id == a.id


def test_an_erased_customer_comes_back_without_what_was_erased(app):
    a, b = people(app, "a", "b")
    made = merge(app, a, b, take={"name": "keep"})
    with app.transaction() as tx:
        tx.redact(Customer, [b.id])
    undo(app, KIM, made.id)
    assert app.get(Customer, b.id).name == ""


def test_undoing_is_guarded(open_crm):
    def crm_authorize(kind, writes):
        return [
            each.denial("stays")
            for each in writes
            if kind == "customer" and each.action == "insert" and each.record.name == "b"
        ]

    module = ModuleType("rules")
    module.manifest = Manifest(name="rules")
    module.crm_authorize = hookimpl(crm_authorize)
    app = open_crm(module)
    a, b = people(app, "a", "b")
    made = merge(app, a, b)
    with pytest.raises(Denied, match="stays"):
        undo(app, KIM, made.id)
    assert app.get(Customer, b.id).id == a.id


# Records of plugins that are gone -------------------------------------------------------------------------------


@kind("visit", unique=(("customer_id", "place"),))
class Visit(Record):
    """Of a plugin that is gone when customers are merged."""

    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    place: str = field()
    host_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")


def test_records_of_a_plugin_that_is_gone_move_give_way_and_come_back(open_crm, request):
    if "memory" in request.node.callspec.id:
        pytest.skip("what is in memory goes with the app")
    module = ModuleType("visits")
    module.manifest = Manifest(name="visits")
    module.crm_kinds = hookimpl(lambda: [Visit])
    app = open_crm(module)
    a, b = people(app, "a", "b")
    add(
        app,
        Visit(customer_id=a.id, place="부산", host_id=b.id),
        Visit(customer_id=b.id, place="부산"),
        Visit(customer_id=b.id, place="서울"),
    )
    before = everything(app)
    app.close()

    app = open_crm()
    made = merge(app, a, b)
    assert app.count("visit", where.customer_id == a.id) == 2
    done = undo(app, KIM, made.id)
    assert ([kind for kind, _ in done.restored], len(done.moved)) == (["visit"], 2)
    again = merge(app, a, b)
    with app.transaction() as tx:
        tx.delete(tx.get(Customer, a.id))
    undo(app, KIM, again.id)
    app.close()

    app = open_crm(module)
    assert everything(app) == {
        key: each for key, each in before.items() if a.id not in (key[1], each.get("customer_id"))
    }
