"""What `crm plugin new` writes works as it stands; so does what README shows first."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from crmkit.errors import PluginError
from crmkit.scaffold import KINDS, write_plugin

ROOT = Path(__file__).parents[1]
NAMES = ["a", "opening-hours", "zzzzzzzzzzzz-zzzzz-zzzzz"]


def run(folder: Path, *command: str, **environment: str) -> str:
    """Run a module of this Python in a folder, and expect it to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# What is written ------------------------------------------------------------------------------------------------


def test_its_own_tests_pass_and_the_check_among_them(kind: str, tmp_path: Path) -> None:
    write_plugin("opening-hours", kind, tmp_path)

    # A storage goes through its whole contract below; texts that are naughty take half of the time.
    options = (
        "-q",
        "-p",
        "no:cacheprovider",
        *(("-k", "not naughty") if kind == "storage" else ()),
    )
    said = run(tmp_path / "crmkit-opening-hours", "pytest", *options)

    assert re.search(r"^\d+ passed", said, re.M)


@pytest.mark.long
def test_a_storage_passes_all_of_its_contract(tmp_path: Path) -> None:
    write_plugin("opening-hours", "storage", tmp_path)

    said = run(tmp_path / "crmkit-opening-hours", "pytest", "-q", "-p", "no:cacheprovider")

    assert re.search(r"^\d+ passed", said, re.M)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_linted_and_formatted_whatever_its_name(kind: str, name: str, tmp_path: Path) -> None:
    write_plugin(name, kind, tmp_path)

    run(tmp_path / f"crmkit-{name}", "ruff", "check", "--no-cache")
    run(tmp_path / f"crmkit-{name}", "ruff", "format", "--check", "--no-cache")


def test_types_are_strict(tmp_path: Path) -> None:
    sources = []
    for kind in KINDS:
        write_plugin(f"typed-{kind}", kind, tmp_path)
        sources.append(tmp_path / f"crmkit-typed-{kind}" / "src")

    packages = [word for kind in KINDS for word in ("-p", f"crmkit_typed_{kind}")]
    options = ("--strict", "--cache-dir", str(tmp_path / "cache"))
    path = os.pathsep.join(map(str, [*sources, ROOT]))

    run(tmp_path, "mypy", *options, *packages, MYPYPATH=path)


def test_every_placeholder_is_filled_and_every_file_named(kind: str, tmp_path: Path) -> None:
    files = write_plugin("opening-hours", kind, tmp_path)

    there = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert there == set(files)
    assert tmp_path / "crmkit-opening-hours/src/crmkit_opening_hours/py.typed" in there
    for path in there:
        assert "__package__" not in str(path)
        assert not re.search(r"\{\{\w+\}\}", path.read_text("utf-8")), path


def test_a_distributions_own_name_is_taken_as_well(tmp_path: Path) -> None:
    write_plugin("crmkit-clinic", "module", tmp_path / "new" / "folder")

    project = (tmp_path / "new/folder/crmkit-clinic/pyproject.toml").read_text("utf-8")
    assert 'name = "crmkit-clinic"' in project
    assert 'clinic = "crmkit_clinic"' in project


# What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", "-", "Clinic", "1st", "a_b", "a--b", "a-", "../up", "a/b", "병원", "a" * 25, "crmkit-"],
)
def test_a_name_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="as in 'opening-hours'"):
        write_plugin(name, "module", tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["customer", "record", "money", "custom-field"])
def test_words_of_crmkit_itself_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="is a word of crmkit itself"):
        write_plugin(name, "module", tmp_path)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="there are module, storage, channel, report"):
        write_plugin("clinic", "theme", tmp_path)


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "crmkit-clinic").mkdir()
    (tmp_path / "crmkit-clinic" / "mine.txt").write_text("mine", "utf-8")

    with pytest.raises(PluginError, match="is there already"):
        write_plugin("clinic", "module", tmp_path)

    assert [path.name for path in tmp_path.rglob("*")] == ["crmkit-clinic", "mine.txt"]


def test_a_folder_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    with pytest.raises(PluginError, match="cannot be written to"):
        write_plugin("clinic", "module", tmp_path / "file")


# README ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_first_plugin_of_the_readme_works(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.S | re.M)
    plugin, use = blocks
    module = ModuleType("loyalty")
    monkeypatch.setitem(sys.modules, "loyalty", module)

    exec(plugin, module.__dict__)
    exec(use, {})

    assert len(plugin.splitlines()) < 40


def test_both_readmes_show_the_same_commands_and_code() -> None:
    def blocks(name: str) -> list[str]:
        text = (ROOT / name).read_text("utf-8")
        return re.findall(r"^```(?:console|python)\n.*?^```", text, re.S | re.M)

    english, korean = blocks("README.md"), blocks("README.ko.md")
    commands = [re.findall(r"^\$ .*", each, re.M) for each in english]

    assert commands == [re.findall(r"^\$ .*", each, re.M) for each in korean]
    assert len(english) == 4
