"""`crm demo` as it is typed."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result
from crmkit_demo.chance import dice

from crmkit.cli.root import crm as command
from crmkit.cli.width import width

Run = Callable[..., Result]


@attrs.frozen
class Shown:
    """What the command printed in a language."""

    language: str
    result: Result


def typed(shown: str) -> list[list[str]]:
    """The commands that are said to be typed next, as words behind `crm`."""
    return [shlex.split(line)[1:] for line in shown.splitlines() if line.startswith("  crm ")]


@pytest.fixture(scope="module", params=["ko", "en"])
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    """What `crm demo` shows in an empty folder, in Korean and in English; the folder stays the current one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("folder"))
        for name in ("CRMKIT_DB", "CRMKIT_CONFIG", "CRMKIT_ACTOR", "UV_RUN_RECURSION_DEPTH"):
            patch.delenv(name, raising=False)
        arguments = ["demo", "--customers", "60", "--lang", request.param]
        result = CliRunner().invoke(command, arguments, prog_name="crm")
        assert result.exit_code == 0, result.output
        yield Shown(request.param, result)


@pytest.fixture
def alone(tmp_path: Path) -> None:
    """No other plugin has a share in the company."""
    text = 'storage = "sqlite:///crm.db"\nplugins = ["sqlite", "demo"]\n'
    (tmp_path / "crm.toml").write_text(text, "utf-8")


def again(*words: str) -> str:
    result = CliRunner().invoke(command, list(words), prog_name="crm")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_empty_folder_is_enough(shown: Shown) -> None:
    out, folder = shown.result.stdout, Path.cwd()
    korean = shown.language == "ko"

    assert {each.name for each in folder.iterdir()} >= {"crm.toml", "crm.db"}
    assert str(folder / "crm.toml") in shown.result.stderr
    assert ("다음에 해 볼 명령:" if korean else "What to type next:") in out
    assert ("담당자" if korean else "Owner") in out
    assert out.count("\n$ crm customer show ") == out.count("\n$ crm customer timeline ") == 1
    assert "\n$ crm search 환불 --limit 5\n" in out
    hits = out.partition("$ crm search")[2].partition("\n\n")[0].splitlines()
    assert len(hits) == 1 + 1 + 5  # the command, the heading, five hits


def test_whatever_it_says_to_type_next_works(shown: Shown) -> None:
    commands = [each for each in typed(shown.result.stdout) if "FILE.csv" not in each]

    assert len(commands) >= 8
    for words in commands:
        assert again(*words).strip(), words


def test_the_tour_shows_a_customer_with_a_past(shown: Shown) -> None:
    commands = typed(shown.result.stdout)
    [history] = [each for each in commands if each[0] == "history"]
    [before] = [each for each in commands if "--as-of" in each]
    [merged] = [each for each in commands if each[:2] == ["customer", "show"] and len(each) == 3]

    assert len(again(*history).splitlines()) > 2
    now = json.loads(again(*before[:3], "--format", "json"))
    then = json.loads(again(*before, "--format", "json"))
    assert then["version"] < now["version"]
    assert json.loads(again(*merged, "--format", "json"))["id"] != merged[2]


def test_what_is_explained_fits_a_terminal(shown: Shown) -> None:
    whys = [line for line in shown.result.stdout.splitlines() if line.startswith("      ")]

    assert len(whys) >= 8
    assert all(width(line) <= 80 for line in whys)


@pytest.mark.parametrize("option", [pytest.param("--db", marks=pytest.mark.long), "CRMKIT_DB"])
def test_a_database_that_is_named_is_used(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    url = f"sqlite:///{tmp_path}/my demo.db"
    given = ["--db", url] if option == "--db" else []
    if not given:
        monkeypatch.setenv(option, url)

    shown = run("demo", *given, "--customers", "30")

    assert not (tmp_path / "crm.toml").exists()
    assert (tmp_path / "my demo.db").exists()
    for words in typed(shown.stdout):
        assert words[-2:] == given or not given
        if "FILE.csv" not in words:
            run(*words)


def test_a_crm_toml_is_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "crm.toml").write_text('storage = "sqlite:///ours.db"\n', "utf-8")

    run("demo", "--customers", "5")

    assert (tmp_path / "ours.db").exists()


def test_a_crm_toml_without_a_database_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "crm.toml").write_text("disabled = []\n", "utf-8")

    refused = run("demo", code=1)

    assert "no database was named" in refused.stderr
    assert (tmp_path / "crm.toml").read_text("utf-8") == "disabled = []\n"


def test_scripts_get_a_summary(run: Run, alone: None) -> None:
    made = run(
        "demo", "--customers", "30", "--seed", "3", "--until", "2026-03-02", "--format", "json"
    )
    found = json.loads(made.stdout)

    assert list(found) == [
        "customers",
        "identities",
        "interactions",
        "participants",
        "seed",
        "until",
        "first",
    ]
    assert (found["customers"], found["seed"], found["until"]) == (30, 3, "2026-03-02")
    for name in ("customer", "identity", "interaction", "participant"):
        counted = run("record", name, "count", "--format", "json").stdout
        assert (
            json.loads(counted)["count"]
            == found[f"{name[:-1]}ies" if name == "identity" else f"{name}s"]
        )
    shown = json.loads(run("customer", "show", found["first"], "--format", "json").stdout)
    assert shown["language"] == "ko"


