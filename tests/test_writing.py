import threading

import pytest

from crmkit import (
    ConflictError,
    Customer,
    CustomField,
    Denied,
    Identity,
    Interaction,
    InvalidRecords,
    MissingReference,
    NotFound,
    Participant,
    PatchConflict,
    PluginError,
    ReferencedError,
    TransactionError,
    where,
)


def call(crm, customer, clock, **values):
    with crm.transaction() as tx:
        return tx.add(
            Interaction(customer_id=customer.id, channel="phone", happened_at=clock(), **values)
        )


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def test_a_new_record_comes_back_as_stored(app, clock):
    [customer] = add(app, Customer(name="한빛전자", type="organization"))

    assert customer.version == 1
    assert customer.created_at == customer.updated_at == clock()
    assert app.get(Customer, customer.id) == customer


def test_an_exception_takes_everything_back(app):
    with pytest.raises(ZeroDivisionError), app.transaction() as tx:
        tx.add(Customer(name="nobody"))
        raise ZeroDivisionError

    assert app.count(Customer) == 0


def test_a_transaction_reads_its_own_writes(app):
    with app.transaction() as tx:
        customer = tx.add(Customer(name="Kim"))
        assert tx.get(Customer, customer.id).name == "Kim"
        assert tx.count(Customer, where.name == "Kim") == 1
        assert list(tx.page(Customer, order="name")) == list(tx.find(Customer)) == [customer]
        assert list(tx.search("kim")) == [customer]
        assert [total.count for total in tx.totals(Customer)] == [1]


def test_two_people_change_different_fields_and_both_are_kept(app):
    [customer] = add(app, Customer(name="Kim"))

    with app.acting("a").transaction() as tx:
        tx.update(customer.evolve(owner="lee"))
    with app.acting("b").transaction() as tx:
        merged = tx.update(customer.evolve(country="KR"))

    assert (merged.owner, merged.country, merged.version) == ("lee", "KR", 3)


