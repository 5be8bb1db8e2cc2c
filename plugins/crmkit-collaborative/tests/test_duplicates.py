"""Duplicates in a database: found in one run, noticed as they come, ruled out, and never shown to who may not see."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from crmkit_collaborative.duplicates.comparing import Frequencies, compare
from crmkit_collaborative.duplicates.finding import find
from crmkit_collaborative.duplicates.people import person
from crmkit_collaborative.duplicates.ruling import rule_out
from crmkit_collaborative.duplicates.scoring import score, zone
from crmkit_collaborative.kinds import Duplicate, NotSame
from crmkit_collaborative.settings import Settings

from crmkit import (
    CrmError,
    Customer,
    CustomField,
    Identity,
    Manifest,
    NotFound,
    Restriction,
    hookimpl,
    where,
)
from crmkit.worker import run_workers

SHY = ModuleType("shy")
SHY.manifest = Manifest("shy")


@hookimpl
def crm_restrict(actor, kind):
    if actor.id == "lee" and kind == "customer":
        return Restriction((where.owner == "lee",))
    if actor.id == "lee" and kind == "identity":
        return Restriction((where.customer_id.owner == "lee",))
    if actor.id == "blind" and kind == "identity":
        return Restriction(masked=("value", "normalised"))
    return None


SHY.crm_restrict = crm_restrict


def add(tx, name, email=None, phone=None, **more):
    found = tx.add(Customer(name=name, **more))
    for channel, value in (("email", email), ("phone", phone)):
        if value is not None:
            tx.add(Identity(customer_id=found.id, channel=channel, value=value))
    return found


@pytest.fixture
def twice(open_crm):
    crm = open_crm(SHY)
    with crm.transaction() as tx:
        a = add(tx, "김철수", "kim@b.example", "01012345678", owner="lee")
        b = add(tx, "철수 김", "KIM@b.example", owner="park")
        add(tx, "이영희", "lee@b.example", owner="lee")
    return crm, a, b


def pairs(crm, **settings):
    return [
        (each.score.a, each.score.b, each.zone) for each in find(crm, Settings(**settings)).found
    ]


def test_found_in_one_run(twice):
    crm, a, b = twice
    assert pairs(crm) == [(*sorted((a.id, b.id)), "auto")]


def test_not_the_same_is_remembered(twice):
    crm, a, b = twice
    one, other = sorted((a.id, b.id))
    with crm.transaction() as tx:
        tx.add(NotSame(a_id=one, b_id=other, reason="형제"))
    assert pairs(crm) == []
    run_workers(crm, once=True)
    assert crm.count(Duplicate) == 0


def test_what_the_reader_may_not_see_does_not_match(twice):
    crm, *_ = twice
    found = find(crm.acting("lee"), Settings())
    assert (found.size, found.compared, found.found) == (2, 0, ())


def test_masked_addresses_do_not_match(twice):
    crm, *_ = twice
    found = find(crm.acting("blind"), Settings())
    assert all(part.of != "email" for each in found.found for part in each.score.parts)


def test_fields_that_people_added_are_compared(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="birthday", type="date"))
    from datetime import date

    with crm.transaction() as tx:
        for day in (2, 2, 9):
            tx.add(Customer(name="김철수").set("custom.birthday", date(1980, 1, day)))
    scores = [each.score for each in find(crm, Settings(review=0.0)).found]
    assert {part.of for each in scores for part in each.parts} == {"name", "custom.birthday"}
    assert scores[0].value > scores[1].value == scores[2].value
    assert {
        p.of
        for s in find(crm, Settings(review=0.0, compare=("country",))).found
        for p in s.score.parts
    } == {"name"}


def test_noticed_as_they_come_and_gone_when_they_differ(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        a = add(tx, "김철수", "kim@b.example")
    run_workers(crm, once=True)
    assert crm.count(Duplicate) == 0
    with crm.transaction() as tx:
        b = add(tx, "김철수", "kim@b.example")
    run_workers(crm, once=True)
    [kept] = crm.find(Duplicate)
    assert {kept.a_id, kept.b_id} == {a.id, b.id}
    assert kept.zone == "auto"
    with crm.transaction() as tx:
        tx.update(b.evolve(name="박영희"))
        [own] = tx.find(Identity, where.customer_id == b.id)
        tx.update(own.evolve(value="park@b.example"))
    run_workers(crm, once=True)
    assert crm.count(Duplicate) == 0


def test_a_merge_settles_it(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        a, b = (add(tx, "김철수", "kim@b.example") for _ in "ab")
    run_workers(crm, once=True)
    assert crm.count(Duplicate) == 1
    with crm.transaction() as tx:
        tx.merge(tx.get(Customer, a.id), tx.get(Customer, b.id))
    run_workers(crm, once=True)
    assert crm.count(Duplicate) == 0


# In the terminal ------------------------------------------------------------------------------------------------


@pytest.fixture
def known(crm):
    with crm.transaction() as tx:
        return [add(tx, name, "kim@b.example").id for name in ("김철수", "김철수")]


def test_what_scripts_rely_on(crm_cli, known):
    [row] = json.loads(crm_cli("duplicates", "find", "--format", "json").output)
    assert {"a", "b", "score", "zone"} <= row.keys()
    assert [row["a"], row["b"], row["zone"]] == [*sorted(known), "auto"]


def test_a_score_can_be_worked_out_from_what_is_printed(crm_cli, known):
    [row] = json.loads(crm_cli("duplicates", "find", "--explain", "--format", "json").output)
    bits = row["prior"] + sum(each["weight"] for each in row["parts"])
    assert row["score"] == round(1 / (1 + 2**-bits), 4)
    assert "log2(0.85 /" in crm_cli("duplicates", "find", "--explain").output
    assert "log2(0.85 /" in crm_cli("duplicates", "explain", *known).output


def test_ruled_out_in_korean(crm_cli, known):
    assert "auto" in crm_cli("--lang", "ko", "duplicates", "find").output
    crm_cli("duplicates", "not-same", *known, "--reason", "형제")
    said = crm_cli("--lang", "ko", "duplicates", "find").output
    assert "두 번 있는 고객이 없는 것 같습니다" in said
    assert json.loads(crm_cli("duplicates", "find", "--format", "json").stdout) == []


def test_noticed_pairs_are_listed(crm_cli, crm, known):
    assert "아직" in crm_cli("--lang", "ko", "duplicates", "list").output
    run_workers(crm, once=True)
    [row] = json.loads(crm_cli("duplicates", "list", "--format", "json").output)
    assert (row["name_a"], row["zone"]) == ("김철수", "auto")


def test_bad_input_is_a_sentence(crm_cli, known):
    done = crm_cli("duplicates", "not-same", known[0], known[0], code=1)
    assert "are one customer already" in done.output
    assert "nobody" not in done.output
    assert "no customer" in crm_cli("duplicates", "explain", "x", "y", code=3).output


def test_a_merge_where_a_third_is_like_both(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        a, b, c = (add(tx, "김철수", "kim@b.example") for _ in "abc")
        tx.add(NotSame(a_id=min(a.id, c.id), b_id=max(a.id, c.id)))
        tx.add(NotSame(a_id=min(b.id, c.id), b_id=max(b.id, c.id)))
    run_workers(crm, once=True)
    with crm.transaction() as tx:
        tx.merge(tx.get(Customer, a.id), tx.get(Customer, b.id))
    run_workers(crm, once=True)
    assert pairs(crm) == []
    assert crm.count(Duplicate) == 0


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ("jiwon.kim@acme.example", "jiwon.kin@acme.example", "near"),
        ("jiwon.kim@gmail.example", "jiwon.kim@gmial.example", "near"),
        ("office@byulhana.example", "office@sosohannal.example", "alike"),
        ("park.donghyun@x.example", "park.doyoon@x.example", "alike"),
        ("jiwon1@acme.example", "jiwon2@acme.example", "alike"),
        ("info@haetgwi.example", "info@haetgwj.example", "alike"),
        ("lee@acme.example", "brandt@zoll.example", "different"),
    ],
)
def test_only_slips_of_the_pen_make_two_addresses_nearly_one(one, other, outcome):
    base = [person("a", "person", "", [one]), person("b", "person", "", [other])]
    for pair in (base, base[::-1]):
        [part] = compare(*pair, Frequencies.of(base))
        assert part.outcome == outcome
        assert (part.weight > 10) == (outcome == "near")


@pytest.mark.parametrize(
    ("one", "other", "mine", "yours", "expected"),
    [
        ("심병철", "김병철", "byungchul.shim@x.example", "byungchul.kim@x.example", "review"),
        ("심병철", "심병철", "byungchul.shim@x.example", "byungchul.shim@x.example", "auto"),
        ("Yvonne Moore", "Yvonne Moore", "yvonne@a.example", "moore@b.example", "review"),
    ],
)
def test_a_name_and_a_country_are_not_enough_to_be_one(one, other, mine, yours, expected):
    home = {"country": "kr"}
    fill = [person(f"f{n}", "person", f"n{n} m{n}", details=home) for n in range(50)]
    base = [
        person("a", "person", one, [mine], details=home),
        person("b", "person", other, [yours], details=home),
    ]
    made = score(*base, Frequencies.of([*base, *fill]))
    assert zone(made, 0.92, 0.5) == expected


def test_ruling_out_forgets_what_was_noticed_and_keeps_one_record(twice):
    crm, a, b = twice
    run_workers(crm, once=True)
    assert crm.count(Duplicate) == 1
    with crm.transaction() as tx:
        first = rule_out(tx, b.id, a.id, "형제")
        assert rule_out(tx, a.id, b.id) == first
        assert rule_out(tx, a.id, b.id, "부자").reason == "부자"
    [kept] = crm.find(NotSame)
    assert (kept.id, kept.a_id, kept.b_id) == (first.id, *sorted((a.id, b.id)))
    assert crm.count(Duplicate) == 0
    assert pairs(crm) == []


def test_of_one_customer_nothing_can_be_ruled_out(twice):
    crm, a, _ = twice
    with crm.transaction() as tx:
        with pytest.raises(CrmError, match="are one customer already"):
            rule_out(tx, a.id, a.id)
        with pytest.raises(NotFound):
            rule_out(tx, a.id, "nobody")
    assert crm.count(NotSame) == 0


def test_who_is_hidden_cannot_be_ruled_out(twice):
    crm, a, b = twice
    with crm.acting("lee").transaction() as tx, pytest.raises(NotFound):
        rule_out(tx, a.id, b.id)
    assert crm.count(NotSame) == 0
