"""The commands, as people and scripts type them, on small files and on real ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from crmkit import Customer, Identity, Interaction, where

PEOPLE = "id,이름,이메일,휴대폰,등급\n1,김하늘,sky@hanbit.example,010-2345-6701,gold\n2,John Smith,john@acme.example,,\n"


@pytest.fixture
def people(tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    return "people.csv"


def sums(entry):
    return tuple(entry[each] for each in ("read", "created", "updated", "skipped", "invalid"))


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


def test_scripts_get_the_sums_of_each_file(crm_cli, people):
    first = answer(crm_cli, "import", people)
    again = answer(crm_cli, "import", people)

    assert [(each["file"], sums(each)) for each in first] == [("people.csv", (2, 2, 0, 0, 0))]
    assert sums(again[0]) == (2, 0, 0, 2, 0)
    assert first[0]["not_mapped"] == ["등급"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("ko", ["파일", "등록", "되돌리려면"]), ("en", ["File", "Created", "to take it back"])],
)
def test_people_get_a_table_and_what_to_do_next(crm_cli, people, language, words):
    shown = crm_cli("import", people, "--lang", language)

    for word in words:
        assert word in shown.output


def test_a_plan_names_each_row_and_is_applied_by_its_token(crm_cli, crm, people):
    shown = crm_cli("import", people, "--plan", "--lang", "en")
    assert "김하늘" in shown.stdout
    assert crm.count(Customer) == 0
    plan = answer(crm_cli, "import", people, "--plan")
    assert [row["action"] for row in plan["rows"]] == ["create", "create"]
    assert plan["plan"] in shown.stderr

    done = answer(crm_cli, "import", people, "--apply", plan["plan"])
    assert sums(done[0]) == (2, 2, 0, 0, 0)
    refused = crm_cli("import", people, "--apply", plan["plan"], code=1)
    assert "make a new one with --plan" in refused.stderr


def test_an_empty_plan_is_still_json(crm_cli, tmp_path):
    (tmp_path / "none.csv").write_text("name,email\n", "utf-8")

    plan = answer(crm_cli, "import", "none.csv", "--plan")

    assert plan["rows"] == []
    assert sums(plan["files"][0]) == (0, 0, 0, 0, 0)


def test_a_file_that_cannot_be_read_does_not_stop_the_others(crm_cli, people, tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "iris.csv").write_text("a,b\n1.5,2\n3,4.5\n", "utf-8")

    found = answer(crm_cli, "import", "gone.csv", "empty.csv", "iris.csv", people, code=1)

    assert [sums(each) for each in found] == [(0,) * 5, (0,) * 5, (2, 0, 0, 2, 0), (2, 2, 0, 0, 0)]
    errors = [each["error"] for each in found]
    assert all(errors[:3])
    assert errors[3] is None
    assert "--map" in errors[2]
    assert not any("\n" in each for each in errors[:3])


def test_undoing_is_planned_done_and_said(crm_cli, crm, people):
    [done] = answer(crm_cli, "import", people)
    with crm.transaction() as tx:
        [john] = tx.find(Customer, where.name == "John Smith")
        tx.update(john.evolve(owner="kim"))

    assert answer(crm_cli, "imports", "undo", done["import"], "--plan")[0]["kept"] == 1
    shown = crm_cli("imports", "undo", done["import"], "--lang", "en")
    assert "John Smith" in shown.stderr
    assert [each.name for each in crm.find(Customer)] == ["John Smith"]
    assert answer(crm_cli, "imports", "list")[0]["status"] == "undone"
    assert "undone already" in crm_cli("imports", "undo", done["import"], code=1).stderr
    crm_cli("imports", "show", done["import"])


def test_presets_are_listed(crm_cli):
    found = {each["preset"]: each for each in answer(crm_cli, "imports", "presets")}

    assert found["hubspot-contacts"]["becomes"] == "customer"
    assert found["hubspot-deal"]["reason"]


def test_a_report_says_what_became_of_each_row(crm_cli, people, tmp_path):
    crm_cli("import", people, "--report", "report.csv")

    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["action"] for row in rows] == ["create", "create"]


def test_an_ambiguous_column_is_asked_about(crm_cli, crm, tmp_path):
    (tmp_path / "calls.csv").write_text("when,what\n03/04/2026,a\n05/06/2026,b\n", "utf-8")
    said = (
        "import",
        "calls.csv",
        "--kind",
        "interaction",
        "--map",
        "when=happened_at",
        "--map",
        "what=subject",
        "--set",
        "channel=phone",
    )

    refused = answer(crm_cli, *said, code=1)
    assert "--date-order" in refused[0]["error"]
    assert sums(answer(crm_cli, *said, "--date-order", "dmy")[0]) == (2, 2, 0, 0, 0)
    assert sorted(each.happened_at.month for each in crm.find(Interaction)) == [4, 6]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--map", "x"),
        ("--set", "=y"),
        ("--plan", "--apply", "1-2"),
        ("--date-order", "ymdx"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(crm_cli, people, arguments):
    crm_cli("import", people, *arguments, code=2)


# Out ---------------------------------------------------------------------------------------------------------------


def test_everything_goes_out_and_a_file_is_not_written_over(crm_cli, people, tmp_path):
    crm_cli("import", people)
    crm_cli("export", "--all", "all.jsonl")

    lines = (tmp_path / "all.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0])["crmkit"] == "export"
    assert json.loads(lines[-1])["end"]["records"] == len(
        [each for each in lines if '{"record"' in each[:10]]
    )
    assert "--force" in crm_cli("export", "--all", "all.jsonl", code=1).stderr
    crm_cli("export", "--all", "all.jsonl", "--force")
    assert crm_cli("export", "--all").stdout.splitlines()[1:-1] == lines[1:-1]
    crm_cli("export", "--all", "nowhere/all.jsonl", code=1)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".all")] == []


def test_a_table_of_customers_comes_back_as_it_went(crm_cli, crm, people, tmp_path):
    crm_cli("import", people)
    crm_cli("export", "customer", "out.csv", "--columns", "id,name,owner,email,phone")
    text = (tmp_path / "out.csv").read_text("utf-8-sig")
    assert text.splitlines()[0] == "id,name,owner,email,phone"
    assert "sky@hanbit.example,010-2345-6701" in text

    assert sums(answer(crm_cli, "import", "out.csv")[0]) == (2, 0, 0, 2, 0)
    (tmp_path / "out.csv").write_text(text.replace("John Smith", "John S. Smith"), "utf-8")
    assert sums(answer(crm_cli, "import", "out.csv")[0]) == (2, 0, 1, 1, 0)
    assert crm.count(Customer) == 2
    assert crm.count(Customer, where.name == "John S. Smith") == 1


def test_a_table_obeys_conditions_and_goes_into_a_pipe(crm_cli, people):
    crm_cli("import", people)

    out = crm_cli("export", "customer", "--where", "name=김하늘", "--columns", "name").stdout
    assert out.split() == ["name", "김하늘"]
    [line] = crm_cli(
        "export", "customer", "--where", "name=김하늘", "--format", "json"
    ).stdout.splitlines()
    assert json.loads(line)["name"] == "김하늘"
    crm_cli("export", code=2)
    crm_cli("export", "customers", code=1)


# Odd things --------------------------------------------------------------------------------------------------------


def test_naughty_strings_are_names_notes_and_file_names(crm_cli, crm, data, tmp_path):
    strings = json.loads((data / "09_validation" / "blns.json").read_text("utf-8"))
    with (tmp_path / "naughty.csv").open(
        "w", encoding="utf-8", errors="surrogatepass", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "email", "메모"])
        writer.writerows([n, text, f"n{n}@a.example", text] for n, text in enumerate(strings))

    [done] = answer(crm_cli, "import", "naughty.csv")

    assert done["read"] == len(strings)
    assert done["created"] + done["invalid"] == done["read"]
    assert done["created"] > len(strings) * 0.95
    names = {each.name for each in crm.find(Customer)}
    assert {text.strip() for text in strings if text.strip() and "\0" not in text} - names <= {
        text.strip() for text in strings if len(text.strip()) < 15
    }
    for number, text in enumerate(strings):
        name = (
            text.replace("/", "_").replace("\0", "_").encode()[:60].decode(errors="ignore").strip()
            or "x"
        )
        if name not in {".", ".."} and number % 25 == 0 and not name.startswith("-"):
            (tmp_path / f"{name}.csv").write_text("name,email\nKim,kim@a.example\n", "utf-8")
            assert answer(crm_cli, "import", f"{name}.csv")[0]["read"] == 1


def test_a_field_of_ten_megabytes_is_invalid_with_a_reason(crm_cli, tmp_path):
    (tmp_path / "big.csv").write_text(
        f"name,email,note\nKim,k@a.example,{'x' * 10_000_000}\nLee,l@a.example,y\n", "utf-8"
    )

    [done] = answer(crm_cli, "import", "big.csv")

    assert sums(done) == (2, 1, 0, 0, 1)
    text = (tmp_path / "big.invalid.csv").read_text("utf-8-sig")
    assert "1,000,000" in text[:300]
    assert len(text) > 10_000_000


# Real files --------------------------------------------------------------------------------------------------------

FOLDERS = ["05_korean", "06_exports", "07_vcard_mail_ical/vcard_ezvcard", "07_vcard_mail_ical/eml_cpython", "07_vcard_mail_ical/eml_mikel_mail", "07_vcard_mail_ical/email_reply_parser", "10_csv"]  # fmt: skip
OTHERS = {".md", ".xls", ".xlsx"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_row_of_real_files_is_accounted_for(crm_cli, crm, data, folder):
    if "Memory" not in type(crm.storage).__name__:
        pytest.skip("once is enough for 20,000 rows")
    files = sorted(
        each for each in (data / folder).rglob("*") if each.is_file() and each.suffix not in OTHERS
    )
    files = [each for each in files if "json" not in each.parts]
    found = []
    for each in files:
        code = None
        for code in (0, 1):
            try:
                found += answer(crm_cli, "import", str(each), "--invalid", "bad.csv", code=code)
                break
            except AssertionError:
                if code:
                    raise

    assert len(found) == len(files)
    for entry in found:
        assert (
            entry["read"]
            == entry["created"] + entry["updated"] + entry["skipped"] + entry["invalid"]
        ), entry
        assert entry["read"] or entry["error"] or entry["not_mapped"] is not None


@pytest.mark.parametrize("crm", ["sqlite"], indirect=True)
def test_the_figures_of_the_register_and_of_the_exports(crm_cli, crm, data):
    exports = data / "06_exports"
    [register] = answer(crm_cli, "import", str(data / "05_korean" / "library_std.csv"))
    assert sums(register) == (3555, 3555, 0, 0, 0)
    assert crm.count(Identity, where.channel == "phone") == 3309
    files = [
        "fivetran_hubspot/contact_data.csv",
        "fivetran_hubspot/company_data.csv",
        "fivetran_zendesk/user_data.csv",
    ]
    names = [str(exports / each) for each in files]
    assert [sums(each)[:2] for each in answer(crm_cli, "import", *names)] == [
        (22, 22),
        (24, 24),
        (10, 10),
    ]
    before = crm.count(Customer), crm.count(Identity)
    owners = answer(crm_cli, "import", str(exports / "fivetran_hubspot" / "owner_data.csv"))[0]
    assert owners["read"] == 100
    assert not crm.count(Identity, where.value == "1B2M2Y8AsgTpgAmY7PhCfg==")
    for each in answer(crm_cli, "import", *names, str(data / "05_korean" / "library_std.csv")):
        assert (each["created"], each["updated"]) == (0, 0)
    assert (crm.count(Customer), crm.count(Identity)) == before


def test_engagements_find_their_customers_in_any_order_of_files(crm_cli, crm, data):
    folder = data / "06_exports" / "fivetran_hubspot"
    names = [
        str(folder / f"engagement_{each}_data.csv")
        for each in ("contact", "call", "email", "note", "meeting")
    ]

    found = answer(crm_cli, "import", *names, str(folder / "contact_data.csv"))

    assert {Path(each["file"]).name: each["created"] for each in found} == {
        "engagement_contact_data.csv": 0,
        "engagement_call_data.csv": 1,
        "engagement_email_data.csv": 1,
        "engagement_note_data.csv": 1,
        "engagement_meeting_data.csv": 100,
        "contact_data.csv": 22,
    }
    assert crm.count(Interaction) == 103
