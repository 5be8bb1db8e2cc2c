"""`crm rule`: rules in words, from a command or a file; what is wrong with them in one sentence."""

from __future__ import annotations

import json

import pytest
from crmkit_operational.automation.conditions import from_plain
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.automation.ready import ready
from crmkit_operational.automation.wording import condition_text, read_trigger, trigger_text

from crmkit.worker import run_workers

FILE = """
[[rule]]
name = "close"
on = "ticket"
when = "3d after updated_at"
if = ["state=pending", "priority in low,normal or topic missing", "customer_id.country!=US"]
do = ["set state=solved team='second line'", "log 'Closed: {subject}' body={today}"]
minutes = 2

[[rule]]
name = "hot"
on = "customer"
when = "changed owner from kim to lee"
if = ["some ticket.customer_id with state=open and priority=urgent"]
do = ["tag hot"]
enabled = true
"""


def written(crm_cli, *arguments):
    return json.loads(crm_cli(*arguments, "--format", "json").stdout)


def test_a_rule_is_written_tried_run_and_reported(crm, crm_cli):
    crm_cli(
        *("rule", "add", "vip", "--on", "ticket", "--when", "created", "--if", "priority=urgent"),
        *("--do", "set team=vip", "--minutes", "2", "--enable"),
    )
    customer = written(crm_cli, "customer", "add", "--name", "한빛")["id"]
    for priority in ("urgent", "low"):
        crm_cli(
            *("record", "ticket", "add", "--customer", customer, "--subject", "환불"),
            *("--priority", priority, "--opened-at", "2026-03-01"),
        )
    tried = written(crm_cli, "rule", "test", "vip")
    assert [each["would_run"] for each in tried] == [True, False]
    assert [each["missed"] for each in tried] == [[], ["priority=urgent"]]
    run_workers(crm, once=True)
    [run] = written(crm_cli, "rule", "runs", "vip", "--record", tried[0]["id"])
    assert (run["outcome"], run["fields"], run["cause"]) == ("done", ["team"], tried[0]["cause"])
    [figures] = written(crm_cli, "rule", "report", "--explain")
    assert (figures["done"], figures["minutes"], figures["rate"]) == (1, 2, 0.0)
    assert figures["done_ids"] == [run["id"]]
    assert "2 minutes x 1 = 2" in crm_cli("rule", "report", "--explain").stderr
    crm_cli("rule", "disable", "vip")
    crm_cli("rule", "remove", "vip", "--yes")
    assert written(crm_cli, "rule", "list") == []


def test_rules_of_a_file_say_what_they_said_there_and_are_changed_in_place(crm, crm_cli, tmp_path):
    (tmp_path / "r.toml").write_text(FILE, "utf-8")
    loaded = written(crm_cli, "rule", "load", "r.toml")
    assert [each["result"] for each in loaded] == ["added", "added"]
    close, hot = written(crm_cli, "rule", "list")
    assert close["when"] == "3d after updated_at"
    assert close["if"][1] == "priority in low,normal or topic missing"
    assert close["do"][0] == "set state=solved team='second line'"
    assert (close["enabled"], hot["enabled"]) == (False, True)
    assert hot["when"] == "changed owner from kim to lee"
    assert hot["if"] == ["some ticket.customer_id with state=open and priority=urgent"]
    crm_cli("rule", "enable", "close", "--since", "30d")
    loaded = written(crm_cli, "rule", "load", "r.toml")
    assert [each["result"] for each in loaded] == ["as it was", "as it was"]
    for each in crm.find(Rule):
        assert from_plain(crm.schema, ready(crm, each).kind, each.conditions)


