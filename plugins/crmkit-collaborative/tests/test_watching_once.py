"""What is new since a position: for scripts, on every database, and no more than the actor may read."""

import json
from types import ModuleType

import pytest
from crmkit_collaborative.kinds import Team
from crmkit_collaborative.watching.following import windows
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    CustomField,
    Interaction,
    Manifest,
    Restriction,
    TrimmedError,
    hookimpl,
    where,
)


def rules():
    """A plugin by which the desk sees only its own customers, and of these no country."""
    module = ModuleType("rules")
    module.manifest = Manifest(name="rules")

    @hookimpl
    def crm_restrict(actor, kind):
        if actor.id != "desk":
            return None
        if kind == "customer":
            return Restriction([where.owner == "desk"], masked={"country"})
        return (
            Restriction([where["customer_id.owner"] == "desk"]) if kind == "interaction" else None
        )

    module.crm_restrict = crm_restrict
    return module


@pytest.fixture
def crm(open_crm):
    return open_crm(rules())


def lines(run, *arguments, code=0):
    shown = run("watch", "--once", *arguments, "--format", "json", code=code).stdout
    return [json.loads(each) for each in shown.splitlines()]


@pytest.fixture
def kim(crm):
    """A customer of the desk with a contact, and one of somebody else with one."""
    with crm.acting("boss").transaction() as tx:
        kim, lee = tx.add_all([Customer(name="한빛전자", owner="desk"), Customer(name="Lee", owner="other")])  # fmt: skip
        tx.add_all(Interaction(customer_id=each.id, channel="phone", happened_at=crm.now(), subject=f"환불 {each.name}") for each in (kim, lee))  # fmt: skip
    with crm.acting("park").transaction() as tx:
        return tx.update(kim.evolve(country="KR", name="한빛"))


def test_each_change_is_a_document_on_a_line(crm_cli, kim):
    found = lines(crm_cli)

    assert [(each["who"], each["action"], each["kind"], each["title"]) for each in found] == [
        ("boss", "insert", "customer", "한빛"),
        ("boss", "insert", "customer", "Lee"),
        ("boss", "insert", "interaction", "환불 한빛전자"),
        ("boss", "insert", "interaction", "환불 Lee"),
        ("park", "update", "customer", "한빛"),
    ]
    assert found[-1]["changes"] == {"name": ["한빛전자", "한빛"], "country": [None, "KR"]}


def test_scripts_go_on_where_they_were(crm_cli, crm, kim):
    told = crm_cli("watch", "--once", "--lang", "en").stderr
    position = told.strip().rpartition(" ")[2]

    assert lines(crm_cli, "--after", position) == []
    with crm.transaction() as tx:
        tx.delete(tx.add(Team(name="1차 상담")))
    assert [(each["action"], each["title"]) for each in lines(crm_cli, "--after", position)] == [
        ("insert", "1차 상담"),
        ("delete", "1차 상담"),
    ]
    assert lines(crm_cli, "--after", "999999") == []


def test_only_what_is_a_customers(crm_cli, crm, kim):
    contact = next(crm.find(Interaction, where.customer_id == kim.id))
    with crm.transaction() as tx:
        tx.update(contact.evolve(outcome="resolved"))
        tx.delete(tx.get(Interaction, contact.id))

    found = lines(crm_cli, "--customer", kim.id)

    assert [(each["kind"], each["action"]) for each in found] == [
        ("customer", "insert"),
        ("interaction", "insert"),
        ("customer", "update"),
        ("interaction", "update"),
        ("interaction", "delete"),
    ]
    assert found == lines(crm_cli, "--customer", kim.id, "--kind", "customer", "--kind", "interaction")  # fmt: skip
    assert lines(crm_cli, "--customer", kim.id, "--kind", "team") == []


def test_what_was_a_customers_and_is_anothers_now_shows_with_both(crm_cli, crm, kim):
    lee = next(crm.find(Customer, where.name == "Lee"))
    position = crm.storage.position()
    with crm.transaction() as tx:
        contact = next(tx.find(Interaction, where.customer_id == kim.id))
        tx.update(contact.evolve(customer_id=lee.id))

    for customer in (kim, lee):
        assert len(lines(crm_cli, "--customer", customer.id, "--after", str(position))) == 1


# People ---------------------------------------------------------------------------------------------------------


def test_people_get_aligned_lines(crm_cli, kim):
    shown = crm_cli("watch", "--once", "--lang", "en").stdout.splitlines()

    assert shown[0] == "2026-03-01 18:00  boss              Customer      한빛                          insert"  # fmt: skip
    assert shown[-1].endswith("Name: 한빛전자 → 한빛, Country: - → KR")


