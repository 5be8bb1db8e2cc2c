"""The `crm` command, as people and scripts use it; each test has a company of its own in an empty folder."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crmkit import CRM
from crmkit.cli.root import crm
from crmkit.cli.width import width
from crmkit.past import TRIMMED, Horizon
from crmkit.values import format_time

pytest.importorskip("crmkit_sqlite")

SPA = '''
"""Visits."""
from datetime import datetime
from crmkit import (
    CommandSpec, Customer, Check, FieldSpec, Finding, Manifest, Money, Record, Restriction, Section,
    WorkerSpec, field, hookimpl, kind,
)
import click

manifest = Manifest(name="spa")

@kind("visit", label="Visit", timeline="at", title="reason")
class Visit(Record):
    """A visit."""
    customer_id: str = field(refers_to=Customer)
    at: datetime = field(index=True)
    reason: str = field(search=True)
    done: bool = False
    fee: Money | None = None
    labels: tuple[str, ...] = ()

@hookimpl
def crm_kinds():
    return [Visit]

@hookimpl
def crm_fields():
    return [FieldSpec(on="customer", name="chart_no", type=str | None, label="Chart")]

@hookimpl
def crm_commands():
    return [
        CommandSpec("visits", "The visits of a day.", "spa:visits"),
        CommandSpec("greet", "Greet a customer.", "spa:visits", group="customer"),
        CommandSpec("doctor", "Never seen.", "spa:visits"),
        CommandSpec("lost", "Leads nowhere.", "spa:nothing"),
    ]

@click.command()
@click.pass_obj
def visits(app):
    click.echo(f"{app.handle.count(Visit)} visits for {app.handle.actor}")

@hookimpl
def crm_workers():
    return [WorkerSpec("diary", "spa:keep", kinds=[Visit])]

def keep(tx, changes):
    if any(tx.get(Visit, each.id).reason == "poison" for each in changes):
        raise RuntimeError("bitter")

@hookimpl
def crm_checks():
    return [
        Check("beds", lambda crm: [Finding("no beds", "buy some", "warning")], "Beds."),
        Check("roof", lambda crm: 1 / 0, "The roof."),
        Check("floor", lambda crm: None, "The floor is there."),
    ]

@hookimpl
def crm_profile(crm, customer):
    return [Section("visits", "Visits", [("How many", crm.count(Visit)), *crm.find(Visit)])]

@hookimpl
def crm_restrict(actor, kind):
    if actor.id == "guest" and kind == "visit":
        return Restriction(masked={"reason", "fee", "at"})
'''

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `crm` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("CRMKIT_DB", "CRMKIT_CONFIG", "CRMKIT_ACTOR", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, code: int = 0, input: str | None = None) -> Result:
        result = CliRunner().invoke(crm, arguments, input=input, prog_name="crm")
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def company(run: Run) -> Run:
    """Runs `crm` in the folder of a new company."""
    run("init")
    return run


@pytest.fixture
def spa(company: Run) -> Iterator[Run]:
    """The same with the plugin above."""
    Path("spa.py").write_text(SPA, "utf-8")
    toml = Path("crm.toml")
    toml.write_text('plugins = ["sqlite", "./spa.py"]\n' + toml.read_text("utf-8"), "utf-8")
    yield company
    sys.modules.pop("spa", None)


def answer(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json").stdout)


def added(run: Run, name: str = "한빛전자", *options: str) -> str:
    id: str = answer(run, "customer", "add", "--name", name, *options)["id"]
    return id


# ------------------------------------------------------------------------------------------------------------ customers


def test_adding_a_customer_prints_the_record_with_its_identities(company: Run) -> None:
    options = ("--email", "Buy@Hanbit.example", "--phone", "02-1", "--tag", "vip", "--tag", "new")

    made = answer(company, "customer", "add", "--name", "한빛전자", *options, "--set", "owner=kim")

    assert made["name"] == "한빛전자"
    assert (made["version"], made["tags"], made["owner"]) == (1, ["vip", "new"], "kim")
    addresses = [(each["channel"], each["normalised"]) for each in made["identities"]]
    assert addresses == [("email", "buy@hanbit.example"), ("phone", "02-1")]


def test_a_required_option_that_is_missing_is_a_usage_error(company: Run) -> None:
    assert "Missing option '--name'" in company("customer", "add", code=2).stderr


def test_a_list_is_json_csv_or_a_table(company: Run) -> None:
    id = added(company)

    assert [each["id"] for each in answer(company, "customer", "list")] == [id]
    header, row = company("customer", "list", "--format", "csv").stdout.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["name"] == "한빛전자"
    heading, line = company("customer", "list").stdout.splitlines()
    assert (heading.split(), line.split()) == (["Id", "Name", "Type"], [id, "한빛전자", "person"])


def test_a_cell_of_a_list_is_no_wider_than_sixty_columns(company: Run) -> None:
    id = added(company, "긴" * 20_000)

    lines = company("customer", "list").stdout.splitlines()

    assert max(map(width, lines)) < 120
    assert f"{id}  {'긴' * 29}…" in lines[1]
    assert "긴" * 20_000 in company("customer", "show", id).stdout
    assert "긴" * 20_000 in company("customer", "list", "--format", "csv").stdout


def test_an_empty_list_says_what_to_do_on_stderr(company: Run) -> None:
    result = company("customer", "list")

    assert result.stdout == ""
    assert "crm customer add" in result.stderr
    assert answer(company, "customer", "list") == []


def test_a_page_says_where_the_next_one_begins(company: Run) -> None:
    ids = [added(company, name) for name in "abc"]
    first = company("customer", "list", "--order", "name", "--limit", "2", "--format", "json")
    cursor = first.stderr.split("--after ")[1].strip()

    rest = answer(company, "customer", "list", "--order", "name", "--limit", "2", "--after", cursor)

    assert [each["id"] for each in json.loads(first.stdout) + rest] == ids


def test_a_profile_has_addresses_and_the_latest_contacts(company: Run) -> None:
    id = added(company, "Kim", "--email", "k@x.example")
    company("interaction", "log", "--customer", id, "--channel", "phone", "--subject", "refund")

    profile = answer(company, "customer", "show", id)

    assert profile["identities"][0]["value"] == "k@x.example"
    assert profile["interactions"][0]["subject"] == "refund"
    shown = company("customer", "show", id).stdout
    assert "k@x.example" in shown
    assert "refund" in shown


def test_editing_sets_and_unsets_fields(company: Run) -> None:
    id = added(company, "Kim", "--tag", "vip", "--owner", "lee")

    edited = answer(company, "customer", "edit", id, "--set", "name=Park", "--unset", "owner")

    assert (edited["name"], edited["version"], edited.get("owner")) == ("Park", 2, None)
    company("customer", "edit", id, "--unset", "tags")
    assert answer(company, "customer", "show", id)["tags"] == []


def test_an_edit_of_the_version_that_was_seen_is_merged_with_what_came_after(company: Run) -> None:
    id = added(company, "Kim", "--owner", "lee")
    company("customer", "edit", id, "--set", "owner=park")

    for group in (("customer",), ("record", "customer")):
        mine = ("--version", "1", "--set", "country=KR")
        merged = answer(company, *group, "edit", id, *mine)
    clash = company("customer", "edit", id, "--version", "1", "--set", "owner=ann", code=1)

    assert (merged["owner"], merged["country"]) == ("park", "KR")
    assert "owner (mine 'ann', theirs 'park', originally 'lee')" in clash.stderr
    company("customer", "edit", id, "--version", "9", "--set", "owner=ann", code=3)


@pytest.mark.parametrize("id", ["", " ", "a\x1bb", "a\nb", "\u202egnp"])
def test_an_actor_has_a_name_that_can_be_read(company: Run, id: str) -> None:
    refused = company("customer", "list", "--actor", id, code=1).stderr

    assert refused.startswith("Error: nobody is called")
    assert "--actor kim" in refused


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("--set", "nam=x"), "did you mean 'name'"),
        (("--set", "name"), "--set field=value"),
        (("--set", "version=7"), "kept by crmkit"),
        (("--set", "type=robot"), "customer.type takes one of"),
        (("--unset", "name"), "is required"),
    ],
)
def test_an_edit_that_cannot_be_is_one_sentence(company: Run, change: Any, sentence: str) -> None:
    result = company("customer", "edit", added(company), *change, code=1)

    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr


def test_deleting_asks_first(company: Run) -> None:
    id = added(company)

    assert "Delete 한빛전자?" in company("customer", "delete", id, input="n\n", code=1).stderr
    company("customer", "show", id)
    company("customer", "delete", id, "--yes")
    company("customer", "show", id, code=3)


def test_merging_moves_what_belongs_to_the_other(company: Run) -> None:
    keep, lose = added(company, "Kim"), added(company, "Kim J.", "--email", "k@x.example")

    merged = answer(company, "customer", "merge", keep, lose)

    assert merged["id"] == keep
    assert merged["identities"][0]["value"] == "k@x.example"
    assert answer(company, "customer", "show", lose)["id"] == keep


def test_the_timeline_is_newest_first(company: Run) -> None:
    id = added(company)
    for day in ("2026-03-01", "2026-03-03", "2026-03-02"):
        company("interaction", "log", "--customer", id, "--channel", "visit", "--at", day)

    events = answer(company, "customer", "timeline", id)

    assert [each["happened_at"][:10] for each in events] == [
        "2026-03-02",
        "2026-03-01",
        "2026-02-28",
    ]
    assert {each["kind"] for each in events} == {"interaction"}
    assert "2026-03-03 00:00" in company("customer", "timeline", id).stdout


# ------------------------------------------------------------------------------------------------------------ conditions


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("name=Kim", ["Kim"]),
        ("name == Kim", []),
        ("name != Kim", ["Lee", "Park"]),
        ("name~ar", ["Park"]),
        ("name^Le", ["Lee"]),
        ("name>=Lee", ["Lee", "Park"]),
        ("name < Lee", ["Kim"]),
        ('name in Kim, "Park"', ["Kim", "Park"]),
        ("owner missing", ["Lee", "Park"]),
        ("owner present", ["Kim"]),
        ("tags has vip", ["Lee"]),
        ("created_at > 2020-01-01", ["Kim", "Lee", "Park"]),
        ("organization_id.name = Lee", ["Park"]),
    ],
)
def test_conditions_are_written_as_people_write_them(
    company: Run, condition: str, names: list[str]
) -> None:
    added(company, "Kim", "--owner", "ann")
    lee = added(company, "Lee", "--tag", "vip")
    added(company, "Park", "--organization", lee)

    found = answer(company, "customer", "list", "--where", condition, "--order", "name")

    assert [each["name"] for each in found] == names
    assert answer(company, "customer", "count", "--where", condition) == {"count": len(names)}


@pytest.mark.parametrize(
    "condition", ["", "name", "=x", "nam=x", "created_at>soon", "tags=x", "version^1"]
)
def test_a_condition_that_is_none_is_one_sentence(company: Run, condition: str) -> None:
    result = company("customer", "list", "--where", condition, code=1)

    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


# ----------------------------------------------------------------------------------------------- search and the journal


def test_search_finds_a_part_of_a_korean_word(company: Run) -> None:
    id = added(company)
    options = ("--customer", id, "--channel", "phone", "--body", "배송이 늦어 환불을 요청")
    logged = answer(company, "interaction", "log", *options, "--subject", "문의")

    assert answer(company, "search", "환불") == [
        {"kind": "interaction", "id": logged["id"], "title": "문의"}
    ]
    assert "늦어 환불을" in company("search", "환불").stdout
    assert answer(company, "search", "환불", "--kind", "customer") == []
    assert "nothing was found" in company("search", "없는말").stderr


def test_history_says_who_changed_what_from_what_to_what(company: Run) -> None:
    id = added(company, "Kim")
    company("customer", "edit", id, "--set", "name=Park", "--actor", "lee@acme")

    insert, update = answer(company, "history", "customer", id)

    assert (insert["action"], update["action"]) == ("insert", "update")
    assert update["delta"] == {"name": ["Kim", "Park"]}
    assert update["actor"] == {"id": "lee@acme", "type": "person", "via": "cli"}
    line = company("history", "customer", id).stdout.splitlines()[-1]
    assert line.split()[3:] == ["lee@acme", "update", "Name", "Kim", "Park"]


def test_changes_go_on_behind_a_position(company: Run) -> None:
    added(company, "Kim")
    added(company, "Lee", "--email", "l@x.example")

    first = answer(company, "changes", "--limit", "1")
    rest = answer(company, "changes", "--after", str(first[0]["position"]))

    assert [each["kind"] for each in first + rest] == ["customer", "customer", "identity"]
    assert len(answer(company, "changes", "--kind", "identity")) == 1
    assert company("changes", "--format", "csv").stdout.startswith("position,at,who,action")


def test_the_past_is_answered_where_it_can_be(company: Run) -> None:
    id = added(company, "Kim")
    before = answer(company, "customer", "show", id)["updated_at"]
    company("customer", "edit", id, "--set", "name=Park")

    assert answer(company, "customer", "show", id, "--as-of", before)["name"] == "Kim"
    assert answer(company, "customer", "list", "--as-of", before)[0]["name"] == "Kim"
    assert answer(company, "customer", "count", "--as-of", "2001-01-01") == {"count": 0}
    company("customer", "show", id, "--as-of", "2001-01-01", code=3)
    assert "of the present" in company("search", "Kim", "--as-of", before, code=1).stderr
    totals = company("record", "customer", "totals", "--as-of", before, code=1)
    assert "of the present" in totals.stderr
    company("customer", "show", id, "--as-of", "yesterday", code=2)


# ---------------------------------------------------------------------------------------------- kinds of plugins


def test_a_kind_brings_its_commands(spa: Run) -> None:
    id = added(spa)
    help = spa("record", "visit", "add", "--help").stdout
    assert "--reason" in help
    assert "--customer" in help

    options = ("--customer", id, "--at", "2026-03-01 09:30", "--done", "yes", "--fee", "12.50 EUR")
    made = answer(spa, "record", "visit", "add", "--reason", "치통", "--label", "a", *options)

    assert made["at"] == "2026-03-01T00:30:00.000000+00:00"
    assert (made["done"], made["labels"]) == (True, ["a"])
    assert made["fee"] == {"minor": 1250, "currency": "EUR"}
    shown = spa("record", "visit", "list", "--where", "fee > 1 EUR").stdout
    assert "2026-03-01 09:30" in shown
    assert "12.50 EUR" in shown
    assert "12.50 EUR" in spa("record", "visit", "list", "--format", "csv").stdout
    total = answer(spa, "record", "visit", "totals", "--by", "done", "--sum", "fee")
    assert total == [{"done": True, "count": 1, "sum_fee": {"minor": 1250, "currency": "EUR"}}]
    spa("record", "visit", "delete", made["id"], "--yes")


def test_values_that_do_not_fit_their_field_are_usage_errors(spa: Run) -> None:
    options = ("--customer", "x", "--reason", "r")

    for wrong in (("--at", "noon"), ("--done", "maybe"), ("--fee", "much")):
        result = spa("record", "visit", "add", *options, *wrong, code=2)
        assert "Invalid value for '--" in result.stderr


def test_money_without_a_currency_is_in_the_companys(spa: Run) -> None:
    visit = ("record", "visit")
    told = ("--customer", added(spa), "--reason", "r", "--at", "2026-03-01")

    made = answer(spa, *visit, "add", *told, "--fee", "12,000")
    spa(*visit, "edit", made["id"], "--set", "fee=13000")

    assert made["fee"] == {"minor": 12000, "currency": "KRW"}
    assert answer(spa, *visit, "count", "--where", "fee > 12999") == {"count": 1}
    for wrong in ("much", "12 won", "", "1.2.3"):
        refused = spa(*visit, "add", *told, "--fee", wrong, code=2).stderr
        assert "write it as in 12000 KRW" in refused


def test_fields_of_plugins_are_set_and_shown(spa: Run) -> None:
    id = added(spa, "Kim", "--set", "spa.chart_no=7")

    assert answer(spa, "customer", "show", id)["spa.chart_no"] == "7"
    assert "Chart" in spa("customer", "list").stdout


def test_the_caption_of_a_custom_field_is_its_label(company: Run) -> None:
    company("record", "custom_field", "add", "--on=customer", "--name=tier", "--caption", "등급")
    id = added(company, "Kim", "--set", "custom.tier=gold")

    assert "등급" in company("customer", "list").stdout.splitlines()[0]
    assert "등급" in company("customer", "show", id).stdout
    assert "등급" in company("record", "customer", "add", "--help").stdout


def test_record_alone_lists_the_kinds(spa: Run) -> None:
    kinds = {each["kind"]: each for each in answer(spa, "record")}

    assert {"customer", "visit"} <= kinds.keys()
    assert kinds["visit"]["plugin"].startswith("spa (")
    assert "did you mean 'visit'" in spa("record", "vist", "list", code=2).stderr


def test_a_profile_has_the_sections_of_plugins(spa: Run) -> None:
    id = added(spa)
    spa("record", "visit", "add", "--customer", id, "--reason", "치통", "--at", "2026-03-01")

    shown = spa("customer", "show", id).stdout

    assert "\nVisits\n" in shown
    assert "치통" in shown
    [section] = answer(spa, "customer", "show", id)["sections"]
    assert section["rows"][0] == {"label": "How many", "value": 1}
    assert section["rows"][1]["kind"] == "visit"


def test_what_an_actor_may_not_see_is_masked_in_every_format(spa: Run) -> None:
    id = added(spa)
    options = ("--at", "2026-03-01", "--fee", "1 EUR")
    spa("record", "visit", "add", "--customer", id, "--reason", "치통", *options)

    for format in ("table", "csv", "json"):
        shown = spa("record", "visit", "list", "--actor", "guest", "--format", format).stdout
        assert "•••" in shown
        assert "치통" not in shown
    refused = spa("record", "visit", "list", "--actor", "guest", "--where", "reason=x", code=1)
    assert "may not see visit.reason" in refused.stderr


def test_an_edit_leaves_what_is_masked_as_it_is(spa: Run) -> None:
    visit = ("record", "visit")
    told = ("--reason", "치통", "--at", "2026-03-01", "--fee", "1 EUR")
    id = answer(spa, *visit, "add", "--customer", added(spa), *told)["id"]

    spa(*visit, "edit", id, "--set", "done=yes", "--actor", "guest")
    refused = spa(*visit, "edit", id, "--set", "fee=2 EUR", "--actor", "guest", code=1)

    kept = answer(spa, *visit, "show", id)
    assert (kept["done"], kept["reason"], kept["fee"]["minor"]) == (True, "치통", 100)
    assert "guest may not see visit.fee, so may not write it" in refused.stderr


def test_plugins_bring_commands_and_replace_none(spa: Run) -> None:
    help = spa("--help").stdout

    assert "The visits of a day." in help
    assert "Never seen." not in help
    assert "Greet a customer." in spa("customer", "--help").stdout
    assert spa("visits", "--actor", "kim").stdout == "0 visits for kim\n"
    assert spa("customer", "greet", "--actor", "lee").stdout == "0 visits for lee\n"
    assert "spa:nothing" in spa("lost", code=1).stderr


def test_workers_run_and_show_what_they_set_aside(spa: Run) -> None:
    id = added(spa)
    for reason in ("fine", "poison"):
        options = ("--customer", id, "--reason", reason, "--at", "2026-03-01")
        spa("record", "visit", "add", *options)
    assert answer(spa, "worker", "list")[0]["lag"] == 2

    failed = spa("work", "--once", code=1).stderr
    assert "1 set aside: see `crm worker list`" in failed

    [state] = answer(spa, "worker", "list")
    assert (state["lag"], len(state["aside"])) == (0, 1)
    assert "bitter" in state["aside"][0]["error"]
    assert "1 will be tried again" in spa("worker", "retry").stderr
    assert "bitter" in spa("doctor", code=1).stdout
    assert "there is no worker 'x'" in spa("work", "--once", "--worker", "x", code=1).stderr
    spa("plugin", "disable", "spa")
    spa("work", "--once")  # what is left of it is nothing to work off


# ------------------------------------------------------------------------------------------------- trimming the journal


@pytest.fixture
def renamed(spa: Run) -> str:
    """A customer of version 3; the id."""
    id = added(spa)
    for owner in ("kim", "lee"):
        spa("customer", "edit", id, "--set", f"owner={owner}")
    return id


def moment() -> str:
    return datetime.now(UTC).isoformat()


def test_the_journal_is_trimmed_after_asking(spa: Run, renamed: str) -> None:
    trim = ("journal", "trim", "--before", before := moment())

    told = answer(spa, *trim, "--dry-run")
    asked = spa(*trim, input="n\n", code=1).stderr

    first, second, _ = answer(spa, "history", "customer", renamed)
    assert told == {
        "before": told["before"],
        "changes": 2,
        "first": first["at"],
        "last": second["at"],
    }
    assert "2 changes go, recorded from 20" in asked
    assert "can be read as it was any more. Go on?" in asked
    assert len(answer(spa, "history", "customer", renamed)) == 3

    spa(*trim, input="y\n")
    assert [each["version"] for each in answer(spa, "history", "customer", renamed)] == [3]
    refused = spa("customer", "show", renamed, "--as-of", "2020-01-01", code=1).stderr
    assert f"the past is known from {before} on" in refused
    assert "positions" not in spa("changes", "--after", "1", code=1).stderr
    again = spa(*trim, "--yes")
    assert (again.stderr, answer(spa, *trim, "--yes")["changes"]) == ("", 0)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ((), 2, "Missing option '--before'"),
        (("--before", "yesterday"), 2, "'yesterday' is not a time"),
        (("--before", "2999-01-01"), 1, "lies ahead; name a time that is past"),
        (("--before", "2020-01-01", "--yes"), 1, "already; name a later time"),
    ],
)
def test_a_time_that_cannot_be_trimmed_up_to_is_refused(
    spa: Run, renamed: str, options: tuple[str, ...], code: int, sentence: str
) -> None:
    spa("journal", "trim", "--before", moment(), "--yes")

    assert sentence in spa("journal", "trim", *options, code=code).stderr


def test_trimming_speaks_korean(spa: Run, renamed: str) -> None:
    asked = spa("journal", "trim", "--before", moment(), "--lang", "ko", input="y\n")

    assert "변경 2건이 삭제됩니다" in asked.stderr
    assert "조회할 수 없게 됩니다. 계속할까요?" in asked.stderr
    assert "이전의 변경 내역을 삭제했습니다" in spa("doctor", "--lang", "ko", code=1).stdout


def test_a_worker_holds_trimming_back_until_it_is_forgotten(spa: Run, renamed: str) -> None:
    visit = ("--customer", renamed, "--reason", "fine", "--at", "2026-03-01")
    spa("record", "visit", "add", *visit)
    trim = ("journal", "trim", "--before", moment(), "--yes")
    assert (
        "worker 'diary' has not seen all of that; run `crm work --once`"
        in spa(*trim, code=1).stderr
    )
    assert "is in use; disable its plugin first" in spa("worker", "forget", "diary", code=1).stderr
    spa("work", "--once")
    spa("customer", "edit", renamed, "--set", "owner=park")
    spa("plugin", "disable", "spa")
    trim = ("journal", "trim", "--before", moment(), "--yes")

    assert "`crm worker forget diary`" in spa(*trim, code=1).stderr
    assert "its plugin is not loaded" in spa("worker", "list").stdout
    lines = {each["check"]: each for each in answer(spa, "doctor")}
    assert lines["worker diary"] == {
        "check": "worker diary",
        "severity": "warning",
        "text": "its plugin is not loaded; 1 changes behind",
        "fix": "crm worker forget diary",
    }
    assert "diary is forgotten" in spa("worker", "forget", "diary").stderr
    assert answer(spa, "worker", "list") == []
    spa(*trim)


# --------------------------------------------------------------------------------------------- what doctor says of workers


def _of_diary(spa: Run) -> dict[str, str]:
    [found] = [each for each in _lines(spa) if each["check"] == "worker diary"]
    return {"severity": found["severity"], "text": found["text"], "fix": found["fix"]}


def test_doctor_warns_of_a_worker_that_does_not_run(spa: Run, renamed: str) -> None:
    assert _of_diary(spa)["severity"] == "ok"
    visit = ("--customer", renamed, "--reason", "fine", "--at", "2026-03-01")
    spa("record", "visit", "add", *visit)
    late = {"severity": "warning", "text": "1 changes behind", "fix": "crm work"}
    assert _of_diary(spa) == late

    spa("work", "--once")
    spa("record", "visit", "add", *visit)
    assert _of_diary(spa) == {"severity": "ok", "text": "1 changes behind", "fix": ""}

    with CRM.open(config="crm.toml") as app, app.storage.transaction() as tx:
        kept = tx.state("crmkit/worker/diary")
        long_ago = format_time(datetime.now(UTC) - timedelta(days=2))
        tx.set_state("crmkit/worker/diary", {**kept, "ran": long_ago})
    assert _of_diary(spa) == late


def test_doctor_warns_of_a_worker_that_is_far_behind_and_of_one_that_died(
    spa: Run, renamed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = ("--customer", renamed, "--reason", "fine", "--at", "2026-03-01")
    spa("record", "visit", "add", *visit)
    spa("work", "--once")
    for _ in range(2):
        spa("record", "visit", "add", *visit)
    assert _of_diary(spa)["severity"] == "ok"
    monkeypatch.setattr("crmkit.cli.doctor.MANY", 2)
    assert _of_diary(spa) == {"severity": "warning", "text": "2 changes behind", "fix": "crm work"}

    with CRM.open(config="crm.toml") as app, app.storage.transaction() as tx:
        until = format_time(datetime.now(UTC) - timedelta(minutes=2))
        tx.set_state("crmkit/worker/diary/lease", {"holder": "gone", "until": until})
    died = _of_diary(spa)
    assert (died["severity"], died["fix"]) == ("warning", "crm work")
    assert died["text"].startswith("the process that ran it was broken off at 20")


def test_doctor_tells_of_a_trim_that_was_broken_off(spa: Run, renamed: str) -> None:
    with CRM.open(config="crm.toml") as app, app.storage.transaction() as tx:
        before = datetime(2026, 1, 1, tzinfo=UTC)
        tx.set_state(TRIMMED, Horizon(before, 3, 1).plain())

    [line] = [each for each in _lines(spa) if each["check"] == "journal"]
    assert (line["severity"], line["text"]) == ("warning", "trimming it was broken off")
    assert line["fix"] == "crm journal trim --before 2026-01-01T00:00:00+00:00"


def _lines(spa: Run) -> Any:
    return json.loads(spa("doctor", "--format", "json", code=1).stdout)


# ------------------------------------------------------------------------------------- setting up, doctor and plugins


def test_init_writes_a_configuration_and_a_database_once(run: Run, tmp_path: Path) -> None:
    run("init")

    assert (tmp_path / "crm.db").exists()
    assert "sqlite:///crm.db" in (tmp_path / "crm.toml").read_text("utf-8")
    assert "is there already" in run("init", code=1).stderr


def test_without_a_database_there_is_a_sentence(run: Run) -> None:
    assert "no database was named" in run("customer", "list", code=1).stderr
    assert "is not a database" in run("customer", "list", "--db", "nope://x", code=1).stderr


def test_the_database_is_named_anywhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--db", "sqlite:///a.db", "customer", "add", "--name", "Kim")
    assert len(answer(run, "customer", "list", "--db", "sqlite:///a.db")) == 1
    monkeypatch.setenv("CRMKIT_DB", "sqlite:///a.db")

    assert len(answer(run, "customer", "list")) == 1
    assert answer(run, "--db", "sqlite:///b.db", "customer", "list") == []


def test_a_file_that_is_no_database_exits_with_4(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database, but long enough to be looked at" * 100)

    assert run("customer", "list", "--db", "sqlite:///x.db", code=4).stderr.startswith("Error: ")


def test_a_backup_is_a_database(company: Run) -> None:
    added(company)

    company("backup", "copy.db")

    assert len(answer(company, "customer", "list", "--db", "sqlite:///copy.db")) == 1
    company("backup", "copy.db", code=4)


def test_doctor_shows_every_check_and_fails_on_an_error(spa: Run) -> None:
    lines = json.loads(spa("doctor", "--format", "json", code=1).stdout)

    found = {each["check"]: each for each in lines}
    assert found["storage"]["severity"] == "ok"
    assert (found["beds"]["severity"], found["beds"]["fix"]) == ("warning", "buy some")
    assert found["roof"]["severity"] == "error"
    assert "ZeroDivisionError" in found["roof"]["text"]
    assert found["floor"]["text"] == "The floor is there."


def test_a_broken_plugin_leaves_doctor_help_and_disable_at_work(spa: Run) -> None:
    added(spa)
    Path("broken.py").write_text("raise RuntimeError('oh no')", "utf-8")
    toml = Path("crm.toml")
    text = toml.read_text("utf-8").replace('"./spa.py"', '"./spa.py", "./broken.py"')
    toml.write_text(text, "utf-8")

    assert "oh no" in spa("customer", "list", code=1).stderr
    assert "oh no" in spa("doctor", code=1).stdout
    help = spa("--help").stdout
    assert "Warning: plugin broken" in help
    assert "The visits of a day." in help
    assert "oh no" in spa("plugin", "show", "broken", code=1).stderr
    assert "a plugin is broken" in spa("nothing", code=2).stderr
    assert spa("--version").stdout.startswith("crm ")
    assert {"broken", "spa", "sqlite"} <= {e["name"] for e in answer(spa, "plugin", "list")}
    spa("plugin", "disable", "broken")
    assert len(answer(spa, "customer", "list")) == 1


def test_a_plugin_that_is_gone_keeps_its_records(spa: Run) -> None:
    id = added(spa)
    visit = ("record", "visit")
    made = answer(spa, *visit, "add", "--customer", id, "--reason", "치통", "--at", "2026-03-01")
    told = spa("plugin", "disable", "spa").stderr
    assert "its rules, restrictions and masks do not hold" in told

    lines = answer(spa, "doctor")
    warnings = [each for each in lines if each["severity"] == "warning"]
    assert [each["fix"] for each in warnings] == ["crm plugin enable spa"] * 2
    assert "spa is disabled" in warnings[0]["text"]
    assert "visit: 1 records, whose plugin spa" in warnings[1]["text"]
    assert answer(spa, *visit, "list")[0]["reason"] == "치통"
    assert "치통" in spa(*visit, "show", made["id"]).stdout
    for command in (("edit", made["id"], "--set", "reason=x"), ("add", "--reason", "x")):
        assert "is not loaded" in spa(*visit, *command, code=1).stderr


def test_plugins_are_listed_shown_and_switched(spa: Run) -> None:
    status = {each["name"]: each["status"] for each in answer(spa, "plugin", "list")}
    assert status["spa"] == "enabled"
    shown = answer(spa, "plugin", "show", "spa")
    assert shown["kinds"] == ["visit"]
    assert shown["fields"] == ["customer.spa.chart_no"]
    assert "crm_kinds" in shown["hooks"]

    spa("plugin", "disable", "spa")
    status = {each["name"]: each["status"] for each in answer(spa, "plugin", "list")}
    assert status["spa"] == "disabled"
    assert "crm plugin enable spa" in spa("plugin", "show", "spa", code=1).stderr
    spa("plugin", "enable", "spa")
    spa("plugin", "show", "spa")
    assert "did you mean 'spa'" in spa("plugin", "disable", "spaa", code=1).stderr


def test_a_new_plugin_is_written_and_has_nothing_to_object_to(company: Run, tmp_path: Path) -> None:
    written = answer(company, "plugin", "new", "sample", "--kind", "module", "--dir", "made")

    assert all(Path(each["written"]).is_file() for each in written)
    assert "is there already" in company("plugin", "new", "sample", "--dir", "made", code=1).stderr
    assert answer(company, "plugin", "check", "made/crmkit-sample") == []
    (tmp_path / "made" / "crmkit-sample" / "README.md").unlink()
    assert "README" in company("plugin", "check", "made/crmkit-sample").stdout


def test_disabling_makes_a_configuration_if_there_is_none(run: Run, tmp_path: Path) -> None:
    run("plugin", "disable", "sqlite")

    assert (tmp_path / "crm.toml").read_text("utf-8") == 'disabled = ["sqlite"]\n'


def test_the_configuration_is_shown_and_checked(spa: Run) -> None:
    shown = answer(spa, "config", "show")
    assert shown["company"]["currency"] == "KRW"
    assert shown["plugins"] == ["sqlite", "./spa.py"]
    assert "company.timezone" in spa("config", "show").stdout
    spa("config", "check")

    with Path("crm.toml").open("a") as toml:
        toml.write("[plugin.spa]\nbeds = 3\n")
    assert "[plugin.spa]" in spa("config", "check", code=1).stderr


def test_a_configuration_that_is_broken_is_one_sentence(company: Run) -> None:
    Path("crm.toml").write_text("storage = \n")

    for command in (("customer", "list"), ("config", "show"), ("plugin", "list")):
        assert "is not valid TOML" in company(*command, code=1).stderr
    assert "is not valid TOML" in company("doctor", code=1).stdout
    assert "is not valid TOML" in company("--help").stdout


# ---------------------------------------------------------------------------------------------------------- languages


def test_the_language_is_chosen_by_option_locale_or_configuration(
    company: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Customers and what" in company("--help").stdout
    assert "고객과 고객에" in company("--lang", "ko", "--help").stdout
    added(company)
    assert "이름" in company("customer", "list", "--lang", "ko").stdout
    with Path("crm.toml").open("a") as toml:
        toml.write('[company]\nlanguage = "ko"\n')
    assert "이름" in company("customer", "list").stdout
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert "Name" in company("customer", "list").stdout
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert "이름" in company("customer", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "korean"),
    [
        (("record", "interaction", "list"), "아직 상담"),
        (("record", "interaction", "add", "--help"), "채널"),
        (("record", "customer", "--help"), "고객"),
        (("visits", "--help"), "옵션"),
        (("--help",), "옵션"),
    ],
    ids=" ".join,
)
def test_a_global_option_may_stand_anywhere(
    spa: Run, arguments: tuple[str, ...], korean: str
) -> None:
    for place in range(len(arguments) + 1):
        given = (*arguments[:place], "--lang", "ko", *arguments[place:])
        result = spa(*given)
        assert korean in result.output, given


@pytest.mark.parametrize("place", range(4))
def test_the_database_of_a_kind_is_named_anywhere(run: Run, place: int) -> None:
    command = ["record", "customer", "list"]
    command[place:place] = ["--db=sqlite:///a.db", "--format", "json"]

    assert json.loads(run(*command).stdout) == []


def test_scripts_get_the_same_words_in_every_language(company: Run) -> None:
    id = added(company)

    assert answer(company, "doctor", "--lang", "ko")[0]["severity"] == "ok"
    assert answer(company, "plugin", "list", "--lang", "ko")[0]["status"] == "enabled"
    korean = company("changes", "--lang", "ko", "--format", "csv").stdout
    assert korean == company("changes", "--format", "csv").stdout
    assert "등록" in company("history", "customer", id, "--lang", "ko").stdout


def test_a_plugin_speaks_through_a_catalog_of_its_own(spa: Run, tmp_path: Path) -> None:
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalog = Catalog(locale="ko")
    catalog.add("Visit", "진료")
    catalog.add("Reason", "사유")
    catalog.add("The visits of a day.", "하루의 진료")
    folder = tmp_path / "locale" / "ko" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "spa.mo").open("wb") as file:
        write_mo(file, catalog)

    assert "하루의 진료" in spa("--lang", "ko", "--help").stdout
    assert "진료" in spa("record", "--lang", "ko").stdout
    assert "사유" in spa("--lang", "ko", "record", "visit", "add", "--help").stdout


# ----------------------------------------------------------------------------------------------- what comes in and out


NASTY = [
    "\x1b[31mred\x07",
    "\u202egnp.exe",
    "a\nb\tc",
    "김\u0300\u0323e\u0301",
    "👨‍👩‍👧❤️",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE customer; --",
    "--help",
    "%s%n{0}{name}",
    "\u2028\u0085",
    "ا\u202bلعربية",
    "½ﬀ\ufeff",
    "１２３",
    " ",
    "-",
    "x" * 3000,
    '"quoted", comma',
    "${HOME}`id`",
    "../../etc/passwd",
    "[1, {",
    "1e309",
    "NaN",
    "0x10",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31T23:59:59-12:00",
]


@pytest.mark.parametrize("text", NASTY)
def test_odd_text_is_kept_as_given_and_shown_safely(company: Run, text: str) -> None:
    made = answer(company, "customer", "add", f"--name={text}", f"--owner={text}")

    assert made["name"] == text
    shown = company("customer", "show", made["id"]).stdout
    assert not {"\x1b", "\x07", "\u202e", "\u2028", "\u0085"} & {*shown}
    written = company("customer", "list", "--format", "csv").stdout
    header, row = csv.reader(io.StringIO(written, newline=""))
    assert dict(zip(header, row, strict=True))["owner"] == text


COMMANDS = [
    ("customer", "show", "{}"),
    ("customer", "list", "--where", "{}"),
    ("customer", "list", "--where", "name={}"),
    ("customer", "list", "--where", "created_at>{}"),
    ("customer", "list", "--order", "{}"),
    ("customer", "list", "--after", "{}"),
    ("customer", "list", "--limit", "{}"),
    ("customer", "list", "--as-of", "{}"),
    ("customer", "add", "--name", "n", "--set", "{}"),
    ("customer", "timeline", "{}", "--kind", "{}"),
    ("customer", "merge", "{}", "{}"),
    ("record", "{}", "list"),
    ("record", "identity", "add", "--channel", "{}", "--value", "{}", "--verified-at", "{}"),
    ("record", "customer", "totals", "--by", "{}", "--sum", "{}"),
    ("search", "{}"),
    ("search", "x", "--kind", "{}"),
    ("changes", "--after", "{}"),
    ("history", "{}", "{}"),
    ("plugin", "show", "{}"),
    ("plugin", "disable", "{}"),
    ("worker", "retry", "{}"),
    ("worker", "forget", "{}"),
    ("journal", "trim", "--dry-run", "--before", "{}"),
    ("config", "show", "--config", "{}"),
    ("customer", "list", "--db", "{}"),
    ("{}",),
    ("customer", "{}"),
    ("customer", "list", "--format", "{}"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_odd_arguments_end_in_a_sentence_or_an_answer(
    company: Run, command: tuple[str, ...]
) -> None:
    for text in [*NASTY, "bad\udc80byte", ""]:
        arguments = [each.replace("{}", text) for each in command]
        result = CliRunner().invoke(crm, arguments, prog_name="crm")

        assert result.exit_code in {0, 1, 2, 3, 4}, (arguments, result.output)
        assert "Traceback" not in result.output
        assert "Error: " in result.stderr or result.exit_code == 0
        assert "--debug shows where" not in result.stderr, (arguments, result.stderr)


def test_an_error_that_nobody_foresaw_is_a_sentence_and_a_traceback_on_request(
    spa: Run,
) -> None:
    Path("spa.py").write_text(SPA.replace("click.echo(", "1 / 0, ("), "utf-8")

    assert spa("visits", code=1).stderr.startswith("Error: ZeroDivisionError")
    assert "Traceback" in spa("visits", "--debug", code=1).stderr


def test_ctrl_c_exits_with_130(company: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmkit.crm import Handle

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Handle, "changes", interrupted)

    company("changes", "--follow", code=130)