def test_a_file_with_one_wrong_rule_changes_nothing(crm, crm_cli, tmp_path):
    for wrong, said in (
        (FILE.replace("tag hot", "tg hot"), "did you mean 'tag'?"),
        (FILE.replace('"hot"\n', '"close"\n'), "has two rules 'close'"),
        (FILE.replace("when", "whn"), "unknown key 'whn'; did you mean 'when'?"),
        ("x = 1", "has no rules"),
        ("[[rule", "r.toml"),
    ):
        (tmp_path / "r.toml").write_text(wrong, "utf-8")
        assert said in crm_cli("rule", "load", "r.toml", code=1).stderr
    assert crm.count(Rule) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"--on": "tickt"}, "did you mean 'ticket'?"),
        ({"--when": "creatd"}, "did you mean 'created'?"),
        ({"--when": "changed state from nowhere"}, "takes one of"),
        ({"--when": "changed from new"}, "write it as in"),
        ({"--when": "3 after opened_at"}, "is no duration"),
        ({"--when": "every 0m"}, "too few or too many"),
        ({"--when": "at 9"}, "is no time of day"),
        ({"--if": "prio=1"}, "did you mean 'priority'?"),
        ({"--if": "some ticket.parent with state=new"}, "ticket has no field"),
        ({"--do": "asign lee"}, "did you mean 'assign'?"),
        ({"--do": "set teem=x"}, "did you mean 'team'?"),
        ({"--do": "assign lee kim"}, "does not take 'kim'"),
        ({"--do": "assign lee x=1"}, "takes no 'x'"),
        ({"--do": 'log "x'}, "No closing quotation"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(crm, crm_cli, given, said):
    fine = {"--on": "ticket", "--when": "created", "--do": "assign lee"}
    words = [word for pair in (fine | given).items() for word in pair]
    error = crm_cli("rule", "add", "r", *words, code=1).stderr
    assert said in error
    assert error.count("\n") == 1
    assert crm.count(Rule) == 0


@pytest.mark.parametrize(
    "text",
    [
        "created",
        "changed",
        "changed state,priority",
        "changed state to solved",
        "changed team from nothing to second line",
        "every 90m",
        "every 2h",
        "at 09:30",
        "1w before resolution_due",
        "45m after opened_at",
        "resolution_due reached",
    ],
)
def test_a_trigger_reads_as_it_was_written(crm, text):
    assert trigger_text(read_trigger(crm.schema["ticket"], text)) == text


def test_conditions_read_as_people_write_them():
    of = {"path": "amount", "op": "ge", "value": {"minor": 12000, "currency": "KRW"}}
    assert condition_text(of) == "amount>=12000 KRW"


def test_what_a_rule_did_is_read_in_korean_and_by_scripts_as_it_is(crm, crm_cli):
    crm_cli(
        *("rule", "add", "vip", "--on", "ticket", "--when", "created", "--do", "set team=vip"),
        "--enable",
    )
    crm_cli("ticket", "open", "환불")
    run_workers(crm, once=True)

    [run] = json.loads(crm_cli("rule", "runs", "--format", "json").stdout)

    assert run["outcome"] == "done"
    assert "완료" in crm_cli("rule", "runs", "--lang", "ko").stdout


def test_a_trial_says_what_would_have_failed_and_a_failed_run_is_told_whole(crm, crm_cli):
    crm_cli(
        *("rule", "add", "log", "--on", "ticket", "--when", "created", "--minutes", "3"),
        *("--do", "log {subject}", "--enable"),
    )
    crm_cli(
        "rule",
        "add",
        "odd",
        "--on",
        "ticket",
        "--when",
        "created",
        "--do",
        "set priority={subject}",
    )
    [ticket] = [written(crm_cli, "ticket", "open", "환불")["id"]]

    for name, text in (("log", "belongs to no customer"), ("odd", "ticket.priority takes one of")):
        [tried] = written(crm_cli, "rule", "test", name)
        assert tried["would_run"]
        assert text in tried["trouble"]
    told = crm_cli("rule", "test", "log")
    assert "would have failed, as far as can be told: 1" in told.stderr
    assert "would have saved: 0" in told.stderr

    run_workers(crm, once=True)
    assert f"log: ticket {ticket} belongs to no customer" in crm_cli("rule", "runs", "log").stderr


def test_a_place_of_a_field_that_is_not_there_is_refused_in_any_language(crm_cli):
    told = crm_cli(
        "rule", "add", "a", "--on", "ticket", "--when", "created", "--do", "log {제목}", code=1
    )

    assert "ticket has no field '제목'" in told.stderr


def test_which_rule_of_which_file_is_wrong_is_said(crm_cli, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(FILE.replace("changed owner from kim to lee", "sometimes"), "utf-8")

    assert f"{path} rule 'hot': " in crm_cli("rule", "load", str(path), code=1).stderr