def test_the_summary_is_the_same_in_whatever_language_and_as_csv(run: Run) -> None:
    asked = ("demo", "--customers", "20", "--until", "2026-03-02", "--db")
    one = json.loads(run(*asked, "sqlite:///one.db", "--format", "json", "--lang", "ko").stdout)
    other = json.loads(run(*asked, "sqlite:///other.db", "--format", "json", "--lang", "en").stdout)
    [row] = csv.DictReader(run(*asked, "sqlite:///csv.db", "--format", "csv").stdout.splitlines())

    assert one == other
    assert row == {name: str(value) for name, value in one.items()}


def test_whoever_runs_it_through_uv_goes_on_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")

    shown = run("demo", "--customers", "5").stdout

    assert "\n$ uv run crm search 환불 --limit 5\n" in shown
    assert "\n  uv run crm doctor\n" in shown


def test_a_second_time_is_refused_with_a_sentence(run: Run) -> None:
    run("demo", "--customers", "5")

    refused = run("demo", code=1)

    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [
        "Error: there are customer records in this database already (5); try the demo in an empty one, as in crm demo "
        "--db sqlite:///demo.db"
    ]


@pytest.mark.parametrize("day", ["1999-12-31", "2999-01-01", "tomorrow"])
def test_a_day_that_cannot_be_is_refused(run: Run, day: str) -> None:
    assert "--until" in run("demo", "--until", day, code=2).stderr


def test_a_company_in_memory_says_that_it_is_gone(run: Run) -> None:
    assert "in memory only" in run("demo", "--customers", "5", "--db", "memory://").stderr


def test_a_run_that_was_stopped_says_how_to_go_on_and_goes_on(
    run: Run, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmkit_demo import telling

    write, count = telling._write, 0

    def interrupted(*arguments: Any) -> None:
        nonlocal count
        count += 1
        if count == 20:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(telling, "_write", interrupted)
    stopped = run("demo", "--customers", "30", "--seed", "4", code=130)
    gone_on = run("demo")

    assert "`crm demo` goes on from there" in stopped.stderr
    assert "going on with 30 customers, seed 4" in gone_on.stderr
    assert json.loads(run("customer", "count", "--format", "json").stdout)["count"] == 30


def test_whoever_may_see_nobody_is_told_so(run: Run, tmp_path: Path) -> None:
    plugin = tmp_path / "closed.py"
    plugin.write_text(
        "from crmkit import Manifest, Restriction, hookimpl, where\n"
        "manifest = Manifest('closed')\n"
        "@hookimpl\n"
        "def crm_restrict(actor, kind):\n"
        "    if kind == 'customer' and actor.id == 'nobody':\n"
        "        return Restriction([where.owner == 'nobody'])\n",
        "utf-8",
    )
    (tmp_path / "crm.toml").write_text(
        'storage = "sqlite:///crm.db"\nplugins = ["sqlite", "demo", "./closed.py"]\n', "utf-8"
    )

    shown = run("demo", "--customers", "20", "--actor", "nobody")

    assert "nobody may see no customer here; --actor says who you are" in shown.stderr
    assert "$ crm customer show" not in shown.stdout


TOUR = """
from crmkit import Manifest, hookimpl

manifest = Manifest("{name}", requires=("demo",))


@hookimpl
def crm_demo_tour(story, crm, customer):
    from crmkit_demo.story import Stop

    drawn = story.random.randrange(1000)
    assert crm.get(type(customer), customer.id) == customer
    assert story.customers
    {rest}
"""


def test_plugins_name_commands_and_one_that_fails_does_not_end_the_tour(
    run: Run, tmp_path: Path
) -> None:
    rests = {
        "good": 'yield Stop(("search", str(drawn)), "what was drawn")',
        "broken": 'raise ZeroDivisionError("no way")',
        "wrong": 'return ["search"]',
    }
    for name, rest in rests.items():
        (tmp_path / f"{name}.py").write_text(TOUR.format(name=name, rest=rest), "utf-8")
    named = ", ".join(f'"./{name}.py"' for name in rests)
    text = f'storage = "sqlite:///crm.db"\nplugins = ["sqlite", "demo", {named}]\n'
    (tmp_path / "crm.toml").write_text(text, "utf-8")

    shown = run("demo", "--customers", "60", "--until", "2026-03-02")

    [found] = [each for each in typed(shown.stdout) if each[0] == "search"]
    assert found[1] == str(dice(1, "plugin", "good").randrange(1000))
    assert "      what was drawn\n" in shown.stdout
    assert typed(shown.stdout)[-1] == ["doctor"]
    assert "failed in crm_demo_tour: ZeroDivisionError: no way" in shown.stderr
    assert "returned 'search' from crm_demo_tour; return Stop objects" in shown.stderr


def test_help_is_in_korean_too(run: Run) -> None:
    assert (
        "마지막에 남는 고객의 수입니다. 플러그인이 몇 명을 더할 수 있습니다."
        in run("demo", "--help", "--lang", "ko").stdout
    )
    assert "연습용 회사를 만듭니다." in run("--help", "--lang", "ko").stdout
