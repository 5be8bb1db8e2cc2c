"""The commands of the clinic, as they are typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crmkit.cli.root import crm as command

HERE = Path(__file__).parents[1]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `crm` on a new database with the clinic's crm.toml, in English unless told otherwise."""
    monkeypatch.delenv("CRMKIT_ACTOR", raising=False)
    monkeypatch.setenv("CRMKIT_DB", f"sqlite:///{tmp_path}/clinic.db")
    monkeypatch.setenv("CRMKIT_CONFIG", str(HERE / "crm.toml"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return lambda *arguments: CliRunner().invoke(command, arguments)


@pytest.fixture
def sample(run: Run) -> None:
    assert run("clinic-sample").exit_code == 0


@pytest.mark.usefixtures("sample")
def test_the_day_as_a_doctor_sees_it(run: Run) -> None:
    heading, *lines = run("visits", "--actor", "김서연").stdout.splitlines()

    assert heading.split() == (
        [
            "Time",
            "Branch",
            "Doctor",
            "Chart",
            "number",
            "Patient",
            "Note",
            "Medical",
            "reason",
            "Fee",
            "Status",
        ]
    )
    assert [line.split()[0] for line in lines] == [
        "09:00",
        "09:20",
        "09:40",
        "10:00",
        "10:20",
        "10:40",
    ]
    assert "이준호" in lines[1]
    assert lines[1].endswith("위염 재진           15,000 KRW  booked")


@pytest.mark.usefixtures("sample")
def test_the_day_in_korean(run: Run) -> None:
    heading, *lines = run("visits", "--actor", "김서연", "--lang", "ko").stdout.splitlines()

    assert heading.split() == [
        "시각",
        "지점",
        "의사",
        "차트",
        "번호",
        "환자",
        "메모",
        "진료",
        "사유",
        "진료비",
        "상태",
    ]
    assert all(line.endswith("예약") for line in lines)


@pytest.mark.usefixtures("sample")
def test_the_day_as_a_desk_sees_it(run: Run) -> None:
    rows = json.loads(run("visits", "--actor", "민지@강남", "--format", "json").stdout)

    assert {row["branch"] for row in rows} == {"강남"}
    assert {row["reason"] for row in rows} == {"•••"}
    assert {row["status"] for row in rows} == {"booked"}
    assert [row["patient"] for row in rows] == ["김하늘", "박서연", "정유나"]


@pytest.mark.usefixtures("sample")
def test_a_branch_and_a_day_can_be_chosen(run: Run) -> None:
    here = run("visits", "--actor", "김서연", "--branch", "판교", "--format", "csv")
    assert len(here.stdout.splitlines()) == 1 + 3

    never = run("visits", "--actor", "김서연", "--date", "2020-01-01")
    assert (never.exit_code, never.stdout) == (0, "")
    assert "김서연 sees no visits on 2020-01-01" in never.stderr


@pytest.mark.usefixtures("sample")
def test_a_date_that_is_none_is_refused(run: Run) -> None:
    assert run("visits", "--date", "tomorrow").exit_code == 2


@pytest.mark.usefixtures("sample")
def test_the_sample_is_booked_once(run: Run) -> None:
    again = run("clinic-sample", "--lang", "ko")

    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "이미 진료가 있어서 아무것도 더하지 않았습니다.\n"
    rows = json.loads(run("visits", "--actor", "김서연", "--format", "json").stdout)
    assert len(rows) == 6


@pytest.mark.usefixtures("sample")
def test_a_part_of_a_korean_word_is_found(run: Run) -> None:
    hits = json.loads(run("search", "환불", "--actor", "김서연", "--format", "json").stdout)

    titles = {hit["kind"]: hit["title"] for hit in hits}
    assert titles["interaction"] == "지난번 진료비를 환불받고 싶습니다."
    assert titles["visit"] == "환불 문의, 접수 때 안내"
    assert (
        json.loads(run("search", "환불", "--actor", "민지@강남", "--format", "json").stdout) == []
    )


def book(run: Run, *options: str) -> Result:
    added = run("customer", "add", "--name", "김하늘", "--actor", "민지@강남", "--format", "json")
    id = json.loads(added.stdout)["id"]
    visit = ("--customer", id, "--doctor", "김서연", "--actor", "민지@강남", "--format", "json")
    return run("record", "visit", "add", *visit, *options)


def test_the_commands_that_every_kind_has_keep_the_rules(run: Run) -> None:
    late = book(run, "--at", "2030-01-07T19:00")
    assert late.exit_code == 1
    assert "2030-01-07 19:00 is outside of opening hours" in late.stderr

    elsewhere = book(run, "--at", "2030-01-07T10:00", "--branch", "판교")
    assert elsewhere.exit_code == 1
    assert "it belongs to the branch 판교" in elsewhere.stderr

    booked = book(run, "--at", "2030-01-07T10:00")
    assert json.loads(booked.stdout)["branch"] == "강남"


def test_the_profile_has_the_visits(run: Run) -> None:
    # The sample's visits are of the day on which the test runs: whether they are over depends on the hour.
    booked = json.loads(book(run, "--at", "2030-01-07T10:00").stdout)

    shown = run(
        "customer", "show", booked["customer_id"], "--actor", "김서연", "--lang", "ko"
    ).stdout

    assert "차트 번호" in shown
    [following] = [line for line in shown.splitlines() if "다음 진료" in line]
    assert "2030-01-07 10:00" in following


def test_doctor_finds_visits_that_nobody_worked_off(run: Run) -> None:
    assert book(run, "--at", "2020-01-06T10:00").exit_code == 0

    before = run("doctor", "--format", "json", "--lang", "ko")
    run("work", "--once")
    after = run("doctor", "--format", "json")

    [found] = [line for line in json.loads(before.stdout) if line["check"] == "overdue-visits"]
    assert (before.exit_code, found["severity"]) == (1, "error")
    assert found["text"] == "하루 넘게 지난 예약이 1건 있는데 아무도 연락하지 않고 있습니다"
    assert after.exit_code == 0
    assert "지난 예약은 모두 완료나 미방문으로" in run("doctor", "--lang", "ko").stdout


def test_doctor_finds_visits_with_a_doctor_who_has_left(run: Run, tmp_path: Path) -> None:
    assert book(run, "--at", "2030-01-07T10:00").exit_code == 0
    settings = (HERE / "crm.toml").read_text("utf-8").replace('"김서연", ', "")
    config = tmp_path / "crm.toml"
    config.write_text(settings.replace("./clinic", str(HERE / "clinic")), "utf-8")

    report = run("doctor", "--config", str(config), "--format", "json")

    [found] = [line for line in json.loads(report.stdout) if line["check"] == "visiting-staff"]
    assert found["severity"] == "warning"
    assert "1 visits to come are booked with 김서연" in found["text"]


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_projects_readme_shows_what_is_printed(run: Run, readme: str) -> None:
    text = (HERE.parents[1] / readme).read_text("utf-8")
    block = text.partition("```text\n$ cd examples/clinic")[2].partition("```")[0]
    shown = [each.partition("\n") for each in f"\n{block}".split("\n$ uv run crm ")[1:]]

    printed = [run(*command.split()).stdout for command, _, _ in shown]

    assert [output.rstrip() for *_, output in shown if output] == [printed[1].rstrip()]
