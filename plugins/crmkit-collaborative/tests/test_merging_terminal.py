"""`crm merge`, as people and scripts type it, and what it does not tell those who may not see all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import ModuleType

import pytest
from crmkit_collaborative.kinds import ChannelPreference, Merge, NotSame

from crmkit import Customer, Identity, Interaction, Manifest, Restriction, hookimpl, where

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


@pytest.fixture
def two(crm):
    a, b = add(
        crm,
        Customer(name="김지원", country="KR", tags=("vip",)),
        Customer(name="Jiwon Kim", owner="lee", tags=("new",)),
    )
    add(
        crm,
        Identity(customer_id=b.id, channel="email", value="j@x.example"),
        Interaction(customer_id=b.id, channel="email", happened_at=NOW, subject="견적"),
        *(ChannelPreference(customer_id=each.id, channel="email", since=NOW) for each in (a, b)),
    )
    return a, b


def test_scripts_plan_apply_and_undo(crm, crm_cli, two):
    a, b = two
    plan = answer(crm_cli, "merge", "plan", a.id, b.id, "--take", "name=keep")
    assert crm.count(Customer) == 2
    fields = {
        each["field"]: (each["value"], each["source"], each["reason"]) for each in plan["fields"]
    }
    assert fields == {
        "name": ("김지원", "keep", "stated"),
        "owner": ("lee", "lose", "only one has it"),
        "country": ("KR", "keep", "only one has it"),
        "tags": (["vip", "new"], "both", "united"),
    }
    assert {each["kind"]: each["count"] for each in plan["references"]} == {
        "channel_preference": 1,
        "identity": 1,
        "interaction": 1,
    }
    assert [each["kind"] for each in plan["gone"]] == ["channel_preference"]
    assert plan["problems"] == []

    done = answer(crm_cli, "merge", "apply", a.id, b.id, "--take", "name=keep")
    assert {**plan, "merge": done["merge"]} == done
    assert crm.get(Customer, b.id).id == a.id

    undone = answer(crm_cli, "merge", "undo", done["merge"])
    assert (undone["customer"], undone["moved"], undone["kept"]) == (b.id, 2, [])
    assert crm.get(Customer, b.id).name == "Jiwon Kim"


@pytest.mark.parametrize(
    ("policy", "values"),
    [
        ("newest", {"name": "Kim", "owner": "park-2"}),
        ("complete", {"name": "김지원 과장", "owner": "park-2"}),
        ("keep", {"name": "김지원 과장", "owner": "lee"}),
    ],
)
def test_a_policy_decides_where_both_have_a_value(crm, crm_cli, clock, policy, values):
    [a] = add(crm, Customer(name="김지원 과장", owner="lee"))
    clock.tick()
    [b] = add(crm, Customer(name="Kim", owner="park-2"))
    plan = answer(crm_cli, "merge", "plan", a.id, b.id, "--policy", policy)
    assert {each["field"]: each["value"] for each in plan["fields"]} == values
    assert all(each["conflict"] for each in plan["fields"])


@pytest.mark.parametrize("format", ["table", "csv"])
def test_people_read_what_a_merge_does(crm, crm_cli, two, format):
    a, b = two
    for command in ("plan", "apply"):
        shown = crm_cli("merge", command, a.id, b.id, "--format", format, "--lang", "en")
        if format == "table":
            assert "김지원" in shown.stdout
            assert "Jiwon Kim" in shown.stdout
            assert "gives way" in shown.stderr
    [made] = crm.find(Merge)
    assert made.id in crm_cli("merge", "list", "--format", format).stdout
    assert made.id in crm_cli("merge", "show", made.id).stdout
    assert b.id in crm_cli("merge", "list", "--customer", b.id).stdout
    assert made.id in crm_cli("merge", "undo", made.id, "--format", format).stdout
    for each in (a.id, b.id):  # who came back is one whom it is about, too
        assert made.id in crm_cli("merge", "list", "--customer", each).stdout


def test_a_split_names_what_goes(crm, crm_cli, two):
    a, b = two
    made = answer(crm_cli, "merge", "apply", a.id, b.id)["merge"]
    [address] = crm.find(Identity)

    done = answer(
        crm_cli, "merge", "split", made, "--move", f"identity:{address.id}", "--reason", "twins"
    )

    assert (done["status"], done["moved"]) == ("split", 1)
    assert crm.get(Identity, address.id).customer_id == b.id
    assert [each.reason for each in crm.find(NotSame)] == ["twins"]


def test_edits_since_are_listed(crm, crm_cli, two):
    a, b = two
    made = answer(crm_cli, "merge", "apply", a.id, b.id)["merge"]
    with crm.transaction() as tx:
        tx.update(tx.get(Customer, a.id).evolve(owner="park"))
    shown = crm_cli("merge", "undo", made, "--plan", "--lang", "en")
    assert "was changed since" in shown.stderr
    done = answer(crm_cli, "merge", "undo", made)
    assert [(each["field"], each["reason"]) for each in done["kept"]] == [
        ("owner", "was changed since")
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("apply", "A", "A"), "are one customer already; name two"),
        (("apply", "A", "B", "--take", "owner"), "write FIELD=keep or FIELD=lose"),
        (("plan", "A", "B", "--take", "ownr=keep"), "did you mean 'owner'?"),
        (("plan", "A", "B", "--take", "id=lose"), "is no value to take over"),
        (("apply", "A", "nobody"), "there is no customer 'nobody'"),
        (("undo", "nothing"), "there is no merge 'nothing'"),
        (("split", "nothing", "--move", "identity"), "write KIND:ID"),
        (("plan", "A", *"BCDEF"), "more than the 5 that `group`"),
    ],
)
def test_bad_input_gets_a_sentence(crm_cli, two, arguments, sentence):
    ids = dict(zip("AB", (each.id for each in two), strict=True))
    code = 3 if "there is no" in sentence else 1
    refused = crm_cli("merge", *(ids.get(each, each) for each in arguments), code=code)
    assert sentence in refused.stderr
    assert "Traceback" not in refused.output


# Those who may not see all --------------------------------------------------------------------------------------


def rules(**restrictions):
    def crm_restrict(actor, kind):
        return restrictions.get(kind) if actor.id == "kim" else None

    module = ModuleType("rules")
    module.manifest = Manifest(name="rules")
    module.crm_restrict = hookimpl(crm_restrict)
    return module


class TestRestricted:
    """kim sees customers of nobody else's, e-mail addresses only, and no owner's language."""

    @pytest.fixture
    def crm_plugins(self):
        return [
            "collaborative",
            rules(
                customer=Restriction([where.country == "KR"], masked=["language"]),
                identity=Restriction([where.channel == "email"]),
                channel_preference=Restriction([where.channel == "none"]),
                not_same=Restriction([where.reason == "seen"]),
            ),
        ]

    @pytest.fixture
    def three(self, crm):
        found = add(
            crm,
            Customer(name="a", country="KR"),
            Customer(name="b", country="KR", language="ko"),
            Customer(name="secret", country="US"),
        )
        a, b, _ = found
        add(
            crm,
            *(Identity(customer_id=b.id, channel=each, value="1") for each in ("email", "phone")),
            *(ChannelPreference(customer_id=each.id, channel="sms", since=NOW) for each in (a, b)),
        )
        return found

    def test_what_they_may_not_see_is_not_shown_and_moves_all_the_same(self, crm, crm_cli, three):
        a, b, _ = three
        kim = ("--actor", "kim")
        done = answer(crm_cli, "merge", "apply", a.id, b.id, *kim)
        assert [(each["kind"], each["count"]) for each in done["references"]] == [("identity", 1)]
        assert done["gone"] == []
        language = next(each for each in done["fields"] if each["field"] == "language")
        assert (language["value"], language["reason"]) == ("•••", "hidden")
        assert "ko" not in {str(each["value"]) for each in done["fields"]}
        assert {each.customer_id for each in crm.find(Identity)} == {a.id}
        assert crm.get(Customer, a.id).language is None

        undone = answer(crm_cli, "merge", "undo", done["merge"], *kim)
        assert (undone["moved"], undone["restored"]) == (1, 0)
        assert {each.customer_id for each in crm.find(Identity)} == {b.id}
        assert crm.count(ChannelPreference) == 2
        assert crm.get(Customer, b.id).language == "ko"

    def test_nobody_merges_whom_they_may_not_see(self, crm, crm_cli, three):
        a, b, secret = three
        for command in ("plan", "apply"):
            refused = crm_cli("merge", command, a.id, secret.id, "--actor", "kim", code=3)
            assert "there is no customer" in refused.stderr
        made = answer(crm_cli, "merge", "apply", secret.id, b.id)["merge"]
        for command in (("show", made), ("undo", made), ("split", made)):
            refused = crm_cli("merge", *command, "--actor", "kim", code=3)
            assert "there is no customer" in refused.stderr
        assert answer(crm_cli, "merge", "list", "--actor", "kim") == []
        assert crm.count(Customer) == 2

    def test_what_stands_against_it_is_told_to_those_who_may_see_it(self, crm, crm_cli, three):
        x, y = sorted(each.id for each in three[:2])
        add(crm, NotSame(a_id=x, b_id=y, reason="twins"))
        refused = crm_cli("merge", "apply", x, y, "--actor", "kim", code=1)
        assert "records that you may not see" in refused.stderr
        assert "twins" not in refused.output
        assert "twins" in crm_cli("merge", "apply", x, y, code=1).stderr

    def test_a_hidden_field_is_not_taken(self, crm_cli, three):
        a, b, _ = three
        take = ("--take", "language=lose", "--actor", "kim")
        assert "may not see" in crm_cli("merge", "apply", a.id, b.id, *take, code=1).stderr
