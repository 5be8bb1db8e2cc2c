"""Plans: nothing is written, applying does just that, and a changed file or record is noticed."""

import pytest
from crmkit_exchange.importing.planning import PlanChanged

from crmkit import Customer, where

TABLE = "id,name,email\n1,Kim,kim@a.example\n2,Lee,lee@a.example\n3,,\n"


def test_a_plan_writes_nothing(bring, crm):
    path = bring.write("people.csv", TABLE)
    position = crm.storage.position()

    plan, outcomes = bring.plan(path)

    assert [each.action for each in outcomes] == ["create", "create", "invalid"]
    assert plan.counts[0].created == 2
    assert crm.storage.position() == position
    assert crm.count(Customer) == 0


def test_a_plan_is_the_same_each_time(bring):
    path = bring.write("people.csv", TABLE)

    assert bring.plan(path)[0] == bring.plan(path)[0]


def test_applying_does_what_the_plan_said(bring, crm):
    bring.text("id,name,email\n2,Lee old,lee@a.example\n")
    path = bring.write("people.csv", TABLE)
    plan, outcomes = bring.plan(path)

    [(run, counts)] = bring.apply(plan.token, path)

    assert counts == plan.counts[0]
    assert (run.status, run.created, run.updated, run.invalid) == ("done", 1, 1, 1)
    titles = {each.title for each in outcomes if each.action != "invalid"}
    assert titles == {each.name for each in crm.find(Customer)}
    assert [each.action for each in bring.plan(path)[1]] == ["skip", "skip", "invalid"]


def test_a_later_file_of_a_plan_sees_what_an_earlier_one_brings(bring):
    companies = bring.write("companies.csv", "id,name,email\n12,한빛전자,info@hanbit.example\n")
    people = bring.write("people.csv", "id,name,email,company\n1,Kim,k@a.example,한빛전자\n")

    _, outcomes = bring.plan(companies, people)

    assert [each.action for each in outcomes] == ["create", "create"]
    assert outcomes[1].notes == () or "not here" not in " ".join(outcomes[1].notes)


@pytest.mark.parametrize("change", ["file", "option", "record", "deleted"])
def test_a_plan_is_refused_when_something_changed_since(bring, crm, change):
    bring.text("id,name,email\n2,Lee,lee@a.example\n")
    path = bring.write("people.csv", TABLE.replace("Lee", "Lee new"))
    plan, _ = bring.plan(path)
    said = {}
    [lee] = crm.find(Customer, where.name == "Lee")
    if change == "file":
        bring.write("people.csv", TABLE.replace("Kim", "Kimm"))
    elif change == "option":
        said = {"region": "US"}
    else:
        with crm.transaction() as tx:
            tx.update(lee.evolve(owner="x")) if change == "record" else tx.delete(lee)
    position = crm.storage.position()

    with pytest.raises(PlanChanged, match="--plan"):
        bring.apply(plan.token, path, **said)

    assert crm.storage.position() == position
