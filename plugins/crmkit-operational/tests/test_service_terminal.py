"""`crm policy` and `crm ticket`, as people and scripts type them."""

import json

import pytest


@pytest.fixture
def crm_plugins():
    return ["sales", "service"]


def test_a_policy_says_its_targets_in_hours_to_people_and_in_minutes_to_scripts(crm, crm_cli):
    crm_cli("policy", "add", "급한 문의", "--first-response", "90m", "--resolution", "8h")

    table = crm_cli("policy", "list").stdout
    [row] = json.loads(crm_cli("policy", "list", "--format", "json").stdout)

    assert "1 h 30 min" in table
    assert "8 h" in table
    assert (row["first_response"], row["next_reply"], row["resolution"]) == (90, None, 480)


def test_a_policy_that_promises_nothing_is_added_with_a_hint(crm, crm_cli):
    assert "--first-response" in crm_cli("policy", "add", "x").stderr
    assert "promises nothing" not in crm_cli("policy", "add", "y", "--resolution", "1h").stderr


def test_a_calendar_that_is_not_there_is_told_with_what_makes_one(crm, crm_cli):
    text = crm_cli("policy", "add", "x", "--resolution", "1h", "--calendar", "없음", code=3).stderr
    assert "crm calendar add" in text


def test_a_change_of_nothing_is_refused(crm, crm_cli):
    made = json.loads(crm_cli("ticket", "open", "환불", "--format", "json").stdout)
    assert "give an option" in crm_cli("ticket", "set", made["id"], code=2).stderr


def test_a_report_of_no_time_is_refused(crm, crm_cli):
    times = ("--since", "2026-02-02", "--until", "2026-02-01")
    assert "give a later time" in crm_cli("ticket", "report", *times, "--lang", "en", code=2).stderr


def test_the_brief_and_the_orders_are_read_in_korean(crm, crm_cli):
    crm_cli("policy", "add", "모두", "--first-response", "1h")
    made = json.loads(crm_cli("ticket", "open", "환불", "--format", "json").stdout)
    assert "첫 응답, " in crm_cli("ticket", "brief", made["id"], "--lang", "ko").stdout

    crm_cli("customer", "add", "--name", "호텔")
    crm_cli("order", "add", "호텔", "--line", "원두, 2, 15000")
    heading = crm_cli("order", "list", "--lang", "ko").stdout.splitlines()[0].split("  ")
    assert "주문 번호" in [each.strip() for each in heading]


def test_what_was_written_is_printed_as_people_give_it_and_for_scripts_as_it_is_kept(crm, crm_cli):
    hours = ("--hours", "mon-tue 09:00-12:00,13:00-18:00")
    table = crm_cli("calendar", "add", "평일", *hours).stdout
    assert "Mon 09:00-12:00,13:00-18:00; Tue 09:00-12:00,13:00-18:00" in table
    made = json.loads(crm_cli("calendar", "edit", "평일", *hours, "--format", "json").stdout)
    assert made["hours"]["tue"] == ["09:00-12:00", "13:00-18:00"]

    assert "chat=1" in crm_cli("agent", "add", "Lee", "--as", "lee", "--channel", "chat=1").stdout
    assert "{}" not in crm_cli("agent", "add", "Kim", "--as", "kim").stdout
    lee = json.loads(crm_cli("agent", "online", "lee", "--format", "json").stdout)
    assert lee["capacities"] == {"chat": 1}

    assert "Place in the queue" not in crm_cli("ticket", "open", "환불").stdout
    assert json.loads(crm_cli("ticket", "open", "환불", "--format", "json").stdout)["queue_key"]