def test_a_clash_shows_mine_theirs_and_the_original(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.acting("a").transaction() as tx:
        tx.update(customer.evolve(name="Kim Chul-su", owner="lee"))

    with pytest.raises(ConflictError) as caught, app.acting("b").transaction() as tx:
        tx.update(customer.evolve(name="김철수"))

    assert caught.value.clashes == {"name": ("김철수", "Kim Chul-su", "Kim")}
    assert (caught.value.expected, caught.value.actual) == (1, 2)


def test_the_same_change_twice_is_no_clash(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.transaction() as tx:
        tx.update(customer.evolve(name="Lee"))
    with app.transaction() as tx:
        again = tx.update(customer.evolve(name="Lee"))

    assert again.version == 2


@pytest.mark.parametrize("meanwhile", [{"owner": "lee"}, {"owner": "kim"}, {"country": "KR"}])
def test_a_strict_update_keeps_nothing_of_what_anybody_has_changed(app, meanwhile):
    [customer, other] = add(app, Customer(name="Kim"), Customer(name="Park"))
    with app.transaction() as tx:
        taken = tx.update(customer.evolve(owner="kim"), strict=True)
        assert tx.update(taken.evolve(owner=None), strict=True).version == 3
        stale = tx.update(other.evolve(**meanwhile))

    with app.transaction() as tx:
        with pytest.raises(ConflictError) as caught:
            tx.update_all([taken.evolve(version=3), other.evolve(owner="kim")], strict=True)
        assert tx.update(stale.evolve(owner="choi"), strict=True).version == 3

    assert (caught.value.id, caught.value.expected, caught.value.actual) == (other.id, 1, 2)
    assert caught.value.clashes == {}
    assert app.get(Customer, customer.id).version == 3


def test_merging_by_field_goes_back_over_many_versions_and_added_fields(app):
    add(app, CustomField(on="customer", name="tier"))
    [customer] = add(app, Customer(name="Kim"))
    for number in range(5):
        with app.transaction() as tx:
            tx.update(tx.get(Customer, customer.id).evolve(owner=f"o{number}"))

    with app.transaction() as tx:
        merged = tx.update(customer.set("custom.tier", "gold").evolve(country="KR"))

    assert (merged["custom.tier"], merged.owner, merged.country) == ("gold", "o4", "KR")


def test_guards_run_again_on_what_was_merged(open_crm, plugin):
    seen = []

    def validate(kind, writes):
        for write in writes:
            seen.append((write.record.owner, write.record.country))
            if write.record.owner == "lee" and write.record.country == "KR":
                yield write.problem("country", "lee has no customers in Korea")

    crm = open_crm(plugin("rules", crm_validate=validate))
    [customer] = add(crm, Customer(name="Kim"))
    with crm.transaction() as tx:
        tx.update(customer.evolve(owner="lee"))

    with pytest.raises(InvalidRecords, match="lee has no customers") as caught:  # noqa: SIM117
        with crm.transaction() as tx:
            tx.update(customer.evolve(country="KR"))

    assert caught.value.problems[0].plugin == "rules"
    assert seen[-1] == ("lee", "KR")


def test_an_update_that_changes_nothing_leaves_no_change(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.transaction() as tx:
        assert tx.update(customer) == customer

    assert len(app.history(Customer, customer.id)) == 1


def test_updating_what_was_deleted_is_a_conflict(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.transaction() as tx:
        tx.delete(customer)

    with pytest.raises(ConflictError, match="is gone"), app.transaction() as tx:
        tx.update(customer.evolve(name="Lee"))


def test_versions_go_on_after_a_delete_and_an_insert(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.transaction() as tx:
        tx.delete(customer)
    [again] = add(app, Customer(id=customer.id, name="Kim"))

    assert again.version == 3
    assert [c.action for c in app.history(Customer, customer.id)] == ["insert", "delete", "insert"]


def test_bad_values_are_all_named_and_the_transaction_goes_on(app, clock):
    with app.transaction() as tx:
        with pytest.raises(InvalidRecords) as caught:
            tx.add(Interaction(channel=7, happened_at=clock(), subject="a\0b", body="\ud800"))
        fine = tx.add(Customer(name="Kim"))

    assert [problem.field for problem in caught.value.problems] == ["channel", "subject", "body"]
    assert app.get(Customer, fine.id) == fine


@pytest.mark.parametrize("name", ["x" * 10_000_000, "a\0", "\udcff"])
def test_what_no_database_can_hold_is_refused_with_a_sentence(app, name):
    with pytest.raises(InvalidRecords, match=r"customer\.name: "), app.transaction() as tx:
        tx.add(Customer(name=name))


def test_a_reference_to_nothing_is_refused(app, clock):
    with pytest.raises(MissingReference) as caught, app.transaction() as tx:
        tx.add(Interaction(customer_id="nobody", channel="x", happened_at=clock()))

    assert (caught.value.field, caught.value.target_id) == ("customer_id", "nobody")


def test_after_a_failed_write_nothing_can_be_kept(app, clock):
    with pytest.raises(TransactionError, match="failed"), app.transaction() as tx:
        tx.add(Customer(name="Kim"))
        with pytest.raises(MissingReference):
            tx.add(Interaction(customer_id="nobody", channel="x", happened_at=clock()))

    assert app.count(Customer) == 0


def test_transactions_do_not_nest_and_the_app_is_not_used_around_them(app):
    with app.transaction() as tx:
        with pytest.raises(TransactionError, match="through it"):
            app.count(Customer)
        with pytest.raises(TransactionError, match="through it"), app.transaction():
            pass
        assert tx.count(Customer) == 0


def test_a_transaction_that_is_over_says_so(app):
    with app.transaction() as tx:
        pass
    with pytest.raises(TransactionError, match="is over"):
        tx.count(Customer)
    with pytest.raises(TransactionError, match="is over"):
        tx.add(Customer(name="Kim"))


def test_all_changes_of_a_transaction_are_of_one_time(app, clock):
    with app.transaction() as tx:
        first = tx.add(Customer(name="one"))
        clock.tick(seconds=5)
        second = tx.add(Customer(name="two"))

    assert first.created_at == second.created_at
    assert len({change.at for change in app.changes()}) == 1


def test_a_change_of_an_old_version_is_merged_with_what_came_since(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.transaction() as tx:
        tx.update(customer.evolve(owner="lee"))
    with app.transaction() as tx:
        merged = tx.update(tx.at_version(Customer, customer.id, 1).evolve(country="KR"))
    assert (merged.owner, merged.country) == ("lee", "KR")

    with pytest.raises(ConflictError), app.transaction() as tx:
        tx.update(tx.at_version(Customer, customer.id, 1).evolve(owner="park"))


def test_a_record_is_put_back_to_a_version(app):
    [customer] = add(app, Customer(name="Kim", owner="lee"))
    for values in ({"name": "Park"}, {"owner": None, "country": "KR"}):
        with app.transaction() as tx:
            tx.update(tx.get(Customer, customer.id).evolve(**values))
    with app.transaction() as tx:
        back = tx.revert(Customer, customer.id, 1)

    assert (back.name, back.owner, back.country, back.version) == ("Kim", "lee", None, 4)
    with pytest.raises(NotFound, match="at version 9"), app.transaction() as tx:
        tx.revert(Customer, customer.id, 9)


# Deleting --------------------------------------------------------------------------------------------------------


def test_delete_refuses_clears_and_cascades(app, clock):
    [customer] = add(app, Customer(name="Kim"))
    [identity] = add(app, Identity(customer_id=customer.id, channel="email", value="a@b.example"))
    talk = call(app, customer, clock, identity_id=identity.id)
    with pytest.raises(ReferencedError) as caught, app.transaction() as tx:
        tx.delete(customer)
    assert (caught.value.by, caught.value.field, caught.value.by_id) == (
        "interaction",
        "customer_id",
        talk.id,
    )

    with app.transaction() as tx:
        tx.update(talk.evolve(customer_id=None))
        tx.delete(customer)

    assert app.count(Identity) == 0
    assert app.get(Interaction, talk.id).identity_id is None


def test_records_that_refer_to_each_other_can_be_deleted(app):
    [one] = add(app, Customer(name="one"))
    [two] = add(app, Customer(name="two", organization_id=one.id))
    with app.transaction() as tx:
        one = tx.update(one.evolve(organization_id=two.id))
    with app.transaction() as tx:
        tx.delete_all([one, tx.get(Customer, two.id)])

    assert app.count(Customer) == 0


def test_deleting_a_stale_record_is_a_conflict(app):
    [customer] = add(app, Customer(name="Kim"))
    with app.transaction() as tx:
        tx.update(customer.evolve(owner="lee"))
    with pytest.raises(ConflictError), app.transaction() as tx:
        tx.delete(customer)
    assert app.count(Customer) == 1


# Guards ----------------------------------------------------------------------------------------------------------


def test_prepare_patches_and_adds_records_that_pass_the_same_guards(open_crm, plugin, clock):
    def prepare(kind, writes):
        for write in writes:
            if kind == "customer" and write.action == "insert":
                yield write.patch(country="KR")
                yield Interaction(
                    customer_id=write.record.id, channel="note", happened_at=clock(), subject="new"
                )

    guarded = []

    def validate(tx, kind, writes):
        guarded.append((kind, len(writes)))
        for write in writes:
            if kind == "interaction":
                assert tx.get(Customer, write.record.customer_id).country == "KR"
        return ()

    crm = open_crm(plugin("welcome", crm_prepare=prepare, crm_validate=validate))
    added = add(crm, *(Customer(name=str(number)) for number in range(3)))

    assert {customer.country for customer in added} == {"KR"}
    assert crm.count(Interaction, where.subject == "new") == 3
    assert guarded == [("customer", 3), ("interaction", 3)]


def test_a_deep_chain_of_prepared_records_ends(open_crm, plugin, clock):
    def prepare(kind, writes):
        for write in writes:
            depth = int(write.record.name)
            if kind == "customer" and depth < limit:
                yield Customer(name=str(depth + 1))

    crm = open_crm(plugin("chain", crm_prepare=prepare))
    limit = 7
    add(crm, Customer(name="0"))
    assert crm.count(Customer) == 8

    limit = 100
    with pytest.raises(PluginError, match="8 rounds deep"):
        add(crm, Customer(name="0"))
    assert crm.count(Customer) == 8


def test_two_values_for_one_field_are_a_conflict_naming_both(open_crm, plugin):
    def patches(value):
        def prepare(kind, writes):
            return [write.patch(country=value) for write in writes]

        return prepare

    crm = open_crm(
        plugin("north", crm_prepare=patches("KP")), plugin("south", crm_prepare=patches("KR"))
    )
    with pytest.raises(PatchConflict, match=r"north.*south"):
        add(crm, Customer(name="Kim"))


def test_all_problems_of_all_plugins_come_in_one_error(open_crm, plugin):
    def objects(text):
        return lambda writes: [write.problem("name", text) for write in writes]

    crm = open_crm(plugin("b", crm_validate=objects("2")), plugin("a", crm_validate=objects("1")))
    with pytest.raises(InvalidRecords) as caught:
        add(crm, Customer(name="x"), Customer(name="y"))

    assert [(p.plugin, p.text) for p in caught.value.problems] == [
        ("a", "1"),
        ("a", "1"),
        ("b", "2"),
        ("b", "2"),
    ]


def test_a_denial_names_actor_and_reason(open_crm, plugin):
    def authorize(kind, writes, actor):
        if actor.id == "intern":
            return [write.denial("interns only read") for write in writes]

    crm = open_crm(plugin("roles", crm_authorize=authorize))
    with pytest.raises(Denied, match=r"intern may not do this: .*interns only read"):
        add(crm.acting("intern"), Customer(name="x"))
    add(crm.acting("boss"), Customer(name="x"))


def test_a_failing_guard_refuses_the_write_and_is_named(open_crm, plugin):
    def validate(kind, writes):
        return 1 / 0

    crm = open_crm(plugin("broken", crm_validate=validate))
    with pytest.raises(PluginError, match=r"broken.*crm_validate.*ZeroDivisionError"):
        add(crm, Customer(name="x"))
    assert crm.count(Customer) == 0


def test_a_guard_that_reads_around_the_transaction_gets_a_sentence(open_crm, plugin):
    app = []

    def validate(kind, writes):
        app[0].count(Customer)

    app.append(open_crm(plugin("around", crm_validate=validate)))
    with pytest.raises(TransactionError, match="through it"):
        add(app[0], Customer(name="x"))


def test_a_guard_answers_only_what_its_hook_takes(open_crm, plugin):
    crm = open_crm(plugin("odd", crm_validate=lambda writes: ["no"]))
    with pytest.raises(PluginError, match=r"odd.*'no'.*crm_validate"):
        add(crm, Customer(name="x"))


def test_a_rule_over_several_records_holds_under_a_lock(open_crm, plugin):
    def validate(tx, kind, writes):
        if kind == "customer":
            tx.lock("at most three customers")
            if tx.count(Customer) + len(writes) > 3:
                yield writes[0].problem(None, "three customers are enough")

    crm = open_crm(plugin("few", crm_validate=validate))
    refused = []

    def write(number):
        try:
            add(crm, Customer(name=str(number)))
        except InvalidRecords:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert crm.count(Customer) == 3
    assert len(refused) == 5


def test_observers_hear_of_commits_alone_and_their_failures_are_counted(open_crm, plugin):
    heard = []

    def committed(crm, changes, actor):
        heard.append([(c.kind, c.action, actor.id, c.position > 0) for c in changes])

    def fails(changes):
        raise ValueError("no")

    crm = open_crm(plugin("a_fails", crm_committed=fails), plugin("b", crm_committed=committed))
    add(crm.acting("kim"), Customer(name="x"))
    with pytest.raises(ZeroDivisionError), crm.transaction() as tx:
        tx.add(Customer(name="y"))
        raise ZeroDivisionError

    assert heard == [[("customer", "insert", "kim", True)]]
    assert crm.observer_failures == {"a_fails": 1}


def test_observers_that_set_each_other_off_are_stopped(open_crm, plugin):
    def committed(crm, changes):
        with crm.transaction() as tx:
            tx.add(Customer(name="again"))

    crm = open_crm(plugin("echo", crm_committed=committed))
    add(crm, Customer(name="x"))

    assert crm.count(Customer) == 9
    assert crm.observer_failures["echo"] == 1
    depths = {c.cause.depth for c in crm.changes() if c.cause}
    assert depths == set(range(1, 9))


# Identities ------------------------------------------------------------------------------------------------------


def test_an_identity_is_normalised_on_every_write(open_crm, plugin):
    def normalise(channel, value, region):
        return f"{region}:{value.replace('-', '')}" if channel == "phone" else None

    crm = open_crm(plugin("phones", crm_normalise=normalise))
    [phone, mail] = add(
        crm,
        Identity(channel="phone", value="010-1234-5678"),
        Identity(channel="email", value=" Kim@Example.COM "),
    )
    assert (phone.normalised, mail.normalised) == ("KR:01012345678", "kim@example.com")

    with crm.transaction() as tx:
        changed = tx.update(phone.evolve(value="02-1"))
    assert changed.normalised == "KR:021"


def test_two_normalisers_that_disagree_are_a_conflict(open_crm, plugin):
    crm = open_crm(
        plugin("one", crm_normalise=lambda value: "1"),
        plugin("two", crm_normalise=lambda value: "2"),
    )
    with pytest.raises(PatchConflict, match=r"one.*two"):
        add(crm, Identity(channel="email", value="x"))


# Merging and redacting -------------------------------------------------------------------------------------------


def test_a_merge_moves_every_reference_and_the_old_id_leads_on(app, clock):
    keep, lose = add(app, Customer(name="Kim"), Customer(name="Kim, again"))
    [identity] = add(app, Identity(customer_id=lose.id, channel="email", value="k@x.example"))
    talk = call(app, lose, clock)
    add(app, Participant(interaction_id=talk.id, customer_id=lose.id))
    add(app, Customer(name="employee", organization_id=lose.id))

    with app.transaction() as tx:
        kept = tx.merge(keep.evolve(owner="lee"), lose)

    assert app.get(Customer, lose.id) == kept
    assert kept.owner == "lee"
    for kind in (Identity, Interaction, Participant):
        assert [r.customer_id for r in app.find(kind)] == [keep.id]
    assert app.count(Customer, where.organization_id == keep.id) == 1
    assert app.get(Identity, identity.id).version == 2


def test_ids_lead_on_through_several_merges(app):
    one, two, three = add(app, *(Customer(name=name) for name in "123"))
    with app.transaction() as tx:
        two = tx.merge(two, one)
    with app.transaction() as tx:
        tx.merge(three, two)

    assert {app.get(Customer, each.id).name for each in (one, two, three)} == {"3"}


def test_a_stale_loser_is_not_merged(app):
    keep, lose = add(app, Customer(name="a"), Customer(name="b"))
    with app.transaction() as tx:
        tx.update(lose.evolve(owner="lee"))
    with pytest.raises(ConflictError), app.transaction() as tx:
        tx.merge(keep, lose)
    assert app.count(Customer) == 2


def test_a_redaction_takes_values_out_everywhere(app):
    [customer] = add(app, Customer(name="김비밀"))
    with app.transaction() as tx:
        tx.update(customer.evolve(name="김비밀둘"))
    with app.transaction() as tx:
        tx.redact(Customer, [customer.id])

    assert app.get(Customer, customer.id).name == ""
    assert not app.search("비밀").records
    assert "비밀" not in repr(app.history(Customer, customer.id))
    last = app.history(Customer, customer.id)[-1]
    assert (last.action, last.version, set(last.delta)) == ("redact", 3, {"name"})


def test_a_deleted_record_is_redacted_too(app):
    [customer] = add(app, Customer(name="김비밀", owner="lee"))
    with app.transaction() as tx:
        tx.delete(customer)
    with app.transaction() as tx:
        tx.redact(Customer, [customer.id])

    assert "비밀" not in repr(app.history(Customer, customer.id))
    assert "lee" in repr(app.history(Customer, customer.id))
    with pytest.raises(NotFound):
        app.get(Customer, customer.id)


def test_redacting_what_never_was_is_refused(app):
    with pytest.raises(NotFound), app.transaction() as tx:
        tx.redact(Customer, ["never"])


# Custom fields ---------------------------------------------------------------------------------------------------


def test_people_add_fields_at_run_time(app):
    add(
        app,
        CustomField(
            on="customer", name="tier", type="choice", choices=("gold", "silver"), index=True
        ),
        CustomField(on="customer", name="motto", search=True),
    )
    [customer] = add(
        app, Customer(name="Kim").set("custom.tier", "gold").set("custom.motto", "환불은 없다")
    )

    assert app.get(Customer, customer.id)["custom.tier"] == "gold"
    assert app.count(Customer, where["custom.tier"] == "gold") == 1
    assert [r.id for r in app.search("환불")] == [customer.id]
    with pytest.raises(InvalidRecords, match=r"custom\.tier"):
        add(app, Customer(name="Lee").set("custom.tier", "bronze"))
    with pytest.raises(InvalidRecords, match=r"did you mean 'custom\.tier'"):
        add(app, Customer(name="Lee").set("custom.tire", "gold"))


@pytest.mark.parametrize(
    "definition",
    [
        CustomField(on="nothing", name="x"),
        CustomField(on="customer", name="Not A Name"),
        CustomField(on="customer", name="x", type="choice"),
    ],
)
def test_a_definition_that_makes_no_field_is_refused(app, definition):
    with pytest.raises(InvalidRecords):
        add(app, definition)


def test_a_part_of_a_transaction_is_undone_alone(app):
    with app.transaction() as tx:
        tx.add(Customer(name="kept"))
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            tx.add(Customer(name="lost"))
            raise ZeroDivisionError
        with pytest.raises(MissingReference), tx.savepoint():
            tx.add(Identity(customer_id="nobody", channel="email", value="a@b.example"))
        tx.add(Customer(name="also kept"))

    assert sorted(each.name for each in app.find(Customer)) == ["also kept", "kept"]


def test_a_failed_write_that_was_caught_ends_its_part_of_the_transaction(app):
    with app.transaction() as tx:
        with (
            pytest.raises(TransactionError),
            tx.savepoint(),
            pytest.raises(MissingReference),
        ):
            tx.add(Identity(customer_id="nobody", channel="email", value="a@b.example"))
        tx.add(Customer(name="kept"))

    assert [each.name for each in app.find(Customer)] == ["kept"]


def test_what_a_transaction_has_deleted_may_come_back_in_it(app):
    with app.transaction() as tx:
        customer = tx.add(Customer(name="Kim"))
        tx.delete(customer)
        again = tx.add(Customer(id=customer.id, name="Kim again"))
    assert again.version == 3
    assert [each.version for each in app.history(Customer, customer.id)] == [1, 2, 3]


def test_an_id_that_was_there_before_goes_on_from_its_last_version(app):
    with app.transaction() as tx:
        customer = tx.add(Customer(name="Kim"))
    with app.transaction() as tx:
        tx.delete(customer)
    with app.transaction() as tx:
        assert tx.add(Customer(id=customer.id, name="Kim again")).version == 3