def test_it_speaks_korean(crm_cli, kim):
    shown = crm_cli("watch", "--once", "--lang", "ko").stdout.splitlines()

    assert "고객" in shown[0]
    assert "등록" in shown[0]
    assert "이름: 한빛전자 → 한빛, 국가: - → KR" in shown[-1]
    assert "사용법" in crm_cli("watch", "--help", "--lang", "ko").output


def test_what_a_terminal_would_obey_is_written_out(crm_cli, crm):
    with crm.acting("a\x1b[31m").transaction() as tx:
        made = tx.add(Customer(name="x\x1b[2J\ny"))
        tx.update(made.evolve(owner="\u202eevil"))

    shown = crm_cli("watch", "--once").stdout

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count("\n") == 2


def test_spreadsheets_get_rows(crm_cli, kim):
    shown = crm_cli("watch", "--once", "--format", "csv").stdout.splitlines()

    assert shown[0] == "position,at,who,action,kind,id,title,fields"
    assert shown[-1].endswith('한빛,"name, country"')


def test_a_field_that_somebody_adds_meanwhile_is_named(crm_cli, crm, kim):
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier", caption="등급"))
    with crm.transaction() as tx:
        tx.update(tx.get(Customer, kim.id).set("custom.tier", "gold"))

    assert "등급: - → gold" in crm_cli("watch", "--once", "--kind", "customer").stdout


# Restriction ----------------------------------------------------------------------------------------------------


def test_what_may_not_be_read_neither_shows_nor_matches(crm_cli, crm, kim):
    lee = next(crm.find(Customer, where.name == "Lee"))

    found = lines(crm_cli, "--actor", "desk")

    assert [each["title"] for each in found] == ["한빛", "환불 한빛전자", "한빛"]
    assert found[-1]["changes"]["country"] == ["•••", "•••"]
    assert "Lee" not in crm_cli("watch", "--once", "--actor", "desk").stdout
    crm_cli("watch", "--once", "--customer", lee.id, "--actor", "desk", code=3)


def test_what_is_deleted_is_not_told_to_who_sees_only_some(crm_cli, crm, kim):
    position = str(crm.storage.position())
    with crm.transaction() as tx:
        for each in tx.find(Interaction):
            tx.delete(each)

    assert len(lines(crm_cli, "--after", position)) == 2
    assert lines(crm_cli, "--after", position, "--actor", "desk") == []


def test_many_changes_that_may_not_be_read_do_not_stop_it(crm):
    with crm.transaction() as tx:
        tx.add_all(Customer(name=str(number), owner="other") for number in range(7))
        tx.add(Customer(name="last", owner="desk"))

    found = list(windows(crm, crm.acting("desk"), 0, size=3))

    assert [each.title for window in found for each in window.seen] == ["last"]
    assert [len(window.seen) for window in found] == [1, 0]
    assert found[-1].position == crm.storage.position()


# Laws, and bad input --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=12), st.integers(1, 5), st.integers(0, 12))  # fmt: skip
def test_windows_of_any_size_have_each_change_once_in_order(steps, size, after):
    with CRM.open("memory://", plugins=["collaborative", rules()], config=Config()) as crm:
        for which, owner in steps:
            with crm.transaction() as tx:
                found = list(tx.find(Customer, where.name == str(which)))
                named = ("desk", "other", None)[owner]
                if found and found[0].owner == named:
                    tx.delete(found[0])
                elif found:
                    tx.update(found[0].evolve(owner=named))
                else:
                    tx.add(Customer(name=str(which), owner=named))

        for handle in (crm, crm.acting("desk")):
            found = list(windows(crm, handle, after, size=size))
            seen = [each.change for window in found for each in window.seen]
            assert seen == handle.changes(after)
            assert found[-1].position == max(after, crm.storage.position())
            assert [each.more for each in found] == [True] * (len(found) - 1) + [False]


def test_what_was_trimmed_says_from_where_on_it_is_known(crm, kim, clock):
    from crmkit.trimming import trim
    from crmkit.worker import run_workers

    # The last change of a record stays, so that there must be a later one.
    before = crm.storage.position() - 1
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.update(kim.evolve(country="DE"))
    run_workers(crm, once=True)  # nothing is trimmed that a worker has not seen
    trim(crm, clock.tick())

    with pytest.raises(TrimmedError, match="begin again with 0"):
        list(windows(crm, crm, before))
    with crm.transaction() as tx:
        tx.add(Customer(name="new"))
    assert [each.title for window in windows(crm, crm, 0) for each in window.seen] == ["new"]


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (["--kind", "custmer"], "did you mean 'customer'", 1),
        (["--customer", "gone"], "there is no customer 'gone'", 3),
        (["--after", "-1"], "--after", 2),
    ],
)
def test_bad_input_gets_one_sentence(crm_cli, options, told, code):
    assert told in crm_cli("watch", "--once", *options, code=code).stderr
